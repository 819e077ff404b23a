-- name: find_start
-- The first bucket of a scope with a click or an event.
SELECT least(
    (SELECT bucket FROM all_click_counts WHERE business_id = $1 AND scope = $2 AND scope_id = $3
     ORDER BY bucket LIMIT 1),
    (SELECT bucket FROM event_counts WHERE business_id = $1 AND scope = $2 AND scope_id = $3 ORDER BY bucket LIMIT 1));

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

-- name: sum_events
-- Conversions and revenue by point and currency.
SELECT width_bucket(bucket, $6::timestamptz[]) AS point, currency, sum(conversions)::bigint AS conversions,
       sum(revenue) AS revenue, sum(taken_back) AS taken_back, sum(conversions_led)::bigint AS conversions_led,
       sum(seconds_to_conversion) AS seconds_to_conversion
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
           sum(conversions_led)::bigint AS conversions_led, sum(seconds_to_conversion) AS seconds_to_conversion
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
