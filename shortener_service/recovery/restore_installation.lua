-- Writes what there is besides links: the secret, where it is given, and domains that are not there.
--
-- KEYS: the restore's mark, the secret, the hash of domains.
-- ARGV: the restore, the secret or '', and for each domain its name and its value.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'EMPTIED' end
if ARGV[2] ~= '' then redis.call('SET', KEYS[2], ARGV[2]) end
for i = 3, #ARGV, 2 do redis.call('HSETNX', KEYS[3], ARGV[i], ARGV[i + 1]) end
return 1
