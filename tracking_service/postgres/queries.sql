-- name: make_partitions
-- The monthly partitions of a table (name, its column of time) that cover a range; how many were not there yet.
SELECT make_partitions($1, $2, $3, $4);

-- name: lock_names
-- Waits until no other transaction holds the same lock ($2) of these names. By hash, in its order.
SELECT pg_advisory_xact_lock($2, hash)
FROM (SELECT DISTINCT hashtext(name) AS hash FROM unnest($1::text[]) AS locked (name) ORDER BY hash) AS hashes;
