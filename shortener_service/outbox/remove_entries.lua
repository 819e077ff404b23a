-- Acknowledges entries of the outbox and deletes them. One without the other would leave a trace for ever.
--
-- KEYS: the outbox, who holds how much of it. ARGV: the group, and for each entry its id and the business that it is counted for,
-- or ''.
for i = 2, #ARGV, 2 do
  local id, business = ARGV[i], ARGV[i + 1]
  redis.call('XACK', KEYS[1], ARGV[1], id)
  local removed = redis.call('XDEL', KEYS[1], id)
  if business ~= '' and removed == 1 and redis.call('HINCRBY', KEYS[2], business, -1) < 1 then
    redis.call('HDEL', KEYS[2], business)
  end
end
return (#ARGV - 1) / 2
