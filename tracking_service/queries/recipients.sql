-- name: list_recipients
-- The next recipients of a scope, by surrogate: who they are unless they were erased, their first link here, their first
-- click here, and how many human ones. A link has its recipient in itself.
WITH page AS MATERIALIZED (
    (SELECT profile_key FROM recipients
     WHERE business_id = $1 AND scope = $2 AND scope_id = $3 AND profile_key > $4
     ORDER BY profile_key
     LIMIT $5)
    UNION ALL
    (SELECT profile_key FROM links WHERE $2 = 'link' AND business_id = $1 AND id = $3 AND profile_key > $4)
)
SELECT page.profile_key, p.id AS profile, p.name, l.id AS link, f.clicked_at, f.origin, clicked.clicks
FROM page
LEFT JOIN profiles p ON p.business_id = $1 AND p.profile_key = page.profile_key
LEFT JOIN LATERAL (
    SELECT id FROM links
    WHERE business_id = $1 AND profile_key = page.profile_key
      AND CASE $2 WHEN 'campaign' THEN campaign WHEN 'journey' THEN journey WHEN 'message' THEN message ELSE id END = $3
    ORDER BY created_at, id
    LIMIT 1) AS l ON true
LEFT JOIN first_clicks f
    ON f.business_id = $1 AND f.scope = $2 AND f.scope_id = $3 AND f.visitor = 'p' || page.profile_key
CROSS JOIN LATERAL (
    SELECT count(*) AS clicks FROM activities
    WHERE business_id = $1 AND profile_key = page.profile_key AND action = $6 AND verdict = 'human'
      AND CASE $2 WHEN 'campaign' THEN campaign WHEN 'journey' THEN journey WHEN 'message' THEN message ELSE link END
          = $3) AS clicked
ORDER BY page.profile_key;

-- name: sum_earnings
-- What the events of people (surrogates) that are credited to a scope earned and took back, by currency.
SELECT a.profile_key, coalesce(c.currency, '') AS currency, sum(c.sign * c.conversions)::bigint AS conversions,
       coalesce(sum(c.sign * c.revenue_minor::numeric), 0) AS revenue,
       coalesce(sum(c.sign * greatest(-c.revenue_minor::numeric, 0)), 0) AS taken_back
FROM unnest($4::bigint[]) AS people (profile_key)
CROSS JOIN LATERAL (
    SELECT id, profile_key FROM activities
    WHERE business_id = $1 AND profile_key = people.profile_key AND action <> $5
    OFFSET 0) AS a
JOIN credits c ON c.business_id = $1 AND c.event_id = a.id
WHERE CASE $2 WHEN 'campaign' THEN c.campaign WHEN 'journey' THEN c.journey WHEN 'message' THEN c.message ELSE c.link END
      = $3
GROUP BY a.profile_key, coalesce(c.currency, '');
