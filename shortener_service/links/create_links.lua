-- Writes links whose codes are free, counts them, and appends their deliveries to the outbox as one entry.
--
-- KEYS: the marker, the outbox, who holds how much of it, the counter of links, and for each link the hash that it goes into.
-- ARGV: the outbox's limit, the business, the marker as the caller knows it, the number of prefixes, the prefixes (the links' own domain first), and for each link
--       its code at full length, the shortest length to look at, the length to write, its record, its delivery.
-- Answer: the count of links, then for each link 1 (written), or the fields and records that were found.
local marker = redis.call('GET', KEYS[1])
if not marker then return 'INCOMPLETE' end
-- Restored since: the caller may know another secret.
if marker ~= ARGV[3] then return 'RESTORED' end
local limit = tonumber(ARGV[1])
if not has_room(KEYS[2], KEYS[3], limit, ARGV[2]) then return 'FULL' end
local prefixes = tonumber(ARGV[4])
local at = 5 + prefixes
local answers, deliveries = {0}, {}
for i = 5, #KEYS do
  local code, shortest, length = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local fields = {}
  if shortest == length and #code == length then
    -- A code as it stands: another domain may have the same.
    fields[1] = ARGV[5] .. code
  else
    for prefix = 5, 4 + prefixes do
      for n = shortest, #code do fields[#fields + 1] = ARGV[prefix] .. string.sub(code, 1, n) end
    end
  end
  local found = {}
  for n, record in ipairs(redis.call('HMGET', KEYS[i], unpack(fields))) do
    if record then
      found[#found + 1] = fields[n]
      found[#found + 1] = record
    end
  end
  if #found == 0 then
    redis.call('HSET', KEYS[i], ARGV[5] .. string.sub(code, 1, length), ARGV[at + 3])
    deliveries[#deliveries + 1] = ARGV[at + 4]
    answers[#answers + 1] = 1
  else
    answers[#answers + 1] = found
  end
  at = at + 5
end
if #deliveries > 0 then
  append(KEYS[2], KEYS[3], limit, ARGV[2], table.concat(deliveries))
end
answers[1] = redis.call('INCRBY', KEYS[4], #deliveries)
return answers
