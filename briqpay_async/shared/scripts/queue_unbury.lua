-- Removes dead letters, and says how many there were. KEYS: dead letters. ARGV: which.
local removed = 0
for place = 1, #ARGV do
  removed = removed + redis.call('ZREM', KEYS[1], ARGV[place])
end
return removed
