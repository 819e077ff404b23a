-- Writes what there is besides links: the secret, where it is given, and domains and refused hosts that are not there.
--
-- KEYS: the restore's mark, the secret, the hashes of domains and of refused hosts.
-- ARGV: the restore, the secret or '', and for each entry the number of its key, its name and its value.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'EMPTIED' end
if ARGV[2] ~= '' then redis.call('SET', KEYS[2], ARGV[2]) end
for i = 3, #ARGV, 3 do redis.call('HSETNX', KEYS[tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2]) end
return 1
