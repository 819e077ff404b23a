-- Puts an entry in the place of what is there, if that is still what was read. An empty text stands for nothing.
--
-- KEYS: the hash, the marker. ARGV: the name, the old value, the new one.
-- Answer: 1, 0 where it has changed, or 'INCOMPLETE'.
if redis.call('EXISTS', KEYS[2]) == 0 then return 'INCOMPLETE' end
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
