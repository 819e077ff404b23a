-- Acknowledges entries of the outbox and deletes them. One without the other would leave a trace for ever.
--
-- KEYS: the outbox. ARGV: the group, the entries' ids.
for i = 2, #ARGV do
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
  redis.call('XDEL', KEYS[1], ARGV[i])
end
return #ARGV - 1
