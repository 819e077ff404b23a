-- name: visits
-- A part of the recounts of clicks: hits of the business $1 with the scopes that they count in, who came, and the first
-- click that minted a session of each visitor in each scope, also on links of their own. Hits that count the same are added
-- up before they are spread over scopes, dates and dimensions: there may be millions. The words are those of `domain`:
-- scopes_of, bucket_of.
visits AS (
    SELECT c.clicked_at, c.id, c.verdict, c.verdict = 'human' AS is_human, c.session IS NOT NULL AS has_session, c.link,
           c.campaign, c.journey, c.message, c.link_created_at, c.profile_key IS NOT NULL AS is_recipients,
           json_build_array(c.verdict, c.template, c.device, c.browser, c.os, c.country, c.language,
                            CASE WHEN c.is_scan THEN 'qr+' ELSE '' END || c.referring_host)::text AS origin,
           coalesce('p' || coalesce(c.profile_key, s.profile_key), 's' || c.session) AS visitor,
           c.verdict = 'human' AND coalesce(s.click_id = c.id, false) AS is_visit
    FROM (
        -- As they are judged now.
        SELECT h.clicked_at, h.id, h.link, h.template, h.campaign, h.journey, h.message, h.link_created_at, h.profile_key,
               h.device, h.browser, h.os, h.country, h.language, h.referring_host, h.is_scan,
               coalesce(j.verdict, h.verdict) AS verdict, coalesce(h.session, j.session) AS session
        FROM clicks h
        LEFT JOIN (
            SELECT DISTINCT ON (clicked_at, click_id) clicked_at, click_id, verdict, session
            FROM judgements
            WHERE business_id = $1
            ORDER BY clicked_at, click_id, rules_version DESC
        ) AS j ON j.clicked_at = h.clicked_at AND j.click_id = h.id
        WHERE h.business_id = $1
    ) AS c
    LEFT JOIN sessions s ON s.business_id = $1 AND s.id = c.session
), grouped AS (
    -- Those of a link once more by themselves; without one, a row is of all the scopes that links share.
    SELECT campaign, journey, message, link, bucket, link_bucket, origin, is_recipients, verdict, count(*) AS hits,
           count(*) FILTER (WHERE is_human) AS clicks, count(*) FILTER (WHERE NOT is_human) AS bot_hits,
           count(*) FILTER (WHERE is_human AND has_session) AS sessions
    FROM (
        SELECT *, date_bin('15 minutes', clicked_at, '2000-01-01Z') AS bucket,
               date_bin('15 minutes', link_created_at, '2000-01-01Z') AS link_bucket
        FROM visits
    ) AS binned
    GROUP BY GROUPING SETS ((campaign, journey, message), (link)), bucket, link_bucket, origin, is_recipients, verdict
), firsts AS (
    -- Of each link first, which leaves few for the scopes that links share.
    SELECT DISTINCT ON (scope, scope_id, visitor) *
    FROM (
        SELECT DISTINCT ON (visitor, link, campaign, journey, message) *
        FROM visits
        WHERE is_visit
        ORDER BY visitor, link, campaign, journey, message, clicked_at, id
    ) AS f
    CROSS JOIN LATERAL (VALUES ('business', ''), ('campaign', campaign), ('journey', journey), ('message', message),
                               ('link', link)) AS scopes (scope, scope_id)
    WHERE scope_id IS NOT NULL
    ORDER BY scope, scope_id, visitor, clicked_at, id
), owns AS (
    SELECT scope, scope_id, visitor, (min(own))[1] AS clicked_at, (min(own))[2] AS link_created_at
    FROM (
        SELECT visitor, link, campaign, journey, message, min(ARRAY[clicked_at, link_created_at]) AS own
        FROM visits
        WHERE is_visit AND is_recipients
        GROUP BY visitor, link, campaign, journey, message
    ) AS o
    CROSS JOIN LATERAL (VALUES ('business', ''), ('campaign', campaign), ('journey', journey), ('message', message),
                               ('link', link)) AS scopes (scope, scope_id)
    WHERE scope_id IS NOT NULL
    GROUP BY scope, scope_id, visitor
), hits AS (
    SELECT scope, scope_id, bucket AS clicked_at, link_bucket AS link_created_at, origin, is_recipients, verdict, hits,
           clicks, 0 AS unique_clickers, bot_hits, sessions, 0 AS seconds_to_click, 0 AS clicked_recipients
    FROM grouped
    CROSS JOIN LATERAL (VALUES ('business', CASE WHEN link IS NULL THEN '' END), ('campaign', campaign),
                               ('journey', journey), ('message', message), ('link', link)) AS scopes (scope, scope_id)
    WHERE scope_id IS NOT NULL
    UNION ALL
    SELECT scope, scope_id, clicked_at, link_created_at, origin, is_recipients, verdict, 0, 0, 1, 0, 0,
           floor(greatest(extract(epoch FROM clicked_at - link_created_at), 0)), 0
    FROM firsts
    UNION ALL
    SELECT scope, scope_id, clicked_at, link_created_at, NULL, true, NULL, 0, 0, 0, 0, 0, 0, 1
    FROM owns
), placed AS (
    SELECT h.*, places.scope AS place, date_bin('15 minutes', places.at, '2000-01-01Z') AS bucket
    FROM hits h
    CROSS JOIN LATERAL (VALUES (h.scope, h.clicked_at), (h.scope || ' cohort', h.link_created_at)) AS places (scope, at)
    WHERE places.scope <> 'link cohort'
)

-- name: recount_clicks
-- Hits, visitors and sessions, for `compare`. After `visits`.
SELECT place AS scope, scope_id, bucket, sum(clicks) AS clicks, sum(unique_clickers) AS unique_clickers,
       sum(bot_hits) AS bot_hits, sum(sessions) AS sessions, sum(seconds_to_click) AS seconds_to_click,
       sum(clicked_recipients) AS clicked_recipients
FROM placed
GROUP BY place, scope_id, bucket

-- name: recount_breakdowns
-- Hits and visitors by the values of each dimension, for `compare`. After `visits`.
SELECT w.scope, p.scope_id, w.bucket, d.dimension, d.value, sum(p.hits) AS clicks,
       sum(p.unique_clickers) AS unique_clickers
FROM (
    SELECT place, scope_id, bucket, origin, verdict, scope = 'link' AND is_recipients AS is_packed, sum(hits) AS hits,
           sum(unique_clickers) AS unique_clickers
    FROM placed
    WHERE hits > 0 OR unique_clickers > 0
    GROUP BY place, scope_id, bucket, origin, verdict, is_packed
) AS p
CROSS JOIN LATERAL (
    SELECT p.place AS scope, p.bucket
    UNION ALL
    SELECT p.place || ' day', date_bin('1 day', p.bucket, '2000-01-01Z') WHERE NOT p.is_packed
) AS w
CROSS JOIN LATERAL (
    SELECT 'packed' AS dimension, p.origin AS value WHERE p.is_packed
    UNION ALL
    SELECT (ARRAY['verdict', 'link', 'device', 'browser', 'os', 'country', 'language', 'referrer'])[number],
           regexp_replace(packed.value, '^qr\+', CASE number WHEN 8 THEN '' ELSE '\&' END)
    FROM json_array_elements_text(p.origin::json) WITH ORDINALITY AS packed (value, number)
    WHERE NOT p.is_packed AND (p.verdict = 'human' OR number = 1)
    UNION ALL
    SELECT 'source', 'qr' WHERE NOT p.is_packed AND p.verdict = 'human' AND starts_with(p.origin::json ->> 7, 'qr+')
) AS d
GROUP BY w.scope, p.scope_id, w.bucket, d.dimension, d.value

-- name: recount_first_clicks
-- The first click of each visitor, for `compare`. After `visits`.
SELECT scope, scope_id, visitor, clicked_at, id AS click_id, link_created_at, origin FROM firsts

-- name: recount_own_clicks
-- The first click of each visitor on a link of their own, for `compare`. After `visits`.
SELECT scope, scope_id, visitor, clicked_at, link_created_at FROM owns

-- name: recount_events
-- The sum of the ledger, for `compare`; what an entry counts is said where entries are appended.
SELECT scope, scope_id, date_bin('15 minutes', at, '2000-01-01Z') AS bucket, action, coalesce(currency, '') AS currency,
       sum(sign) AS events,
       coalesce(sum(sign * conversions) FILTER (WHERE is_counted), 0) AS conversions,
       coalesce(sum(sign * revenue_minor::numeric) FILTER (WHERE is_counted), 0) AS revenue,
       coalesce(sum(sign * greatest(-revenue_minor::numeric, 0)) FILTER (WHERE is_counted), 0) AS taken_back,
       coalesce(sum(sign * conversions) FILTER (WHERE is_counted AND click_id IS NOT NULL), 0) AS conversions_led,
       coalesce(sum(sign * conversions * floor(greatest(extract(epoch FROM occurred_at - clicked_at), 0)))
                FILTER (WHERE is_counted AND click_id IS NOT NULL), 0) AS seconds_to_conversion,
       coalesce(sum(sign * conversions) FILTER (WHERE provenance = 'confirmed'), 0) AS confirmed_conversions,
       coalesce(sum(sign * revenue_minor::numeric) FILTER (WHERE provenance = 'confirmed'), 0) AS confirmed_revenue,
       coalesce(sum(sign * conversions) FILTER (WHERE NOT is_counted), 0) AS unconfirmed_conversions,
       coalesce(sum(sign * revenue_minor::numeric) FILTER (WHERE NOT is_counted), 0) AS unconfirmed_revenue
FROM credits
CROSS JOIN LATERAL (SELECT provenance IS DISTINCT FROM 'unconfirmed' AS is_counted) AS counting
CROSS JOIN LATERAL (
    VALUES ('business', '', occurred_at), ('campaign', campaign, occurred_at), ('journey', journey, occurred_at),
           ('message', message, occurred_at), ('link', link, occurred_at),
           ('business cohort', '', link_created_at), ('campaign cohort', campaign, link_created_at),
           ('journey cohort', journey, link_created_at), ('message cohort', message, link_created_at)
) AS scopes (scope, scope_id, at)
WHERE business_id = $1 AND scope_id IS NOT NULL AND at IS NOT NULL
GROUP BY scope, scope_id, bucket, action, coalesce(currency, '')

-- name: recount_recipients
-- Distinct profiles with a link, for `compare`.
SELECT DISTINCT scope, scope_id, profile_key
FROM links
CROSS JOIN LATERAL (VALUES ('business', ''), ('campaign', campaign), ('journey', journey), ('message', message))
    AS scopes (scope, scope_id)
WHERE business_id = $1 AND profile_key IS NOT NULL AND scope_id IS NOT NULL

-- name: recount_recipient_counts
-- How many profiles have a link, for `compare`.
SELECT scope, scope_id, count(DISTINCT profile_key) AS recipients
FROM links
CROSS JOIN LATERAL (VALUES ('business', ''), ('campaign', campaign), ('journey', journey), ('message', message))
    AS scopes (scope, scope_id)
WHERE business_id = $1 AND profile_key IS NOT NULL AND scope_id IS NOT NULL
GROUP BY scope, scope_id

-- name: compare
-- A counter beside its recount, of the business $1: how many rows there are in either, and at most $2 of those that differ,
-- with each figure as counted and as recounted. What stands in braces is told by the counter. A link that lost its recipient
-- has counters in two tables.
WITH {before}recounted AS (
    SELECT {key}, {recounted} FROM ({recount}) AS again WHERE {in_range}
), counted AS (
    SELECT {key}, {counted} FROM {table} WHERE business_id = $1 AND {only} AND {in_range} {grouped}
), compared AS MATERIALIZED (
    SELECT {key}, {both} FROM counted c FULL JOIN recounted r USING ({key})
)
SELECT total, d.*
FROM (SELECT count(*) AS total FROM compared) AS all_rows
LEFT JOIN LATERAL (
    SELECT *, true AS is_different FROM compared WHERE {differs} ORDER BY {key} LIMIT $2) AS d ON true;

-- name: within
-- The range from $3 to $4 of a column; null: without a start, or an end.
($3::timestamptz IS NULL OR {at} >= $3) AND ($4::timestamptz IS NULL OR {at} < $4)

-- name: find_kept_from
-- From when on clicks are kept, and whether there are counters from before: from the oldest partition, or the oldest
-- click that belongs to none.
SELECT kept.at, EXISTS (
    SELECT FROM click_counts WHERE business_id = $1 AND scope = 'business' AND scope_id = '' AND bucket < kept.at
) AS is_older_counted
FROM (
    SELECT least(
        (SELECT min(to_timestamp(right(c.relname, 7), 'YYYY_MM'))
         FROM pg_inherits i
         JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'clicks'::regclass AND c.relname ~ '_\d{4}_\d{2}$'),
        (SELECT date_bin('15 minutes', min(clicked_at), '2000-01-01Z') FROM clicks_default WHERE business_id = $1)
    ) AS at
) AS kept;

-- name: find_persons
-- The next persons with events, behind one: as many as have so many events together, or one more.
SELECT profile_key
FROM (
    SELECT profile_key, sum(events) OVER (ORDER BY profile_key) - events AS events_before
    FROM (
        SELECT profile_key, count(*) AS events
        FROM activities
        WHERE business_id = $1 AND profile_key > $2 AND action <> $5
        GROUP BY profile_key
        ORDER BY profile_key
        LIMIT $3
    ) AS persons
) AS piled
WHERE events_before < $4
ORDER BY profile_key;

-- name: find_sessions
-- The next sessions of no known person with events, likewise.
SELECT session
FROM (
    SELECT session, sum(events) OVER (ORDER BY session) - events AS events_before
    FROM (
        SELECT session, count(*) AS events
        FROM activities
        WHERE business_id = $1 AND session > $2 AND profile_key IS NULL AND action <> $5
        GROUP BY session
        ORDER BY session
        LIMIT $3
    ) AS sessions
) AS piled
WHERE events_before < $4
ORDER BY session;

-- name: find_places_of_persons
-- The events of persons: business, id, when received.
SELECT business_id, id, received_at
FROM activities
WHERE business_id = $1 AND profile_key = ANY ($2::bigint[]) AND action <> $3;

-- name: find_places_of_sessions
-- The events in sessions of no known person, likewise.
SELECT business_id, id, received_at
FROM activities
WHERE business_id = $1 AND session = ANY ($2::text[]) AND profile_key IS NULL AND action <> $3;

-- name: count_marks
-- How many visitors of a business wait to be decided on again.
SELECT coalesce(sum(coalesce(cardinality(persons), 1)), 0)::bigint FROM dirty_visitors WHERE business_id = $1;

-- name: find_marks
-- The next visitors who wait, behind one.
SELECT m.id, m.business_id, m.session, coalesce(person, m.profile_key) AS profile_key, m.since
FROM (SELECT * FROM dirty_visitors WHERE business_id = $1 AND id > $2 ORDER BY id LIMIT $3) AS m
LEFT JOIN unnest(m.persons) AS person ON true
ORDER BY m.id;

-- name: find_swept
-- Which of these events a change for the whole business concerns that has not come to them yet.
SELECT a.id
FROM sweeps w
JOIN activities a ON a.business_id = w.business_id AND a.id = ANY ($2::uuid[])
WHERE w.business_id = $1 AND a.id > w.position AND (w.action IS NULL OR a.action = w.action)
  AND (w.needle IS NULL OR EXISTS (
    SELECT FROM events e
    WHERE e.business_id = a.business_id AND e.received_at = a.received_at AND e.id = a.id
      AND position(w.needle IN lower(e.utm_params::text)) > 0));

-- name: find_broken_ledgers
-- Events whose entries are not what appending gives: 1, 2, 3 …, each second one taking back the one before it, whole; or
-- which stand credited though they are not there. With the reason.
WITH entries AS (
    SELECT event_id, entry, sign, action, occurred_at,
           row_number() OVER event AS number,
           entry = max(entry) OVER (PARTITION BY event_id) AS is_last,
           ROW (action, occurred_at, click_id, clicked_at, link_created_at, link, campaign, journey, message,
                conversions, revenue_minor, currency, coalesce(provenance, 'reported')) AS credited,
           lag(ROW (action, occurred_at, click_id, clicked_at, link_created_at, link, campaign, journey, message,
                conversions, revenue_minor, currency, coalesce(provenance, 'reported'))) OVER event AS before
    FROM credits
    WHERE business_id = $1
    WINDOW event AS (PARTITION BY event_id ORDER BY entry)
)
SELECT DISTINCT ON (event_id) event_id,
       CASE WHEN entry <> number THEN 'entry ' || entry || ' where ' || number || ' is due'
            WHEN sign <> CASE number % 2 WHEN 1 THEN 1 ELSE -1 END THEN 'entry ' || entry || ' with the sign ' || sign
            WHEN sign < 0 AND credited IS DISTINCT FROM before
                THEN 'entry ' || entry || ' does not take back what the entry before it credits'
            ELSE 'credited, but there is no such event' END AS reason
FROM entries e
WHERE ($2::timestamptz IS NULL OR occurred_at >= $2) AND ($3::timestamptz IS NULL OR occurred_at < $3) AND (
    entry <> number OR sign <> CASE number % 2 WHEN 1 THEN 1 ELSE -1 END
    OR sign < 0 AND credited IS DISTINCT FROM before
    OR is_last AND sign > 0 AND NOT EXISTS (
        SELECT FROM activities a
        WHERE a.business_id = $1 AND a.id = e.event_id AND a.action = e.action AND a.occurred_at = e.occurred_at))
ORDER BY event_id, entry
LIMIT $4;
