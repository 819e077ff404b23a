-- Room in an outbox, which businesses share; a part of each script that appends to one.
--
-- Half of it is anybody's. Of the rest no business holds more than is left to all others, so that none alone can fill it. Only
-- what is appended beyond half is counted: it names its business, and is counted no more when it is removed.

-- Forgotten when nothing was counted for so long: what a relay of an earlier release removes stays counted.
local COUNTED_SECONDS = 86400

local function is_shared(left, limit) return 2 * left <= limit end

-- Tells whether there is room for one more entry: of a business, or of several ('').
local function has_room(outbox, counts, limit, business)
  local left = limit - redis.call('XLEN', outbox)
  if not is_shared(left, limit) then return true end
  return business ~= '' and tonumber(redis.call('HGET', counts, business) or 0) < left
end

-- Appends an entry for which there is room.
local function append(outbox, counts, limit, business, delivery)
  if is_shared(limit - redis.call('XLEN', outbox), limit) then
    redis.call('HINCRBY', counts, business, 1)
    redis.call('EXPIRE', counts, COUNTED_SECONDS)
    redis.call('XADD', outbox, '*', 'd', delivery, 'b', business)
  else
    redis.call('XADD', outbox, '*', 'd', delivery)
  end
end

