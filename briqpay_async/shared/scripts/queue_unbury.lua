-- Removes dead letters. KEYS: dead letters. ARGV: which.
return redis.call('ZREM', KEYS[1], unpack(ARGV))
