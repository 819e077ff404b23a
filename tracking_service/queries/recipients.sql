-- name: list_recipients
-- The next recipients of a scope, by surrogate: who they are unless they were erased, their first link here, their first
-- click here, and how many human ones. A link has its recipient in itself. Each person's are fetched before it is looked
-- which are here (OFFSET 0): a planner without statistics may take all of the campaign to be fewer.
WITH page AS MATERIALIZED (
    (SELECT profile_key FROM recipients
     WHERE business_id = $1 AND scope = $2 AND scope_id = $3 AND profile_key > $4
     ORDER BY profile_key
     LIMIT $5)
    UNION ALL
    (SELECT profile_key FROM links WHERE $2 = 'link' AND business_id = $1 AND id = $3 AND profile_key > $4)
)
SELECT page.profile_key, p.id AS profile, p.name, l.id AS link, f.clicked_at, f.origin, f.clicks
FROM page
LEFT JOIN profiles p ON p.business_id = $1 AND p.profile_key = page.profile_key
LEFT JOIN LATERAL (
    SELECT id
    FROM (SELECT * FROM links WHERE business_id = $1 AND profile_key = page.profile_key OFFSET 0) AS theirs
    WHERE CASE $2 WHEN 'campaign' THEN campaign WHEN 'journey' THEN journey WHEN 'message' THEN message ELSE id END = $3
    ORDER BY created_at, id
    LIMIT 1) AS l ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS clicks, min(clicked_at) AS clicked_at, (array_agg(origin ORDER BY clicked_at, click_id))[1] AS origin
    FROM (SELECT * FROM sessions WHERE business_id = $1 AND profile_key = page.profile_key AND click_id IS NOT NULL OFFSET 0)
        AS theirs
    WHERE CASE $2 WHEN 'campaign' THEN campaign WHEN 'journey' THEN journey WHEN 'message' THEN message ELSE link END
          = $3) AS f
ORDER BY page.profile_key;

-- name: sum_earnings
-- What people (surrogates) earned for a scope, and what was taken back of that, by currency: by their own events, and by
-- whatever takes back from the orders that these earn for, whoever sent it. $6 is the steps of orders that may earn, $7
-- the actions that take back.
WITH own AS (
    SELECT people.profile_key, a.id, a.received_at, a.action
    FROM unnest($4::bigint[]) AS people (profile_key)
    CROSS JOIN LATERAL (
        SELECT id, received_at, action FROM activities
        WHERE business_id = $1 AND profile_key = people.profile_key AND action <> $5
        OFFSET 0) AS a
), orders AS (
    SELECT earning.profile_key, e.object_id
    FROM (
        SELECT own.profile_key, own.id, own.received_at
        FROM own
        JOIN credits c ON c.business_id = $1 AND c.event_id = own.id
        WHERE own.action = ANY ($6::text[])
        GROUP BY own.profile_key, own.id, own.received_at
        HAVING sum(c.sign * c.revenue_minor::numeric) > 0
    ) AS earning
    CROSS JOIN LATERAL (
        SELECT object_id FROM events WHERE business_id = $1 AND received_at = earning.received_at AND id = earning.id
        OFFSET 0) AS e
), concerned AS (
    SELECT profile_key, id FROM own WHERE action <> ALL ($7::text[])
    UNION ALL
    SELECT orders.profile_key, r.event_id
    FROM orders
    CROSS JOIN LATERAL (
        (SELECT event_id FROM order_refunds WHERE business_id = $1 AND order_id = orders.object_id OFFSET 0)
        UNION ALL
        (SELECT event_id FROM order_actions
         WHERE business_id = $1 AND object_id = orders.object_id AND action = ANY ($7) OFFSET 0)) AS r
)
SELECT o.profile_key, coalesce(c.currency, '') AS currency, sum(c.sign * c.conversions)::bigint AS conversions,
       coalesce(sum(c.sign * c.revenue_minor::numeric), 0) AS revenue,
       coalesce(sum(c.sign * greatest(-c.revenue_minor::numeric, 0)), 0) AS taken_back
FROM concerned o
JOIN credits c ON c.business_id = $1 AND c.event_id = o.id
WHERE CASE $2 WHEN 'campaign' THEN c.campaign WHEN 'journey' THEN c.journey WHEN 'message' THEN c.message ELSE c.link END
      = $3
GROUP BY o.profile_key, coalesce(c.currency, '');
