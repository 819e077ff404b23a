-- name: find_business
-- The name of a business, and the key that its report links are signed with; no key: none was ever signed.
SELECT b.name, k.key
FROM businesses b
LEFT JOIN report_link_keys k ON k.business_id = b.id
WHERE b.id = $1;

-- name: keep_key
-- A key for a business that has none, and the key that it then has.
INSERT INTO report_link_keys AS k (business_id, key)
VALUES ($1, $2)
ON CONFLICT (business_id) DO UPDATE SET key = k.key
RETURNING key;

-- name: change_key
-- A new key for a business that has one: what the old one signed is worthless.
UPDATE report_link_keys SET key = $2 WHERE business_id = $1;

-- name: list_scopes
-- Campaigns and journeys with a link, by their newest link: one index probe for each, however many links it has.
WITH RECURSIVE campaigns AS (
    (SELECT campaign, created_at FROM links
     WHERE business_id = $1 AND campaign IS NOT NULL
     ORDER BY campaign, created_at DESC, id DESC LIMIT 1)
    UNION ALL
    SELECT next.campaign, next.created_at
    FROM campaigns AS c
    CROSS JOIN LATERAL (
        SELECT l.campaign, l.created_at FROM links l
        WHERE l.business_id = $1 AND l.campaign > c.campaign
        ORDER BY l.campaign, l.created_at DESC, l.id DESC LIMIT 1) AS next
), journeys AS (
    (SELECT journey, created_at FROM links
     WHERE business_id = $1 AND journey IS NOT NULL
     ORDER BY journey, created_at DESC, id DESC LIMIT 1)
    UNION ALL
    SELECT next.journey, next.created_at
    FROM journeys AS j
    CROSS JOIN LATERAL (
        SELECT l.journey, l.created_at FROM links l
        WHERE l.business_id = $1 AND l.journey > j.journey
        ORDER BY l.journey, l.created_at DESC, l.id DESC LIMIT 1) AS next
)
SELECT 'campaign' AS scope, campaign AS scope_id, created_at FROM campaigns
UNION ALL
SELECT 'journey', journey, created_at FROM journeys
ORDER BY created_at DESC, scope, scope_id
LIMIT $2 OFFSET $3;

-- name: list_latest_activities
-- What happened last in a {scope}, by an index of the activities and one of the sessions' clicks.
WITH latest AS MATERIALIZED (
    (SELECT id, action, occurred_at, tracked_at, received_at, session, link, campaign, journey, object, amount_minor,
            currency, metadata, url, verdict, device, browser, os, country, profile_key
     FROM activities
     WHERE business_id = $1 AND {scope} = $2
     ORDER BY occurred_at DESC, id DESC
     LIMIT $3)
    UNION ALL
    (SELECT id, action, occurred_at, tracked_at, received_at, session, link, campaign, journey, object, amount_minor,
            currency, metadata, url, verdict, device, browser, os, country, profile_key
     FROM click_activities
     WHERE business_id = $1 AND {scope} = $2
     ORDER BY occurred_at DESC, id DESC
     LIMIT $3)
)
SELECT a.id, a.action, a.occurred_at, a.tracked_at, a.received_at, a.session, a.link, a.campaign, a.journey, a.object,
       a.amount_minor, a.currency, a.metadata, a.url, a.verdict, a.device, a.browser, a.os, a.country,
       p.id AS profile, p.name AS profile_name
FROM latest a
LEFT JOIN profiles p ON p.business_id = $1 AND p.profile_key = a.profile_key
ORDER BY a.occurred_at DESC, a.id DESC
LIMIT $3;
