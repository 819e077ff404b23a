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
-- What people (surrogates) earned for a scope, and what was taken back of that, by currency, but for what is unconfirmed:
-- by their own events, and by whatever takes back from the orders that these earn for, whoever sent it, and by whatever
-- reference. $6 is the steps of
-- orders that may earn, $7 the actions that take back.
WITH own AS (
    SELECT people.profile_key, a.id, a.received_at, a.action
    FROM unnest($4::bigint[]) AS people (profile_key)
    CROSS JOIN LATERAL (
        SELECT id, received_at, action FROM activities
        WHERE business_id = $1 AND profile_key = people.profile_key AND action <> $5
        OFFSET 0) AS a
), orders AS (
    SELECT DISTINCT earning.profile_key, same.object_id
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
    CROSS JOIN LATERAL same_order($1, e.object_id) AS same
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
JOIN credits c ON c.business_id = $1 AND c.event_id = o.id AND c.provenance IS DISTINCT FROM 'unconfirmed'
WHERE CASE $2 WHEN 'campaign' THEN c.campaign WHEN 'journey' THEN c.journey WHEN 'message' THEN c.message ELSE c.link END
      = $3
GROUP BY o.profile_key, coalesce(c.currency, '');

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
-- What happened last in a {scope}, by an index of the activities and one of the sessions' clicks. Hits of programs come
-- where $4 is true; else the scan passes over them.
WITH latest AS MATERIALIZED (
    (SELECT id, action, occurred_at, tracked_at, received_at, session, link, campaign, journey, object, amount_minor,
            currency, metadata, url, verdict, device, browser, os, country, source, profile_key
     FROM activities
     WHERE business_id = $1 AND {scope} = $2 AND ($4 OR coalesce(verdict, 'human') = 'human')
     ORDER BY occurred_at DESC, id DESC
     LIMIT $3)
    UNION ALL
    (SELECT id, action, occurred_at, tracked_at, received_at, session, link, campaign, journey, object, amount_minor,
            currency, metadata, url, verdict, device, browser, os, country, source, profile_key
     FROM click_activities
     WHERE business_id = $1 AND {scope} = $2
     ORDER BY occurred_at DESC, id DESC
     LIMIT $3)
)
SELECT a.id, a.action, a.occurred_at, a.tracked_at, a.received_at, a.session, a.link, a.campaign, a.journey, a.object,
       a.amount_minor, a.currency, a.metadata, a.url, a.verdict, a.device, a.browser, a.os, a.country,
       a.source, p.id AS profile, p.name AS profile_name
FROM latest a
LEFT JOIN profiles p ON p.business_id = $1 AND p.profile_key = a.profile_key
ORDER BY a.occurred_at DESC, a.id DESC
LIMIT $3;

-- name: find_start
-- The first bucket of a scope with a click or an event.
SELECT least(
    (SELECT bucket FROM all_click_counts WHERE business_id = $1 AND scope = $2 AND scope_id = $3
     ORDER BY bucket LIMIT 1),
    (SELECT bucket FROM event_counts WHERE business_id = $1 AND scope = $2 AND scope_id = $3 ORDER BY bucket LIMIT 1));

-- name: has_links
-- Whether a link of a business has this {scope}.
SELECT EXISTS (SELECT FROM links WHERE business_id = $1 AND {scope} = $2);

-- name: list_known
-- The values of {scope} that the links of a business have, in their order, at most $2: one index probe for each.
WITH RECURSIVE known AS (
    (SELECT {scope} AS scope_id FROM links
     WHERE business_id = $1 AND {scope} IS NOT NULL
     ORDER BY {scope} LIMIT 1)
    UNION ALL
    SELECT next.scope_id
    FROM known
    CROSS JOIN LATERAL (
        SELECT l.{scope} AS scope_id FROM links l
        WHERE l.business_id = $1 AND l.{scope} > known.scope_id
        ORDER BY l.{scope} LIMIT 1) AS next
)
SELECT scope_id FROM known LIMIT $2;

-- name: list_newest_links
-- The links of a business that were created last, at most $2.
SELECT id AS scope_id FROM links WHERE business_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2;

-- name: find_link_start
-- The bucket of a link's creation.
SELECT date_bin('15 minutes', created_at, '2000-01-01Z') FROM links WHERE business_id = $1 AND id = $2;

-- name: count_recipients
-- How many profiles have a link in a scope.
SELECT recipients FROM recipient_counts WHERE business_id = $1 AND scope = $2 AND scope_id = $3;

-- name: count_recipients_of_link
-- Whether a link has a recipient: 1 or 0.
SELECT count(*) FROM links WHERE business_id = $1 AND id = $2 AND profile_key IS NOT NULL;

-- name: sum_clicks
-- Clicks by the point that they lie in: 1 for the first of the starts in $6.
SELECT width_bucket(bucket, $6::timestamptz[]) AS point, sum(clicks)::bigint AS clicks,
       sum(unique_clickers)::bigint AS unique_clickers, sum(bot_hits)::bigint AS bot_hits,
       sum(sessions)::bigint AS sessions, sum(seconds_to_click) AS seconds_to_click,
       sum(clicked_recipients)::bigint AS clicked_recipients
FROM all_click_counts
WHERE business_id = $1 AND scope = $2 AND scope_id = $3 AND bucket >= $4 AND bucket < $5
GROUP BY point;

-- name: sum_provenance
-- A part of those that sum events: what is confirmed, and what is unconfirmed.
sum(confirmed_conversions)::bigint AS confirmed_conversions, sum(confirmed_revenue) AS confirmed_revenue,
sum(unconfirmed_conversions)::bigint AS unconfirmed_conversions, sum(unconfirmed_revenue) AS unconfirmed_revenue

-- name: sum_events
-- Conversions and revenue by point and currency.
SELECT width_bucket(bucket, $6::timestamptz[]) AS point, currency, sum(conversions)::bigint AS conversions,
       sum(revenue) AS revenue, sum(taken_back) AS taken_back, sum(conversions_led)::bigint AS conversions_led,
       sum(seconds_to_conversion) AS seconds_to_conversion, {sum_provenance}
FROM event_counts
WHERE business_id = $1 AND scope = $2 AND scope_id = $3 AND bucket >= $4 AND bucket < $5
GROUP BY point, currency;

-- name: sum_actions
-- Events and revenue by action and currency.
SELECT action, currency, sum(events)::bigint AS events, sum(revenue) AS revenue
FROM event_counts
WHERE business_id = $1 AND scope = $2 AND scope_id = $3 AND bucket >= $4 AND bucket < $5
GROUP BY action, currency;

-- name: total_clicks
-- Clicks of scopes ($2 their kinds, $3 their ids) in [$4, $5), of those that have some.
SELECT wanted.scope, wanted.scope_id, c.*
FROM unnest($2::text[], $3::text[]) AS wanted (scope, scope_id)
CROSS JOIN LATERAL (
    SELECT sum(clicks)::bigint AS clicks, sum(unique_clickers)::bigint AS unique_clickers,
           sum(bot_hits)::bigint AS bot_hits, sum(sessions)::bigint AS sessions,
           sum(seconds_to_click) AS seconds_to_click, sum(clicked_recipients)::bigint AS clicked_recipients
    FROM click_counts
    WHERE business_id = $1 AND scope = wanted.scope AND scope_id = wanted.scope_id AND bucket >= $4 AND bucket < $5
    HAVING count(*) > 0) AS c;

-- name: total_events
-- Conversions and revenue of scopes by currency, likewise.
SELECT wanted.scope, wanted.scope_id, c.*
FROM unnest($2::text[], $3::text[]) AS wanted (scope, scope_id)
CROSS JOIN LATERAL (
    SELECT currency, sum(conversions)::bigint AS conversions, sum(revenue) AS revenue, sum(taken_back) AS taken_back,
           sum(conversions_led)::bigint AS conversions_led, sum(seconds_to_conversion) AS seconds_to_conversion,
           {sum_provenance}
    FROM event_counts
    WHERE business_id = $1 AND scope = wanted.scope AND scope_id = wanted.scope_id AND bucket >= $4 AND bucket < $5
    GROUP BY currency) AS c;

-- name: total_recipients
-- How many profiles have a link in scopes, of those that have some.
SELECT c.scope, c.scope_id, c.recipients
FROM unnest($2::text[], $3::text[]) AS wanted (scope, scope_id)
JOIN recipient_counts c ON c.business_id = $1 AND c.scope = wanted.scope AND c.scope_id = wanted.scope_id;

-- name: find_span
-- The first and the last bucket of a scope with a click.
SELECT (SELECT bucket FROM all_click_counts WHERE business_id = $1 AND scope = $2 AND scope_id = $3
        ORDER BY bucket LIMIT 1) AS first,
       (SELECT bucket FROM all_click_counts WHERE business_id = $1 AND scope = $2 AND scope_id = $3
        ORDER BY bucket DESC LIMIT 1) AS last;

-- name: sum_breakdowns
-- Clicks by the values of all dimensions, of [$4, $5): by days from $6 to $7, by quarters of an hour before and after. The
-- scope by days is $8. Those of a recipient's link are packed.
SELECT dimension, value, sum(clicks)::bigint AS clicks, sum(unique_clickers)::bigint AS unique_clickers
FROM (
    SELECT dimension, value, clicks, unique_clickers FROM breakdown_counts
    WHERE business_id = $1 AND scope = $2 AND scope_id = $3 AND bucket >= $4::timestamptz
      AND bucket < least($5::timestamptz, $6::timestamptz)
    UNION ALL
    SELECT dimension, value, clicks, unique_clickers FROM breakdown_counts
    WHERE business_id = $1 AND scope = $8 AND scope_id = $3 AND bucket >= $6 AND bucket < $7::timestamptz
    UNION ALL
    SELECT dimension, value, clicks, unique_clickers FROM breakdown_counts
    WHERE business_id = $1 AND scope = $2 AND scope_id = $3 AND bucket >= greatest($4, $7) AND bucket < $5
    UNION ALL
    SELECT 'packed', origin, clicks + bot_hits, unique_clickers FROM link_counts
    WHERE $2::text = 'link' AND business_id = $1 AND link = $3 AND bucket >= $4 AND bucket < $5
) AS counted
GROUP BY dimension, value;
