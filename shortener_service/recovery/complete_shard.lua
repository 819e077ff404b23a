-- Ends the restore of a shard: its counter of links is at least their number, and it is marked as complete.
--
-- KEYS: the restore's mark, the counter of links, the marker. ARGV: the restore, the number of links, the generation,
-- '' where the marker is to stay as it is.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'EMPTIED' end
if tonumber(redis.call('GET', KEYS[2]) or '0') < tonumber(ARGV[2]) then redis.call('SET', KEYS[2], ARGV[2]) end
if ARGV[3] ~= '' then redis.call('SET', KEYS[3], ARGV[3]) end
return 1
