-- name: lock_business
-- Holds a business until the transaction ends, so that its connections are counted one creation at a time; nothing where
-- it is not known.
SELECT id FROM businesses WHERE id = $1 FOR NO KEY UPDATE;

-- name: count_connections
-- How many connections a business has.
SELECT count(*) FROM connections WHERE business_id = $1;

-- name: create_connection
-- A new connection.
INSERT INTO connections (id, business_id, platform, source, name, mapping, secret, is_enabled, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: find_connection
-- One connection of a business.
SELECT id, business_id, platform, source, name, mapping, secret, is_enabled, created_at, disabled_reason, deliveries,
       refused, last_delivery_at
FROM connections
WHERE business_id = $1 AND id = $2;

-- name: list_connections
-- Connections next to one, {direction} by creation.
SELECT id, business_id, platform, source, name, mapping, secret, is_enabled, created_at, disabled_reason, deliveries,
       refused, last_delivery_at
FROM connections
WHERE business_id = $1 AND (created_at, id) {beyond} ($2, $3)
ORDER BY created_at {direction}, id {direction}
LIMIT $4;

-- name: find_position
-- Where a connection stands in the list.
SELECT created_at AS at, id FROM connections WHERE business_id = $1 AND id = $2;

-- name: change_connection
-- The fields of a connection that are named in $3, and the connection as it is then. The secret that another one takes the
-- place of counts on for a day.
UPDATE connections
SET name = CASE WHEN 'name' = ANY ($3::text[]) THEN $4 ELSE name END,
    is_enabled = CASE WHEN 'enabled' = ANY ($3) THEN $5 ELSE is_enabled END,
    disabled_reason = CASE WHEN 'enabled' = ANY ($3) THEN NULL ELSE disabled_reason END,
    previous_secret = CASE WHEN 'secret' = ANY ($3) THEN nullif(secret, '') ELSE previous_secret END,
    previous_until = CASE WHEN 'secret' = ANY ($3) THEN now() + interval '24 hours' ELSE previous_until END,
    secret = CASE WHEN 'secret' = ANY ($3) THEN $6 ELSE secret END
WHERE business_id = $1 AND id = $2
RETURNING id, business_id, platform, source, name, mapping, secret, is_enabled, created_at, disabled_reason, deliveries,
       refused, last_delivery_at;

-- name: list_secrets
-- Secrets of connections of all businesses, in the order of their ids, behind one.
SELECT id, secret, previous_secret FROM connections WHERE id > $1 ORDER BY id LIMIT $2;

-- name: renew_secrets
-- The same secrets ($2, $3) encrypted by another key ($4, $5), unless they were changed meanwhile.
UPDATE connections SET secret = $4, previous_secret = $5
WHERE id = $1 AND secret = $2 AND previous_secret IS NOT DISTINCT FROM $3;

-- name: delete_connection
-- A connection; its hook ends with it.
DELETE FROM connections WHERE business_id = $1 AND id = $2 RETURNING id;
