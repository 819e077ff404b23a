-- Keeps the sessions of a batch and appends its clicks to the outbox as one entry.
--
-- KEYS: the outbox, the sessions. ARGV: the outbox's limit, the delivery, the sessions' life in seconds, their values.
-- Answer: 1, or 0 where the outbox is full.
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
for i = 2, #KEYS do
  redis.call('SET', KEYS[i], ARGV[i + 2], 'EX', ARGV[3])
end
redis.call('XADD', KEYS[1], '*', 'd', ARGV[2])
return 1
