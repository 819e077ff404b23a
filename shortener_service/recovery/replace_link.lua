-- Replaces a link's record by a later one, if it is still what was read, as long as its restore goes on; tells of it.
--
-- KEYS: the restore's mark, the link's hash, the changes. ARGV: the restore, the field, the record that was read, the later one,
-- how many changes are named.
-- Answer: 1, or 0 where the record has changed meanwhile.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'EMPTIED' end
if redis.call('HGET', KEYS[2], ARGV[2]) ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[4])
local number = redis.call('HINCRBY', KEYS[3], 'n', 1)
redis.call('HSET', KEYS[3], number % ARGV[5], ARGV[2])
return 1
