-- Reads outcomes, and forgets those that were read before. KEYS: outcomes, how many were forgotten. ARGV: how many
-- were read, most to read now, milliseconds to keep them. Asked again for the same, it answers the same.
local forgotten = tonumber(redis.call('GET', KEYS[2]) or '0')
local read = tonumber(ARGV[1])
if read > forgotten then
  redis.call('LTRIM', KEYS[1], read - forgotten, -1)
  redis.call('SET', KEYS[2], read, 'PX', ARGV[3])
end
return redis.call('LRANGE', KEYS[1], 0, ARGV[2] - 1)
