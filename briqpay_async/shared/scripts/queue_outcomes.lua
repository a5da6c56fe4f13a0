-- Reads outcomes, and forgets those that were read before. KEYS: outcomes, how many were forgotten. ARGV: how many
-- were read, most to read now, milliseconds to keep them. Asked again for the same, it answers the same.
local forgotten = redis.call('GET', KEYS[2])
if not forgotten then
  -- The first question; or the server lost its data, and with it those that were read.
  redis.call('DEL', KEYS[2]) -- a server without memory refuses SET, unless something was written before
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[3])
elseif tonumber(ARGV[1]) > tonumber(forgotten) then
  redis.call('LTRIM', KEYS[1], ARGV[1] - forgotten, -1)
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[3])
end
return redis.call('LRANGE', KEYS[1], 0, ARGV[2] - 1)
