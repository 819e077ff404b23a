-- name: make_partitions
-- The monthly partitions of a table (name, its column of time) that cover a range; how many were not there yet.
SELECT make_partitions($1, $2, $3, $4);

-- name: drop_partitions
-- The monthly partitions of a table that hold nothing from a time on; how many there were.
SELECT drop_partitions($1, $2);

-- name: lock_names
-- Waits until no other transaction holds the same lock ($2) of these names. By hash, in its order.
SELECT pg_advisory_xact_lock($2, hash)
FROM (SELECT DISTINCT hashtext(name) AS hash FROM unnest($1::text[]) AS locked (name) ORDER BY hash) AS hashes;

-- name: has_role
-- Whether there is a role of a name.
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1);

-- name: make_role
-- The statement that makes a role ($1) with a password ($2), or without one where that is empty.
SELECT format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION', $1::text)
    || CASE WHEN $2::text = '' THEN '' ELSE format(' PASSWORD %L', $2::text) END;

-- name: list_grants
-- The statements that let a role ($1) read and write the rows of all tables, but of which migrations have run only read.
-- Partitions are reached through their table; the default one, of what came at odd times, can be read by itself too.
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), $1::text) AS statement
UNION ALL
SELECT format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database())
UNION ALL
SELECT format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', current_schema())
UNION ALL
SELECT format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), $1::text)
UNION ALL
SELECT format(
    'GRANT %s %I.%I TO %I',
    CASE WHEN c.relkind = 'S' THEN 'USAGE, SELECT ON SEQUENCE'
         WHEN c.relkind = 'v' OR c.relispartition OR c.relname = 'schema_migrations' THEN 'SELECT ON'
         ELSE 'SELECT, INSERT, UPDATE, DELETE ON' END,
    current_schema(), c.relname, $1::text)
FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')
  AND (NOT c.relispartition OR c.oid IN (SELECT partdefid FROM pg_partitioned_table))
  AND pg_has_role(c.relowner, 'USAGE')
UNION ALL
SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', p.oid::regprocedure, $1::text)
FROM pg_proc p
WHERE p.pronamespace = current_schema()::regnamespace AND p.prosecdef AND pg_has_role(p.proowner, 'USAGE');

-- name: owns_tables
-- Whether whoever asks has the rights of the tables' owner.
SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'clicks'::regclass;
