-- Claims an event: KEYS[1]; ARGV: its owner, milliseconds. "fresh", "done" or "busy".
local held = redis.call('GET', KEYS[1])
if held == 'done' then
  return 'done'
end
if held and held ~= ARGV[1] then
  return 'busy'
end
redis.call('DEL', KEYS[1]) -- a server without memory refuses SET, unless something was written before
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 'fresh'
