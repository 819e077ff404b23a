-- name: find_pending
-- What there is to process: groups of people, single visitors, those to be retried now, and backfills. Found as they are
-- taken, oldest first: a look at any of them may go through all that were deleted lately.
SELECT (SELECT id FROM dirty_visitors WHERE persons IS NOT NULL ORDER BY id LIMIT 1) IS NOT NULL AS groups,
       (SELECT id FROM dirty_visitors WHERE attempts = 0 AND persons IS NULL ORDER BY id LIMIT 1) IS NOT NULL AS visitors,
       (SELECT id FROM dirty_visitors WHERE attempts > 0 AND next_try_at <= now() ORDER BY next_try_at LIMIT 1) IS NOT NULL
           AS retries,
       (SELECT id FROM sweeps ORDER BY id LIMIT 1) IS NOT NULL AS backfills;

-- name: take_visitors
-- Some dirty visitors, oldest first, that no other worker has locked.
-- Materialized, or a plan could run the choice more than once and take more than it was asked for.
WITH taken AS MATERIALIZED (
    SELECT id FROM dirty_visitors WHERE attempts = 0 AND persons IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
)
DELETE FROM dirty_visitors d
USING taken
WHERE d.id = taken.id
RETURNING d.business_id, d.session, d.profile_key, d.since;

-- name: take_visitor
-- One dirty visitor, unless another worker has it locked or was done with it.
WITH taken AS MATERIALIZED (
    SELECT id FROM dirty_visitors WHERE id = $1 FOR UPDATE SKIP LOCKED
)
DELETE FROM dirty_visitors d
USING taken
WHERE d.id = taken.id
RETURNING d.business_id, d.session, d.profile_key, d.since;

-- name: find_oldest
-- The visitors that would be taken next.
SELECT id, attempts FROM dirty_visitors WHERE attempts = 0 AND persons IS NULL ORDER BY id LIMIT $1;

-- name: find_retries
-- Visitors that have failed before and are to be tried again now.
SELECT id, attempts FROM dirty_visitors WHERE attempts > 0 AND next_try_at <= now() ORDER BY next_try_at LIMIT $1;

-- name: retry_later
-- A visitor that is not to be tried again before so many seconds have passed.
UPDATE dirty_visitors SET attempts = attempts + 1, next_try_at = now() + make_interval(secs => $2) WHERE id = $1;

-- name: fan_out
-- Groups of people that no other worker has locked, each as those of them who have any event since. Answers with
-- how many of the former and of the latter there were.
WITH taken AS MATERIALIZED (
    SELECT id FROM dirty_visitors WHERE persons IS NOT NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM dirty_visitors d
    USING taken
    WHERE d.id = taken.id
    RETURNING d.business_id, d.persons, d.since
), fanned_out AS (
    INSERT INTO dirty_visitors (business_id, profile_key, since)
    SELECT g.business_id, person, g.since
    FROM gone g
    CROSS JOIN unnest(g.persons) AS person
    CROSS JOIN LATERAL (
        SELECT FROM activities
        WHERE business_id = g.business_id AND profile_key = person AND occurred_at >= g.since AND action <> $2
        LIMIT 1) AS has_event
    RETURNING id
)
SELECT (SELECT count(*) FROM gone) AS groups, (SELECT count(*) FROM fanned_out) AS visitors;

-- name: find_concerned
-- The events of dirty visitors: those of their sessions and persons.
-- OFFSET 0 keeps each look-up by its whole key apart: a planner without statistics, as on a new database, joins on the
-- business alone, and then every visitor costs as much as the business has events.
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
        CROSS JOIN LATERAL (
            SELECT profile_key FROM sessions WHERE business_id = m.business_id AND id = m.session OFFSET 0) AS s
    ) AS persons
    WHERE profile_key IS NOT NULL
    GROUP BY business_id, profile_key
)
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
    OFFSET 0) AS a;

-- name: find_events
-- Events (business, id, when received), and with them all steps and refunds of their orders, whoever told them, and by
-- whatever reference. $4 is the steps of orders, $5 the action whose object may name its order. Look-ups by whole keys are
-- kept apart, as above.
-- What names its person, in a session that another one's click minted, is credited by that session alone.
WITH concerned AS (
    SELECT * FROM unnest($1::text[], $2::uuid[], $3::timestamptz[]) AS c (business_id, id, received_at)
), orders AS MATERIALIZED (
    SELECT DISTINCT o.business_id, same.object_id
    FROM (
        SELECT DISTINCT c.business_id, o.order_id
        FROM concerned c
        CROSS JOIN LATERAL (
            (SELECT object_id AS order_id FROM events
             WHERE business_id = c.business_id AND received_at = c.received_at AND id = c.id AND action = ANY ($4::text[])
             OFFSET 0)
            UNION ALL
            (SELECT order_id FROM order_refunds WHERE business_id = c.business_id AND event_id = c.id OFFSET 0)) AS o
        WHERE o.order_id IS NOT NULL
    ) AS o
    CROSS JOIN LATERAL same_order(o.business_id, o.order_id) AS same
), found AS MATERIALIZED (
    SELECT business_id, id, received_at FROM concerned
    UNION
    SELECT o.business_id, e.event_id, e.received_at
    FROM orders o
    CROSS JOIN LATERAL (
        (SELECT event_id, received_at FROM order_actions
         WHERE business_id = o.business_id AND object_id = o.object_id OFFSET 0)
        UNION ALL
        (SELECT event_id, received_at FROM order_retellings
         WHERE business_id = o.business_id AND object_id = o.object_id OFFSET 0)
        UNION ALL
        (SELECT event_id, received_at FROM order_refunds
         WHERE business_id = o.business_id AND order_id = o.object_id OFFSET 0)) AS e
)
SELECT f.business_id, f.id, a.action, a.session, a.profile_key, a.occurred_at, f.received_at,
       coalesce(same.object_id, r.order_id, e.order_id) AS order_id, e.amount_minor, e.currency, e.utm_params, e.is_private, a.purchased,
       coalesce(x.conversion, false) AS is_conversion, b.page_amount_ceiling,
       coalesce(f.received_at >= b.confirmed_from OR f.received_at <@ b.confirmed_during, false) AS needs_confirmation,
       make_interval(days => b.attribution_window_days) AS attribution_window, r.said_amount
FROM found f
CROSS JOIN LATERAL (
    SELECT action, session, occurred_at, CASE WHEN action = $5 THEN object::text END AS purchased,
           CASE WHEN is_own_person AND EXISTS (
               SELECT FROM sessions s
               WHERE s.business_id = f.business_id AND s.id = activities.session
                 AND s.profile_key IS DISTINCT FROM activities.profile_key
                 AND s.clicked_at <= activities.occurred_at + interval '24 hours'
           ) THEN NULL ELSE profile_key END AS profile_key
    FROM activities
    WHERE business_id = f.business_id AND id = f.id
    OFFSET 0) AS a
CROSS JOIN LATERAL (
    SELECT amount_minor, currency, utm_params::text AS utm_params, credential = 'private' AS is_private,
           CASE WHEN action = ANY ($4) THEN object_id END AS order_id
    FROM events
    WHERE business_id = f.business_id AND received_at = f.received_at AND id = f.id
    OFFSET 0) AS e
LEFT JOIN LATERAL (
    SELECT order_id, said_amount FROM order_refunds WHERE business_id = f.business_id AND event_id = f.id OFFSET 0
) AS r ON true
LEFT JOIN LATERAL (
    SELECT object_id FROM object_aliases
    WHERE business_id = f.business_id AND alias_id = coalesce(r.order_id, e.order_id)
    OFFSET 0) AS same ON true
JOIN businesses b ON b.id = f.business_id
LEFT JOIN actions x ON x.business_id = f.business_id AND x.name = a.action
ORDER BY f.business_id, f.id;

-- name: find_own_sources
-- Which sources (business, source) are businesses' own: those that their links bring.
SELECT o.business_id, o.source
FROM unnest($1::text[], $2::text[]) AS seen (business_id, source)
JOIN own_sources o ON o.business_id = seen.business_id AND o.source = seen.source;

-- name: take_backfill
-- The backfill begun first, unless another worker has it locked.
SELECT id, business_id, action, needle, position FROM sweeps ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: find_backfilled
-- The next events of a business, by id, and who is to be decided on again: the visitors of those that a backfill concerns.
SELECT a.id, a.session, a.profile_key, a.occurred_at,
       ($3::text IS NULL OR a.action = $3) AND a.action <> $6 AND ($4::text IS NULL OR EXISTS (
           SELECT FROM events e
           WHERE e.business_id = a.business_id AND e.received_at = a.received_at AND e.id = a.id
             AND position($4 IN lower(e.utm_params::text)) > 0)) AS is_concerned
FROM activities a
WHERE a.business_id = $1 AND a.id > $2
ORDER BY a.id
LIMIT $5;

-- name: move_backfill
-- How far a backfill has come.
UPDATE sweeps SET position = $2 WHERE id = $1;

-- name: end_backfill
-- A backfill that is done.
DELETE FROM sweeps WHERE id = $1;

-- name: find_clicks
-- The clicks of sessions (business, session), and of persons (business, profile's surrogate) within a range each.
SELECT s.business_id, s.click_id AS id, s.id AS session, s.profile_key, s.clicked_at, s.link_created_at, s.link,
       s.campaign, s.journey, s.message
FROM unnest($1::text[], $2::text[]) AS used (business_id, session)
JOIN sessions s ON s.business_id = used.business_id AND s.id = used.session
WHERE s.click_id IS NOT NULL
UNION
SELECT s.business_id, s.click_id, s.id, s.profile_key, s.clicked_at, s.link_created_at, s.link, s.campaign, s.journey,
       s.message
FROM unnest($3::text[], $4::bigint[], $5::timestamptz[], $6::timestamptz[])
    AS person (business_id, profile_key, from_at, to_at)
CROSS JOIN LATERAL (
    SELECT * FROM sessions
    WHERE business_id = person.business_id AND profile_key = person.profile_key
      AND clicked_at BETWEEN person.from_at AND person.to_at
    OFFSET 0) AS s
WHERE s.click_id IS NOT NULL;

-- name: find_standings
-- The last entry of each event; one that takes back leaves nothing standing. What says nothing of its provenance is from
-- before there was any, and counts as reported.
SELECT DISTINCT ON (c.business_id, c.event_id)
       c.business_id, c.event_id, c.entry, c.sign, c.click_id, c.clicked_at, c.link_created_at, c.link, c.campaign,
       c.journey, c.message, c.conversions, c.revenue_minor, c.currency,
       CASE WHEN c.conversions <> 0 OR c.revenue_minor IS NOT NULL THEN coalesce(c.provenance, 'reported') END AS provenance
FROM unnest($1::text[], $2::uuid[]) AS decided (business_id, id)
JOIN credits c ON c.business_id = decided.business_id AND c.event_id = decided.id
ORDER BY c.business_id, c.event_id, c.entry DESC;

-- name: append_entries
-- Entries, and what they change in the counters of every scope they belong to, in the order of the counters' keys: by
-- the event's date, and but for links by the cohort, the date of the link clicked. What is unconfirmed counts as an event,
-- and beside all else.
WITH appended AS (
    INSERT INTO credits (
        business_id, event_id, entry, sign, action, occurred_at, click_id, clicked_at, link_created_at, link, campaign,
        journey, message, conversions, revenue_minor, currency, provenance, rules_version)
    SELECT business_id, event_id, entry, sign, action, occurred_at, click_id, clicked_at, link_created_at, link, campaign,
           journey, message, conversions, revenue_minor, currency, provenance, $18
    FROM unnest(
        $1::text[], $2::uuid[], $3::integer[], $4::smallint[], $5::text[], $6::timestamptz[], $7::uuid[],
        $8::timestamptz[], $9::timestamptz[], $10::text[], $11::text[], $12::text[], $13::text[], $14::smallint[],
        $15::bigint[], $16::text[], $17::text[]
    ) AS decided (
        business_id, event_id, entry, sign, action, occurred_at, click_id, clicked_at, link_created_at, link, campaign,
        journey, message, conversions, revenue_minor, currency, provenance)
    RETURNING *
), scoped AS (
    SELECT a.*, scopes.scope, scopes.scope_id, date_bin('15 minutes', scopes.at, '2000-01-01Z') AS bucket,
           CASE WHEN a.click_id IS NULL THEN 0 ELSE a.conversions END AS led,
           CASE WHEN a.click_id IS NULL THEN 0
                ELSE a.conversions * floor(greatest(extract(epoch FROM a.occurred_at - a.clicked_at), 0)) END AS seconds,
           a.provenance IS NOT DISTINCT FROM 'confirmed' AS is_confirmed,
           a.provenance IS NOT DISTINCT FROM 'unconfirmed' AS is_unconfirmed
    FROM appended a
    CROSS JOIN LATERAL (
        VALUES ('business', '', a.occurred_at), ('campaign', a.campaign, a.occurred_at),
               ('journey', a.journey, a.occurred_at), ('message', a.message, a.occurred_at),
               ('link', a.link, a.occurred_at),
               ('business cohort', '', a.link_created_at), ('campaign cohort', a.campaign, a.link_created_at),
               ('journey cohort', a.journey, a.link_created_at), ('message cohort', a.message, a.link_created_at)
    ) AS scopes (scope, scope_id, at)
    WHERE scopes.scope_id IS NOT NULL AND scopes.at IS NOT NULL
), counted AS (
    INSERT INTO event_counts AS c (
        business_id, scope, scope_id, bucket, action, currency, events, conversions, revenue, taken_back,
        conversions_led, seconds_to_conversion, confirmed_conversions, confirmed_revenue, unconfirmed_conversions,
        unconfirmed_revenue)
    SELECT s.business_id, s.scope, s.scope_id, s.bucket, s.action, coalesce(s.currency, ''), sum(s.sign),
           coalesce(sum(s.sign * s.conversions) FILTER (WHERE NOT s.is_unconfirmed), 0),
           coalesce(sum(s.sign * s.revenue_minor::numeric) FILTER (WHERE NOT s.is_unconfirmed), 0),
           coalesce(sum(s.sign * greatest(-s.revenue_minor::numeric, 0)) FILTER (WHERE NOT s.is_unconfirmed), 0),
           coalesce(sum(s.sign * s.led) FILTER (WHERE NOT s.is_unconfirmed), 0),
           coalesce(sum(s.sign * s.seconds) FILTER (WHERE NOT s.is_unconfirmed), 0),
           coalesce(sum(s.sign * s.conversions) FILTER (WHERE s.is_confirmed), 0),
           coalesce(sum(s.sign * s.revenue_minor::numeric) FILTER (WHERE s.is_confirmed), 0),
           coalesce(sum(s.sign * s.conversions) FILTER (WHERE s.is_unconfirmed), 0),
           coalesce(sum(s.sign * s.revenue_minor::numeric) FILTER (WHERE s.is_unconfirmed), 0)
    FROM scoped s
    GROUP BY s.business_id, s.scope, s.scope_id, s.bucket, s.action, coalesce(s.currency, '')
    ORDER BY s.business_id, s.scope, s.scope_id, s.bucket, s.action, coalesce(s.currency, '')
    ON CONFLICT (business_id, scope, scope_id, bucket, action, currency) DO UPDATE
    SET events = c.events + excluded.events, conversions = c.conversions + excluded.conversions,
        revenue = c.revenue + excluded.revenue, taken_back = c.taken_back + excluded.taken_back,
        conversions_led = c.conversions_led + excluded.conversions_led,
        seconds_to_conversion = c.seconds_to_conversion + excluded.seconds_to_conversion,
        confirmed_conversions = c.confirmed_conversions + excluded.confirmed_conversions,
        confirmed_revenue = c.confirmed_revenue + excluded.confirmed_revenue,
        unconfirmed_conversions = c.unconfirmed_conversions + excluded.unconfirmed_conversions,
        unconfirmed_revenue = c.unconfirmed_revenue + excluded.unconfirmed_revenue
)
SELECT count(*) FROM appended;

-- name: find_event
-- An event, by its id: when it was received.
SELECT received_at FROM activities WHERE business_id = $1 AND id = $2 AND action <> $3;

-- name: find_clicks_of_visitor
-- The clicks of a session and of a person, latest first: all that could be looked at.
SELECT s.click_id AS id, s.id AS session, s.profile_key, s.clicked_at, s.link_created_at, s.link, s.campaign, s.journey,
       s.message
FROM sessions s
WHERE s.business_id = $1 AND s.click_id IS NOT NULL AND (s.id = $2 OR s.profile_key = $3)
ORDER BY s.clicked_at DESC, s.click_id DESC
LIMIT $4;

-- name: find_entries
-- The entries of an event, in order.
SELECT entry, sign, click_id, campaign, journey, conversions, revenue_minor, currency, provenance, rules_version, decided_at
FROM credits
WHERE business_id = $1 AND event_id = $2
ORDER BY entry;

-- name: mark_dirty
-- Visitors whose events must be decided again, each from a time on, or all of them.
INSERT INTO dirty_visitors (business_id, session, profile_key, since)
SELECT business_id, session, profile_key, since
FROM unnest(texts($1), texts($2), $3::bigint[], $4::timestamptz[]) AS marked (business_id, session, profile_key, since);

-- name: mark_persons
-- Many people of whom few have any event, as one row.
INSERT INTO dirty_visitors (business_id, persons, since) VALUES ($1, $2, $3);

-- name: mark_orders
-- The visitors of all that was told of orders (business, id), by whatever reference, so that they are decided again.
INSERT INTO dirty_visitors (business_id, session, profile_key, since)
SELECT o.business_id, a.session, a.profile_key, min(a.occurred_at)
FROM (
    SELECT DISTINCT named.business_id, same.object_id
    FROM unnest($1::text[], $2::uuid[]) AS named (business_id, id)
    CROSS JOIN LATERAL same_order(named.business_id, named.id) AS same
) AS o
CROSS JOIN LATERAL (
    (SELECT event_id FROM order_actions WHERE business_id = o.business_id AND object_id = o.object_id OFFSET 0)
    UNION ALL
    (SELECT event_id FROM order_retellings WHERE business_id = o.business_id AND object_id = o.object_id OFFSET 0)
    UNION ALL
    (SELECT event_id FROM order_refunds WHERE business_id = o.business_id AND order_id = o.object_id OFFSET 0)) AS e
CROSS JOIN LATERAL (
    SELECT session, profile_key, occurred_at FROM activities
    WHERE business_id = o.business_id AND id = e.event_id
    OFFSET 0) AS a
GROUP BY o.business_id, a.session, a.profile_key;
