-- Puts rows at the end of a shard. KEYS: rows, whether the shard is announced, the number of this sender's last put.
-- ARGV: most rows in the shard, number of this put, milliseconds to keep rows, milliseconds that an announcement
-- counts, then the rows. 0: there is no room; 1: put; 2: put, and the shard is to be announced.
-- -1: the server has no memory for them.
-- A sender that got no answer puts again under the same number, which changes nothing.
if redis.call('GET', KEYS[3]) == ARGV[2] then
  return 1
end
local length = redis.call('LLEN', KEYS[1])
if length > 0 and length + #ARGV - 4 > tonumber(ARGV[1]) then
  return 0
end
for place = 5, #ARGV do
  local answer = redis.pcall('RPUSH', KEYS[1], ARGV[place])
  if type(answer) == 'table' and answer.err then
    if string.find(answer.err, 'maxmemory', 1, true) then
      return -1 -- only the first can be refused for that
    end
    return answer
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('SET', KEYS[3], ARGV[2], 'PX', 180000)
if redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[4]) then
  return 2
end
return 1
