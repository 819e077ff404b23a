-- name: keep_secret
-- The secret of the installation, unless there is one.
INSERT INTO installation (secret) VALUES ($1) ON CONFLICT (is_only) DO NOTHING;

-- name: find_secret
-- The secret of the installation.
SELECT secret FROM installation;

-- name: keep_domains
-- Copies of domains, in the order of their names; the later revision stays.
INSERT INTO domains AS d (name, business_id, fallback_url, verified_at, revision, is_removed)
SELECT name, business_id, fallback_url, verified_at, revision, is_removed
FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[], $6::boolean[])
    AS copied (name, business_id, fallback_url, verified_at, revision, is_removed)
ORDER BY name
ON CONFLICT (name) DO UPDATE
SET business_id = excluded.business_id, fallback_url = excluded.fallback_url, verified_at = excluded.verified_at,
    revision = excluded.revision, is_removed = excluded.is_removed
WHERE excluded.revision > d.revision;

-- name: find_domains
-- Every domain there ever was.
SELECT name, business_id, fallback_url, verified_at, revision, is_removed FROM domains ORDER BY name;

-- name: keep_refused_hosts
-- Copies of refused hosts, in the order of their names; the later revision stays.
INSERT INTO refused_hosts AS h (name, reason, refused_at, revision, is_removed)
SELECT name, reason, refused_at, revision, is_removed
FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::bigint[], $5::boolean[])
    AS copied (name, reason, refused_at, revision, is_removed)
ORDER BY name
ON CONFLICT (name) DO UPDATE
SET reason = excluded.reason, refused_at = excluded.refused_at, revision = excluded.revision,
    is_removed = excluded.is_removed
WHERE excluded.revision > h.revision;

-- name: find_refused_hosts
-- Every host that ever was refused.
SELECT name, reason, refused_at, revision, is_removed FROM refused_hosts ORDER BY name;

-- name: keep_links
-- Copies of links, in the order of their keys; the later revision stays. Answers with those that were taken over.
INSERT INTO links AS l (
    business_id, id, template, campaign, journey, message, profile_key, revision, link, created_at, origin_template,
    detached_id)
SELECT business_id, id, template, campaign, journey, message, profile_key, revision, link, created_at, origin_template,
       detached_id
FROM unnest(
    texts($1), texts($2), texts($3), texts($4), texts($5), texts($6), $7::bigint[], $8::bigint[], $9::bytea[],
    $10::timestamptz[], texts($11), texts($12)
) AS copied (
    business_id, id, template, campaign, journey, message, profile_key, revision, link, created_at, origin_template,
    detached_id)
ORDER BY business_id, id
ON CONFLICT (business_id, id) DO UPDATE
SET revision = excluded.revision, link = excluded.link, origin_template = excluded.origin_template,
    detached_id = excluded.detached_id, kept_at = clock_timestamp()
WHERE excluded.revision > l.revision
RETURNING new.business_id, new.id, old.id IS NULL AS is_new;

-- name: count_recipients
-- Recipients of new links, each scope's once, and how many there are then.
WITH added AS (
    INSERT INTO recipients (business_id, scope, scope_id, profile_key)
    SELECT DISTINCT business_id, scope, scope_id, profile_key
    FROM unnest(texts($1), texts($2), texts($3), $4::bigint[])
        AS addressed (business_id, scope, scope_id, profile_key)
    ORDER BY business_id, scope, scope_id, profile_key
    ON CONFLICT (business_id, scope, scope_id, profile_key) DO NOTHING
    RETURNING business_id, scope, scope_id
)
INSERT INTO recipient_counts AS c (business_id, scope, scope_id, recipients)
SELECT business_id, scope, scope_id, count(*)
FROM added
GROUP BY business_id, scope, scope_id
ORDER BY business_id, scope, scope_id
ON CONFLICT (business_id, scope, scope_id) DO UPDATE
SET recipients = c.recipients + excluded.recipients;

-- name: begin_export
-- How many links there are, and the time by which their copies are stamped.
SELECT count(*) AS total, clock_timestamp() AS began_at FROM links;

-- name: export_links
-- Copies of links behind one (time, business, id), of all businesses, those kept first in front.
SELECT business_id, id, template, revision, link, origin_template, detached_id, kept_at
FROM links
WHERE (kept_at, business_id, id) > ($1, $2, $3)
ORDER BY kept_at, business_id, id
LIMIT $4;

-- name: list_links
-- Links next to one, {direction} by creation; {only} narrows them down.
SELECT link
FROM links
WHERE business_id = $1 AND (created_at, id) {beyond} ($2, $3) {only}
ORDER BY created_at {direction}, id {direction}
LIMIT $4;

-- name: find_position
-- Where a link stands in the list.
SELECT created_at AS at, id FROM links WHERE business_id = $1 AND id = $2;

-- name: has_links
-- Whether any business has a link.
SELECT EXISTS (SELECT FROM links);

-- name: keep_own_sources
-- Sources of businesses' links, in the order of their keys, each with a part of the text that events have it in. Where
-- one is new, what was decided on events that have it is decided again.
WITH brought AS (
    SELECT DISTINCT business_id, source, needle
    FROM unnest($1::text[], $2::text[], $3::text[]) AS b (business_id, source, needle)
), added AS (
    INSERT INTO own_sources (business_id, source)
    SELECT business_id, source FROM brought ORDER BY business_id, source
    ON CONFLICT (business_id, source) DO NOTHING
    RETURNING business_id, source
)
INSERT INTO sweeps (business_id, needle)
SELECT business_id, b.needle FROM added JOIN brought b USING (business_id, source);
