-- Marks an event as handled: KEYS[1]; ARGV: milliseconds to remember it.
return redis.call('SET', KEYS[1], 'done', 'PX', ARGV[1])
