-- Puts a domain in the place of what is there, if that is still what was read. An empty text stands for nothing.
--
-- KEYS: the hash of domains. ARGV: the name, the old value, the new one. Answer: 1, or 0 where it has changed.
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
return 1
