-- name: keep_clicks
-- Clicks that are not there yet, and the sessions of people's, where those are not known. Answers with how many of the
-- clicks ($30) and sessions ($31) that is; where it is not all, with which.
WITH sent AS MATERIALIZED (
    SELECT
        unnest(texts($1)) AS business_id, unnest($2::timestamptz[]) AS clicked_at, unnest($3::uuid[]) AS id,
        unnest(texts($4)) AS link, unnest(texts($5)) AS template, unnest(texts($6)) AS campaign,
        unnest(texts($7)) AS journey, unnest(texts($8)) AS message, unnest($9::bigint[]) AS profile_key,
        unnest(texts($10)) AS session, unnest($11::timestamptz[]) AS link_created_at, unnest(texts($12)) AS verdict,
        unnest(texts($13)) AS verdict_reason, unnest($14::integer[]) AS rules_version, unnest(texts($15)) AS host,
        unnest(texts($16)) AS query, unnest(texts($17)) AS address, unnest(texts($18)) AS user_agent,
        unnest(texts($19)) AS referrer, unnest(texts($20)) AS accept_language, unnest(texts($21)) AS source,
        unnest(texts($22)) AS device, unnest(texts($23)) AS browser, unnest(texts($24)) AS os,
        unnest(texts($25)) AS country, unnest(texts($26)) AS language, unnest(texts($27)) AS origin_referrer,
        unnest(texts($28)) AS origin, unnest($29::smallint[]) AS firsts
), kept AS (
    INSERT INTO clicks (
        business_id, clicked_at, id, link, template, campaign, journey, message, profile_key, session, link_created_at,
        verdict, verdict_reason, rules_version, host, query, address, user_agent, referrer, accept_language, source,
        device, browser, os, country, language, referring_host, is_scan)
    SELECT business_id, clicked_at, id, link, template, campaign, journey, message, profile_key, session,
           link_created_at, verdict, verdict_reason, rules_version, host, query, address, user_agent, referrer,
           accept_language, source, device, browser, os, country, language, origin_referrer, source = 'qr'
    FROM sent
    ON CONFLICT (business_id, clicked_at, id) DO NOTHING
    RETURNING business_id, clicked_at, id
), minted AS (
    INSERT INTO sessions (
        business_id, id, profile_key, click_id, clicked_at, link_created_at, link, campaign, journey, message,
        is_clicked_by_recipient, created_at, origin, firsts)
    SELECT business_id, session, profile_key, id, clicked_at, link_created_at, link, campaign, journey, message,
           profile_key IS NOT NULL, clicked_at, origin, firsts
    FROM sent
    WHERE firsts IS NOT NULL
    ORDER BY business_id, session
    ON CONFLICT (business_id, id) DO NOTHING
    RETURNING business_id, click_id
)
SELECT kept.count AS clicks, minted.count AS sessions, new.*, made.*
FROM (SELECT count(*) FROM kept) AS kept
CROSS JOIN (SELECT count(*) FROM minted) AS minted
LEFT JOIN LATERAL (
    SELECT array_agg(business_id) AS businesses, array_agg(clicked_at) AS times, array_agg(id) AS ids
    FROM kept AS new) AS new ON kept.count < $30::bigint
LEFT JOIN LATERAL (
    SELECT array_agg(business_id) AS minted_businesses, array_agg(click_id) AS minted_ids
    FROM minted AS made) AS made ON minted.count < $31::bigint;

-- name: clear_clicks_of_erased
-- Takes from clicks (business, time, id, whose the session is) what they say of people who were erased before.
UPDATE clicks c
SET query = '', address = '', user_agent = '', referrer = '', accept_language = ''
FROM unnest($1::text[], $2::timestamptz[], $3::uuid[], $4::bigint[])
    AS claimed (business_id, clicked_at, click_id, profile_key)
WHERE c.business_id = claimed.business_id AND c.clicked_at = claimed.clicked_at AND c.id = claimed.click_id
  AND NOT EXISTS (
    SELECT FROM profiles p WHERE p.business_id = claimed.business_id AND p.profile_key = claimed.profile_key);

-- name: mint_sessions
-- Sessions that were known before their clicks, in the order of their keys. A click's recipient owns its session, whoever
-- claimed it before; else it stays whose it was. Answers with its owner now and before.
INSERT INTO sessions AS s (
    business_id, id, profile_key, click_id, clicked_at, link_created_at, link, campaign, journey, message, origin,
    is_clicked_by_recipient, created_at)
SELECT business_id, session, profile_key, click_id, clicked_at, link_created_at, link, campaign, journey, message, origin,
       profile_key IS NOT NULL, clicked_at
FROM unnest(
    texts($1), texts($2), $3::bigint[], $4::timestamptz[], $5::uuid[], $6::timestamptz[], texts($7), texts($8),
    texts($9), texts($10), texts($11)
) AS minted (
    business_id, session, profile_key, clicked_at, click_id, link_created_at, link, campaign, journey, message, origin)
ORDER BY business_id, session
ON CONFLICT (business_id, id) DO UPDATE
SET profile_key = coalesce(excluded.profile_key, s.profile_key),
    is_clicked_by_recipient = excluded.is_clicked_by_recipient,
    click_id = excluded.click_id, clicked_at = excluded.clicked_at, link_created_at = excluded.link_created_at,
    link = excluded.link, campaign = excluded.campaign, journey = excluded.journey, message = excluded.message,
    origin = excluded.origin, created_at = excluded.created_at
WHERE s.click_id IS NULL
RETURNING new.business_id, new.id AS session, new.profile_key, old.profile_key AS owner_before;

-- name: tell_activities_their_link
-- Events that came before the click of their session learn its link; what was said there of who it is, is decided again.
WITH minted AS (
    SELECT *
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
        AS minted (business_id, session, link, campaign, journey, message)
), marked AS (
    INSERT INTO dirty_identities (business_id, session) SELECT business_id, session FROM minted
)
UPDATE activities a
SET link = minted.link, campaign = minted.campaign, journey = minted.journey, message = minted.message
FROM minted
WHERE a.business_id = minted.business_id AND a.session = minted.session AND a.link IS NULL;

-- name: insert_click_activities
-- What the recipients and sessions of new clicks did that minted no session.
INSERT INTO activities (
    business_id, id, received_at, occurred_at, profile_key, session, action, link, campaign, journey, message, verdict,
    device, browser, os, country, source)
SELECT business_id, id, clicked_at, clicked_at, profile_key, session, $16, link, campaign, journey, message, verdict,
       device, browser, os, country, source
FROM unnest(
    texts($1), $2::uuid[], $3::timestamptz[], $4::bigint[], texts($5), texts($6), texts($7), texts($8),
    texts($9), texts($10), texts($11), texts($12), texts($13), texts($14), texts($15)
) AS clicked (
    business_id, id, clicked_at, profile_key, session, link, campaign, journey, message, verdict, device, browser, os,
    country, source)
ON CONFLICT (business_id, id) DO NOTHING;

-- name: keep_issued_sessions
-- Sessions issued without a click, in the order of their keys.
INSERT INTO sessions (business_id, id, created_at)
SELECT business_id, id, created_at
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS issued (business_id, id, created_at)
ORDER BY business_id, id
ON CONFLICT (business_id, id) DO NOTHING;
