-- name: take_marks
-- Some marks, oldest first, that no other worker has in hand.
-- Materialized, or a plan could run the choice more than once and take more than it was asked for.
WITH taken AS MATERIALIZED (
    SELECT id FROM dirty_visitors WHERE attempts = 0 ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
)
DELETE FROM dirty_visitors d
USING taken
WHERE d.id = taken.id
RETURNING d.business_id, d.session, d.profile_key, d.since;

-- name: take_mark
-- One mark, unless another worker has it in hand or was done with it.
WITH taken AS MATERIALIZED (
    SELECT id FROM dirty_visitors WHERE id = $1 FOR UPDATE SKIP LOCKED
)
DELETE FROM dirty_visitors d
USING taken
WHERE d.id = taken.id
RETURNING d.business_id, d.session, d.profile_key, d.since;

-- name: find_oldest
-- The marks that would be taken next.
SELECT id, attempts FROM dirty_visitors WHERE attempts = 0 ORDER BY id LIMIT $1;

-- name: find_put_aside
-- Marks that were put aside and whose time has come.
SELECT id, attempts FROM dirty_visitors WHERE attempts > 0 AND next_try_at <= now() ORDER BY next_try_at LIMIT $1;

-- name: put_aside
-- A mark that is not to be tried again before so many seconds have passed.
UPDATE dirty_visitors SET attempts = attempts + 1, next_try_at = now() + make_interval(secs => $2) WHERE id = $1;

-- name: lock_businesses
-- Waits until no other worker decides on events of these businesses. An order ties the events of several visitors
-- together, so a lock for each visitor would not do. By hash, in its order.
SELECT pg_advisory_xact_lock($2, hash)
FROM (SELECT DISTINCT hashtext(business_id) AS hash FROM unnest($1::text[]) AS marked (business_id) ORDER BY hash)
    AS hashes;

-- name: find_events
-- The events that marks concern: those of the sessions and persons marked, and all order events of their orders.
-- OFFSET 0 keeps each look-up by its whole key apart: a planner without statistics, as on a new database, joins on the
-- business alone, and then every mark costs as much as the business has events.
WITH marks AS (
    SELECT business_id, session, profile_key, coalesce(since, '-infinity') AS since
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[]) AS m (business_id, session, profile_key, since)
), sessions_marked AS (
    SELECT business_id, session, min(since) AS since FROM marks WHERE session IS NOT NULL GROUP BY business_id, session
), persons_marked AS (
    SELECT business_id, profile_key, min(since) AS since
    FROM (
        SELECT business_id, profile_key, since FROM marks
        UNION ALL
        SELECT m.business_id, s.profile_key, m.since
        FROM sessions_marked m
        JOIN sessions s ON s.business_id = m.business_id AND s.id = m.session
    ) AS persons
    WHERE profile_key IS NOT NULL
    GROUP BY business_id, profile_key
), concerned AS MATERIALIZED (
    SELECT p.business_id, a.id, a.received_at
    FROM persons_marked p
    CROSS JOIN LATERAL (
        SELECT id, received_at FROM activities
        WHERE business_id = p.business_id AND profile_key = p.profile_key AND occurred_at >= p.since AND action <> $5
        OFFSET 0) AS a
    UNION
    SELECT s.business_id, a.id, a.received_at
    FROM sessions_marked s
    CROSS JOIN LATERAL (
        SELECT id, received_at FROM activities
        WHERE business_id = s.business_id AND session = s.session AND occurred_at >= s.since AND action <> $5
        OFFSET 0) AS a
), of_orders AS (
    SELECT c.business_id, o.event_id, o.received_at
    FROM concerned c
    CROSS JOIN LATERAL (
        SELECT object_id FROM events
        WHERE business_id = c.business_id AND received_at = c.received_at AND id = c.id AND action = ANY ($6::text[])
        OFFSET 0) AS e
    CROSS JOIN LATERAL (
        SELECT event_id, received_at FROM order_actions
        WHERE business_id = c.business_id AND object_id = e.object_id AND action = ANY ($6)
        OFFSET 0) AS o
), found AS MATERIALIZED (
    SELECT business_id, id, received_at FROM concerned
    UNION
    SELECT business_id, event_id, received_at FROM of_orders
)
SELECT f.business_id, f.id, a.action, a.session, a.profile_key, a.occurred_at, e.object_id, e.amount_minor, e.currency,
       a.purchased, coalesce(x.conversion, false) AS is_conversion,
       make_interval(days => b.attribution_window_days) AS attribution_window
FROM found f
CROSS JOIN LATERAL (
    SELECT action, session, profile_key, occurred_at, CASE WHEN action = $7 THEN object::text END AS purchased
    FROM activities
    WHERE business_id = f.business_id AND id = f.id
    OFFSET 0) AS a
CROSS JOIN LATERAL (
    SELECT object_id, amount_minor, currency FROM events
    WHERE business_id = f.business_id AND received_at = f.received_at AND id = f.id
    OFFSET 0) AS e
JOIN businesses b ON b.id = f.business_id
LEFT JOIN actions x ON x.business_id = f.business_id AND x.name = a.action
ORDER BY f.business_id, f.id;

-- name: find_clicks
-- The clicks of sessions (business, session), and of persons (business, profile's surrogate) within a range each.
SELECT s.business_id, s.click_id, s.id, s.profile_key, s.clicked_at, s.link, s.campaign, s.journey, s.message
FROM unnest($1::text[], $2::text[]) AS used (business_id, session)
JOIN sessions s ON s.business_id = used.business_id AND s.id = used.session
WHERE s.click_id IS NOT NULL
UNION
SELECT s.business_id, s.click_id, s.id, s.profile_key, s.clicked_at, s.link, s.campaign, s.journey, s.message
FROM unnest($3::text[], $4::bigint[], $5::timestamptz[], $6::timestamptz[])
    AS person (business_id, profile_key, from_at, to_at)
JOIN sessions s ON s.business_id = person.business_id AND s.profile_key = person.profile_key
    AND s.clicked_at BETWEEN person.from_at AND person.to_at
WHERE s.click_id IS NOT NULL;

-- name: find_standings
-- The last entry of each event; one that takes back leaves nothing standing.
SELECT DISTINCT ON (c.business_id, c.event_id)
       c.business_id, c.event_id, c.entry, c.sign, c.click_id, c.link, c.campaign, c.journey, c.message, c.conversions,
       c.revenue_minor, c.currency
FROM unnest($1::text[], $2::uuid[]) AS decided (business_id, event_id)
JOIN credits c ON c.business_id = decided.business_id AND c.event_id = decided.event_id
ORDER BY c.business_id, c.event_id, c.entry DESC;

-- name: append_entries
-- Entries, and what they change in the counters of every scope they belong to, in the order of the counters' keys.
WITH appended AS (
    INSERT INTO credits (
        business_id, event_id, entry, sign, action, occurred_at, click_id, link, campaign, journey, message,
        conversions, revenue_minor, currency, rules_version)
    SELECT decided.*, $15
    FROM unnest(
        $1::text[], $2::uuid[], $3::integer[], $4::smallint[], $5::text[], $6::timestamptz[], $7::uuid[], $8::text[],
        $9::text[], $10::text[], $11::text[], $12::smallint[], $13::bigint[], $14::text[]) AS decided
    RETURNING *
)
INSERT INTO event_counts AS c (
    business_id, scope, scope_id, bucket, action, currency, events, conversions, revenue)
SELECT a.business_id, scopes.scope, scopes.scope_id, date_bin('15 minutes', a.occurred_at, '2000-01-01Z') AS bucket,
       a.action, coalesce(a.currency, ''), sum(a.sign), sum(a.sign * a.conversions),
       coalesce(sum(a.sign * a.revenue_minor::numeric), 0)
FROM appended a
CROSS JOIN LATERAL (VALUES ('business', ''), ('campaign', a.campaign), ('journey', a.journey), ('message', a.message),
                           ('link', a.link)) AS scopes (scope, scope_id)
WHERE scopes.scope_id IS NOT NULL
GROUP BY a.business_id, scopes.scope, scopes.scope_id, bucket, a.action, coalesce(a.currency, '')
ORDER BY a.business_id, scopes.scope, scopes.scope_id, bucket, a.action, coalesce(a.currency, '')
ON CONFLICT (business_id, scope, scope_id, bucket, action, currency) DO UPDATE
SET events = c.events + excluded.events, conversions = c.conversions + excluded.conversions,
    revenue = c.revenue + excluded.revenue;
