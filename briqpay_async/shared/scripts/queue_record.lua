-- Adds outcomes for the followers of a run. KEYS: outcomes. ARGV: milliseconds to keep them, then outcomes.
for place = 2, #ARGV do
  redis.call('RPUSH', KEYS[1], ARGV[place])
end
return redis.call('PEXPIRE', KEYS[1], ARGV[1])
