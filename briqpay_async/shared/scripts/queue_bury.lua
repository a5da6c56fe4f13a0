-- Keeps rows that failed for good. KEYS: dead letters, by the moment when they expire. ARGV: now, most of them, the
-- moment when these expire, then dead letters. The oldest give way.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1]) -- first, so that a server without memory takes ZADD
for place = 4, #ARGV do
  redis.call('ZADD', KEYS[1], ARGV[3], ARGV[place])
end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - tonumber(ARGV[2]))
return redis.call('EXPIREAT', KEYS[1], math.ceil(tonumber(ARGV[3])))
