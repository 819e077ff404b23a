-- Notes how much of a budget one gateway was asked for, and returns what all of them were within the last seconds.
-- KEYS: the budget. ARGV: the gateway, the units, and for how many milliseconds that holds.
-- Returns the gateways and their units, one after the other.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. (now + ARGV[3]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local noted = redis.call('HGETALL', KEYS[1])
local present = {}
for at = 1, #noted, 2 do
  local units, until_time = string.match(noted[at + 1], '^(%S+) (%d+)$')
  if tonumber(until_time) < now then
    redis.call('HDEL', KEYS[1], noted[at])
  else
    present[#present + 1] = noted[at]
    present[#present + 1] = units
  end
end
return present
