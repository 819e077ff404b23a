-- name: find_first_clicks
-- First clicks of persons (business, profile's surrogate), those in the scopes that a link of theirs belongs to.
SELECT DISTINCT f.*
FROM unnest(texts($1), $2::bigint[], texts($3), texts($4), texts($5), texts($6))
    AS clicking (business_id, profile_key, link, campaign, journey, message)
CROSS JOIN LATERAL (
    SELECT s.business_id, s.id AS session, s.profile_key, s.clicked_at, s.click_id, s.link_created_at, s.link, s.campaign,
           s.journey, s.message, s.origin, s.is_clicked_by_recipient AS is_recipients, s.firsts
    FROM sessions s
    WHERE s.business_id = clicking.business_id AND s.profile_key = clicking.profile_key AND s.firsts > 0 AND (
        s.firsts & 33 > 0 OR s.link = clicking.link OR s.campaign = clicking.campaign OR s.journey = clicking.journey
        OR s.message = clicking.message)
    OFFSET 0) AS f;

-- name: find_clicked_sessions
-- Sessions (business, id) that clicks minted, as above.
SELECT s.business_id, s.id AS session, s.profile_key, s.clicked_at, s.click_id, s.link_created_at, s.link, s.campaign,
       s.journey, s.message, s.origin, s.is_clicked_by_recipient AS is_recipients, s.firsts
FROM unnest($1::text[], $2::text[]) AS wanted (business_id, session)
JOIN sessions s ON s.business_id = wanted.business_id AND s.id = wanted.session
WHERE s.click_id IS NOT NULL;

-- name: find_clicks_of_visitors
-- All clicks that minted sessions of persons, and those of these sessions, as above.
SELECT s.business_id, s.id AS session, s.profile_key, s.clicked_at, s.click_id, s.link_created_at, s.link, s.campaign,
       s.journey, s.message, s.origin, s.is_clicked_by_recipient AS is_recipients, s.firsts
FROM sessions s
WHERE s.business_id = $1 AND s.click_id IS NOT NULL AND s.profile_key = ANY ($2::bigint[])
UNION
SELECT s.business_id, s.id, s.profile_key, s.clicked_at, s.click_id, s.link_created_at, s.link, s.campaign, s.journey,
       s.message, s.origin, s.is_clicked_by_recipient, s.firsts
FROM sessions s
WHERE s.business_id = $1 AND s.click_id IS NOT NULL AND s.id = ANY ($3::text[]);

-- name: change_firsts
-- Where clicks of sessions (business, id) are the first ones from now on.
UPDATE sessions s
SET firsts = changed.firsts
FROM unnest($1::text[], $2::text[], $3::smallint[]) AS changed (business_id, session, firsts)
WHERE s.business_id = changed.business_id AND s.id = changed.session;

-- name: add_counts
-- What clicks add to the counters of recipients' links ($1 to $10), to those of scopes ($11 to $20) and to the breakdowns
-- of these ($21 to $28); and that the counters of the scopes' businesses have changed. Each in the order of its keys.
-- PostgreSQL writes what is named last first, and so the version, which others wait for, last.
WITH of_scopes AS (
    INSERT INTO click_counts AS c (
        business_id, scope, scope_id, bucket, clicks, unique_clickers, bot_hits, sessions, seconds_to_click,
        clicked_recipients)
    SELECT
        unnest(texts($11)) AS business_id, unnest(texts($12)) AS scope, unnest(texts($13)) AS scope_id,
        unnest($14::timestamptz[]) AS bucket, unnest($15::bigint[]) AS clicks, unnest($16::bigint[]) AS unique_clickers,
        unnest($17::bigint[]) AS bot_hits, unnest($18::bigint[]) AS sessions, unnest($19::bigint[]) AS seconds_to_click,
        unnest($20::bigint[]) AS clicked_recipients
    ORDER BY business_id, scope, scope_id, bucket
    ON CONFLICT (business_id, scope, scope_id, bucket) DO UPDATE
    SET clicks = c.clicks + excluded.clicks, unique_clickers = c.unique_clickers + excluded.unique_clickers,
        bot_hits = c.bot_hits + excluded.bot_hits, sessions = c.sessions + excluded.sessions,
        seconds_to_click = c.seconds_to_click + excluded.seconds_to_click,
        clicked_recipients = c.clicked_recipients + excluded.clicked_recipients
    RETURNING business_id
), changed AS (
    INSERT INTO report_versions AS v (business_id, version)
    SELECT DISTINCT business_id, 1 FROM of_scopes ORDER BY business_id
    ON CONFLICT (business_id) DO UPDATE SET version = v.version + 1
), of_values AS (
    INSERT INTO breakdown_counts AS c (
        business_id, scope, scope_id, bucket, dimension, value, clicks, unique_clickers)
    SELECT
        unnest(texts($21)) AS business_id, unnest(texts($22)) AS scope, unnest(texts($23)) AS scope_id,
        unnest($24::timestamptz[]) AS bucket, unnest(texts($25)) AS dimension, unnest(texts($26)) AS value,
        unnest($27::bigint[]) AS clicks, unnest($28::bigint[]) AS unique_clickers
    ORDER BY business_id, scope, scope_id, bucket, dimension, value
    ON CONFLICT (business_id, scope, scope_id, bucket, dimension, value) DO UPDATE
    SET clicks = c.clicks + excluded.clicks, unique_clickers = c.unique_clickers + excluded.unique_clickers
), of_links AS (
    INSERT INTO link_counts AS c (
        business_id, link, bucket, origin, clicks, unique_clickers, bot_hits, sessions, seconds_to_click,
        clicked_recipients)
    SELECT
        unnest(texts($1)) AS business_id, unnest(texts($2)) AS link, unnest($3::timestamptz[]) AS bucket,
        unnest(texts($4)) AS origin, unnest($5::integer[]) AS clicks, unnest($6::integer[]) AS unique_clickers,
        unnest($7::integer[]) AS bot_hits, unnest($8::integer[]) AS sessions, unnest($9::bigint[]) AS seconds_to_click,
        unnest($10::integer[]) AS clicked_recipients
    ORDER BY business_id, link, bucket, origin
    ON CONFLICT (business_id, link, bucket, origin) DO UPDATE
    SET clicks = c.clicks + excluded.clicks, unique_clickers = c.unique_clickers + excluded.unique_clickers,
        bot_hits = c.bot_hits + excluded.bot_hits, sessions = c.sessions + excluded.sessions,
        seconds_to_click = c.seconds_to_click + excluded.seconds_to_click,
        clicked_recipients = c.clicked_recipients + excluded.clicked_recipients
)
SELECT;

-- name: bump_versions
-- That counters of businesses have changed, in the order of their keys.
INSERT INTO report_versions AS v (business_id, version)
SELECT business_id, 1 FROM unnest($1::text[]) AS changed (business_id) ORDER BY business_id
ON CONFLICT (business_id) DO UPDATE SET version = v.version + 1;

-- name: find_versions
-- How often counters of businesses have changed.
SELECT business_id, version FROM report_versions WHERE business_id = ANY ($1::text[]);
