-- name: list_tables
-- All tables but partitions and what tells of migrations; which are partitioned, and which tables each refers to.
SELECT c.relname AS name, c.relkind = 'p' AS is_partitioned,
       ARRAY(SELECT DISTINCT r.confrelid::regclass::text FROM pg_constraint r
             WHERE r.conrelid = c.oid AND r.contype = 'f' AND r.confrelid <> c.oid) AS referred_to
FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND c.relname <> 'schema_migrations'
ORDER BY c.relname;

-- name: list_columns
-- The columns of a table that can be written.
SELECT attname AS name
FROM pg_attribute
WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
ORDER BY attnum;

-- name: list_sequences
-- The sequences behind the columns of tables.
SELECT t.relname AS table_name, a.attname AS column_name, s.oid::regclass::text AS sequence
FROM pg_class s
JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
JOIN pg_class t ON t.oid = d.refobjid
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
WHERE s.relkind = 'S' AND t.relnamespace = current_schema()::regnamespace
ORDER BY 1, 2;

-- name: list_months
-- The months that a partitioned table has partitions for.
SELECT DISTINCT to_char(to_date(right(c.relname, 7), 'YYYY_MM'), 'YYYY-MM') AS month
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = $1::regclass AND c.relname ~ '_\d{4}_\d{2}$'
ORDER BY 1;

-- name: list_migrations
-- Which migrations have run, and their checksums.
SELECT name, encode(checksum, 'hex') AS checksum FROM schema_migrations ORDER BY name;

-- name: set_sequence
-- Lets a sequence go on behind a number.
SELECT setval($1::regclass, $2);

-- name: make_months
-- The partition of a month, where it is not there.
SELECT make_partitions($1, $2, $3, $3);

-- name: revoke_credentials
-- Makes what opens anything by itself worthless: private tokens, and the keys that links to reports are signed with.
WITH keys AS (DELETE FROM report_link_keys)
UPDATE tokens SET revoked_at = now() WHERE revoked_at IS NULL;
