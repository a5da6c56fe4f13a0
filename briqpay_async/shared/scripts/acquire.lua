-- Takes a lease: KEYS[1]; ARGV: its owner, milliseconds. 0 when it is the owner's, or else 1.
-- An owner whose first answer got lost asks again, and has it already.
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return 0
end
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return 0
end
return 1
