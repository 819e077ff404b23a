-- Replaces a link's record by a later one, if it is still what was read, as long as its restore goes on.
--
-- KEYS: the restore's mark, the link's hash. ARGV: the restore, the field, the record that was read, the later one.
-- Answer: 1, or 0 where the record has changed meanwhile.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'EMPTIED' end
if redis.call('HGET', KEYS[2], ARGV[2]) ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[4])
return 1
