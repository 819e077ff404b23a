-- Replaces a link's record, if it is still the one that was read, tells of it, and appends its delivery to the outbox.
--
-- KEYS: the link's hash, the outbox, who holds how much of it, the changes. ARGV: the outbox's limit, the business, the field, the
-- old record, the new one, the delivery, how many changes are named.
-- Answer: 1, 0 where the record has changed meanwhile, or 'FULL'.
local limit = tonumber(ARGV[1])
if not has_room(KEYS[2], KEYS[3], limit, ARGV[2]) then return 'FULL' end
if redis.call('HGET', KEYS[1], ARGV[3]) ~= ARGV[4] then return 0 end
redis.call('HSET', KEYS[1], ARGV[3], ARGV[5])
local number = redis.call('HINCRBY', KEYS[4], 'n', 1)
redis.call('HSET', KEYS[4], number % ARGV[7], ARGV[3])
append(KEYS[2], KEYS[3], limit, ARGV[2], ARGV[6])
return 1
