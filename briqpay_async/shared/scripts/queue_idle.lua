-- Whether a shard has rows and no worker. KEYS: rows, lease, whether the shard is announced. ARGV: milliseconds
-- that an announcement counts, milliseconds after which it is made again. 1: announce it.
if redis.call('LLEN', KEYS[1]) == 0 or redis.call('EXISTS', KEYS[2]) == 1 then
  return 0
end
local left = redis.call('PTTL', KEYS[3])
if left > tonumber(ARGV[1]) - tonumber(ARGV[2]) then
  return 0
end
redis.call('DEL', KEYS[3]) -- a server without memory refuses SET, unless something was written before
redis.call('SET', KEYS[3], '1', 'PX', ARGV[1])
return 1
