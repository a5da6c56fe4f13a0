-- Takes rows out of a shard whose outcomes are recorded, and ends the lease. KEYS: rows, lease, whether the shard is
-- announced, how many rows were ever taken out. ARGV: owner, how many had been taken out when these were read, how
-- many these are, milliseconds that an announcement counts (0: announce nothing), milliseconds to keep rows, then rows
-- to put back at the front, the first one last. 'lost': another owner has the shard, and nothing was done; 'more': it
-- is to be announced; 'done'.
if (redis.call('GET', KEYS[4]) or '0') == ARGV[2] then
  if redis.call('GET', KEYS[2]) ~= ARGV[1] then
    return 'lost'
  end
  redis.call('LTRIM', KEYS[1], ARGV[3], -1)
  redis.call('INCRBY', KEYS[4], ARGV[3])
  for place = 6, #ARGV do
    redis.call('LPUSH', KEYS[1], ARGV[place])
  end
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
end
if redis.call('GET', KEYS[2]) == ARGV[1] then
  redis.call('DEL', KEYS[2])
end
if ARGV[4] ~= '0' and redis.call('LLEN', KEYS[1]) > 0 and redis.call('GET', KEYS[3]) ~= '1' then
  redis.call('DEL', KEYS[3]) -- a server without memory refuses SET, unless something was written before
  redis.call('SET', KEYS[3], '1', 'PX', ARGV[4])
  return 'more'
end
return 'done'
