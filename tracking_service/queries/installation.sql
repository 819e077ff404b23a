-- name: keep_secret
-- The secret of the installation, unless there is one.
INSERT INTO installation (secret) VALUES ($1) ON CONFLICT (is_only) DO NOTHING;

-- name: find_secret
-- The secret of the installation.
SELECT secret FROM installation;

-- name: keep_domains
-- Copies of domains, in the order of their names; the later revision stays.
INSERT INTO domains AS d (name, business_id, fallback_url, revision, is_removed)
SELECT name, business_id, fallback_url, revision, is_removed
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::boolean[])
    AS copied (name, business_id, fallback_url, revision, is_removed)
ORDER BY name
ON CONFLICT (name) DO UPDATE
SET business_id = excluded.business_id, fallback_url = excluded.fallback_url, revision = excluded.revision,
    is_removed = excluded.is_removed
WHERE excluded.revision > d.revision;

-- name: find_domains
-- Every domain there ever was.
SELECT name, business_id, fallback_url, revision, is_removed FROM domains ORDER BY name;
