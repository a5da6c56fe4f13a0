-- Takes the lease of a shard and reads its first rows, which stay in it. KEYS: rows, lease, whether the shard is
-- announced, how many rows were ever taken out. ARGV: owner, milliseconds of the lease, most rows, most bytes.
-- {}: another owner has it; {n}: it is empty; {n, rows...}. n is how many rows were ever taken out.
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] then
  -- The wake-up that led here is used up: the owner announces the shard again, if it leaves rows in it.
  local left = redis.call('PTTL', KEYS[3])
  if left > 0 then
    redis.call('DEL', KEYS[3])
    redis.call('SET', KEYS[3], 'used', 'PX', left)
  end
  return {}
end
redis.call('DEL', KEYS[3]) -- first: a server without memory refuses SET, unless something was written before
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
local answer = redis.call('LRANGE', KEYS[1], 0, ARGV[3] - 1)
if #answer == 0 then
  redis.call('DEL', KEYS[2])
end
local bytes = 0
for place = 1, #answer do
  bytes = bytes + #answer[place]
  if place > 1 and bytes > tonumber(ARGV[4]) then
    for rest = place, #answer do
      answer[rest] = nil
    end
    break
  end
end
table.insert(answer, 1, redis.call('GET', KEYS[4]) or '0')
return answer
