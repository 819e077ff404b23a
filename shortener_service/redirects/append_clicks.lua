-- Keeps the sessions of a batch and appends its clicks to the outbox as one entry.
--
-- KEYS: the outbox, who holds how much of it, the sessions. ARGV: the outbox's limit, the business ('' for several), the delivery,
-- the sessions' life in seconds, their values.
-- Answer: 1, or 0 where the outbox has no room for it.
local limit = tonumber(ARGV[1])
if not has_room(KEYS[1], KEYS[2], limit, ARGV[2]) then return 0 end
for i = 3, #KEYS do
  redis.call('SET', KEYS[i], ARGV[i + 2], 'EX', ARGV[4])
end
append(KEYS[1], KEYS[2], limit, ARGV[2], ARGV[3])
return 1
