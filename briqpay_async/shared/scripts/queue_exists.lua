-- Whether a key exists: KEYS[1].
return redis.call('EXISTS', KEYS[1])
