-- Adds outcomes for the followers of a run. KEYS: outcomes. ARGV: milliseconds to keep them, then outcomes.
redis.call('LTRIM', KEYS[1], 0, -1) -- a server without memory refuses RPUSH, unless something was written before
for place = 2, #ARGV do
  redis.call('RPUSH', KEYS[1], ARGV[place])
end
return redis.call('PEXPIRE', KEYS[1], ARGV[1])
