-- Writes links that are not there, as long as the restore that they belong to goes on.
--
-- KEYS: the restore's mark, and for each link the hash that it goes into.
-- ARGV: the restore, and for each link its field and its record.
-- Answer: how many were written, then for each that was there with another record its number and that record.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'EMPTIED' end
local answers = {0}
for i = 2, #KEYS do
  local field, record = ARGV[i * 2 - 2], ARGV[i * 2 - 1]
  if redis.call('HSETNX', KEYS[i], field, record) == 1 then
    answers[1] = answers[1] + 1
  else
    local kept = redis.call('HGET', KEYS[i], field)
    if kept ~= record then
      answers[#answers + 1] = i - 2
      answers[#answers + 1] = kept
    end
  end
end
return answers
