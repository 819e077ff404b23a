-- name: find_hook
-- A connection by its id alone, and where its business is.
SELECT c.id, c.business_id, c.platform, c.source, c.mapping, c.secret, c.is_enabled, coalesce(b.country, '') AS country,
       c.previous_secret, c.previous_until
FROM connections c
JOIN businesses b ON b.id = c.business_id
WHERE c.id = $1;

-- name: list_hooks
-- Connections in the order of their ids, behind one.
SELECT c.id, c.business_id, c.platform, c.source, c.mapping, c.secret, c.is_enabled, coalesce(b.country, '') AS country,
       c.previous_secret, c.previous_until
FROM connections c
JOIN businesses b ON b.id = c.business_id
WHERE c.id COLLATE "C" > $1
ORDER BY c.id COLLATE "C"
LIMIT $2;

-- name: count_refused
-- One delivery more whose signature was wrong.
UPDATE connections SET refused = refused + 1 WHERE id = $1;

-- name: add_delivery
-- A delivery, which is counted, unless it is there already. For $10 seconds it is left to whoever has taken it in, who
-- turns it into events at once.
WITH added AS (
    INSERT INTO inbox (id, business_id, connection_id, received_at, topic, headers, query, body, people, retry_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + make_interval(secs => $10))
    ON CONFLICT (received_at, id) DO NOTHING
    RETURNING connection_id
)
UPDATE connections
SET deliveries = deliveries + 1, last_delivery_at = greatest(last_delivery_at, $4)
WHERE id = (SELECT connection_id FROM added);

-- name: claim_waiting
-- Some deliveries that wait, left alone by others until they are tried again.
UPDATE inbox i
SET attempts = i.attempts + 1, retry_at = now() + make_interval(secs => least(300, 2 ^ least(i.attempts + 2, 10)))
FROM (
    SELECT received_at, id FROM inbox
    WHERE outcome = 'waiting' AND retry_at <= now()
    ORDER BY retry_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
) AS due
WHERE i.received_at = due.received_at AND i.id = due.id
RETURNING i.id, i.business_id, i.connection_id, i.received_at, i.topic, i.headers, i.query, i.body, i.people,
          i.attempts;

-- name: settle
-- What became of a delivery. Where a person in it was erased after it had come, its content ends with that.
WITH erased AS (
    SELECT EXISTS (
        SELECT FROM inbox i
        JOIN identity_tombstones t ON t.business_id = i.business_id AND t.identity_hash = ANY (i.people)
        WHERE i.received_at = $1 AND i.id = $2 AND t.erased_at >= i.received_at) AS is_so
)
UPDATE inbox
SET outcome = $3, events = $4, reason = $5,
    body = CASE WHEN erased.is_so THEN '' ELSE body END,
    headers = CASE WHEN erased.is_so THEN '{}' ELSE headers END,
    query = CASE WHEN erased.is_so THEN '{}' ELSE query END
FROM erased
WHERE received_at = $1 AND id = $2;

-- name: list_silent
-- Connections, of a business ($1; null: of all), that sent regularly and have not for much longer than between any of
-- their last deliveries, nor than usually since they were made, which is known also once those are dropped; the longest
-- silent first.
SELECT c.id, c.business_id, c.platform, c.name, c.last_delivery_at
FROM connections c
CROSS JOIN LATERAL (
    SELECT max(pause) AS longest_pause
    FROM (
        SELECT received_at - lag(received_at) OVER (ORDER BY received_at) AS pause
        FROM (
            SELECT received_at FROM inbox i
            WHERE i.business_id = c.business_id AND i.connection_id = c.id
            ORDER BY received_at DESC
            LIMIT 100) AS newest) AS pauses) AS usual
WHERE ($1::text IS NULL OR c.business_id = $1) AND c.is_enabled AND c.secret <> ''
  AND c.deliveries >= 10 AND c.last_delivery_at < now() - interval '1 day'
  AND c.last_delivery_at
      < now() - 3 * greatest(usual.longest_pause, (c.last_delivery_at - c.created_at) / nullif(c.deliveries, 0))
ORDER BY c.last_delivery_at, c.id;

-- name: end_connection
-- The platform has ended a connection.
UPDATE connections SET is_enabled = false, disabled_reason = $2 WHERE id = $1;

-- name: list_deliveries
-- Deliveries of a connection next to one, {direction} by receipt.
SELECT id, received_at, topic, outcome, events, reason
FROM inbox
WHERE business_id = $1 AND connection_id = $2 AND (received_at, id) {beyond} ($3, $4)
ORDER BY received_at {direction}, id {direction}
LIMIT $5;

-- name: find_position
-- Where a delivery stands in the list.
SELECT received_at AS at, id FROM inbox WHERE business_id = $1 AND connection_id = $2 AND id = $3;

-- name: replay
-- Has deliveries of a connection turned into events again; how many.
WITH again AS (
    UPDATE inbox SET outcome = 'waiting', attempts = 0, retry_at = now()
    WHERE business_id = $1 AND connection_id = $2 AND received_at >= $3 AND body <> ''
    RETURNING id
)
SELECT count(*) FROM again;
