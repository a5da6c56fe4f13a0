-- Takes turns of a rate (GCRA): KEYS[1]; ARGV: microseconds between turns, microseconds of tolerance for a burst,
-- how many, and the most microseconds to wait. Returns how long the first turn that was not taken would have to be
-- waited for (0 when all were taken), and for each turn that was taken, the microseconds until then.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local next_turn = tonumber(redis.call('GET', KEYS[1]) or '0')
local answer = {0}
for number = 1, tonumber(ARGV[3]) do
  local turn = math.max(now, next_turn - tolerance)
  if turn - now > tonumber(ARGV[4]) then
    answer[1] = math.ceil(turn - now)
    break
  end
  next_turn = math.max(now, next_turn) + interval
  answer[number + 1] = math.ceil(turn - now)
end
if #answer > 1 then
  redis.call('DEL', KEYS[1]) -- a server without memory refuses SET, unless something was written before
  redis.call('SET', KEYS[1], string.format('%.3f', next_turn), 'PX', math.ceil((next_turn - now) / 1000) + 1000)
end
return answer
