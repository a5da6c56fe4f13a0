-- Reads dead letters, oldest first. KEYS: dead letters. ARGV: now, how many to pass over, most to read.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
return redis.call('ZRANGE', KEYS[1], ARGV[2], ARGV[2] + ARGV[3] - 1)
