-- Replaces a link's record, if it is still the one that was read, tells of it, and appends its delivery to the outbox.
--
-- KEYS: the link's hash, the outbox, the changes. ARGV: the outbox's limit, the field, the old record, the new one, the delivery,
-- how many changes are named.
-- Answer: 1, 0 where the record has changed meanwhile, or 'FULL'.
if redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[1]) then return 'FULL' end
if redis.call('HGET', KEYS[1], ARGV[2]) ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[4])
local number = redis.call('HINCRBY', KEYS[3], 'n', 1)
redis.call('HSET', KEYS[3], number % ARGV[6], ARGV[2])
redis.call('XADD', KEYS[2], '*', 'd', ARGV[5])
return 1
