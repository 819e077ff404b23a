-- name: make_partitions
-- The monthly partitions of a table (name, its column of time) that cover a range; how many were not there yet.
SELECT make_partitions($1, $2, $3, $4);
