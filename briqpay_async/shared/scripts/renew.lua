-- Renews a lease: KEYS[1]; ARGV: its owner, milliseconds. 1 when it still is the owner's, or else 0.
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
