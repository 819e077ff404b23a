-- Removes consumers of the outbox for which nothing is pending: one by its name, or all that are idle for too long.
--
-- KEYS: the outbox. ARGV: the group, the consumer's name or '', the idle time in milliseconds.
-- Answer: how many were removed.
local removed = 0
for _, fields in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #fields, 2 do consumer[fields[i]] = fields[i + 1] end
  local is_meant = consumer['name'] == ARGV[2] or (ARGV[2] == '' and consumer['idle'] > tonumber(ARGV[3]))
  if is_meant and consumer['pending'] == 0 then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer['name'])
    removed = removed + 1
  end
end
return removed
