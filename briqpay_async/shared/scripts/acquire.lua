-- Takes a lease: KEYS[1]; ARGV: its owner, milliseconds. 0 when it is the owner's, or else 1.
-- An owner whose first answer got lost asks again, and has it already.
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
  return 1
end
redis.call('DEL', KEYS[1]) -- a server without memory refuses SET, unless something was written before
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 0
