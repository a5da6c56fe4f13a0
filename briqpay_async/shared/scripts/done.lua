-- Marks an event as handled: KEYS[1]; ARGV: milliseconds to remember it.
redis.call('DEL', KEYS[1]) -- a server without memory refuses SET, unless something was written before
return redis.call('SET', KEYS[1], 'done', 'PX', ARGV[1])
