-- name: find_contexts
-- Businesses with their currency, and which of the actions named are custom ones of theirs.
SELECT b.id, b.currency,
       ARRAY(SELECT a.name FROM actions a WHERE a.business_id = b.id AND a.name = ANY ($2::text[])) AS actions
FROM businesses b
WHERE b.id = ANY ($1::text[]);

-- name: find_objects
-- Objects by business and id.
SELECT o.business_id, o.id, o.type, o.data
FROM unnest($1::text[], $2::uuid[]) AS wanted (business_id, id)
JOIN objects o ON o.business_id = wanted.business_id AND o.id = wanted.id;

-- name: take_keys
-- Ids of events that are new, in the order of their keys: this decides which of two copies is the event. Waits for
-- another transaction that is about to take the same one. Answers with those that are not new: as a rule none.
WITH sent AS (
    SELECT *
    FROM unnest(texts($1), $2::uuid[], $3::timestamptz[], $4::bytea[]) AS sent (business_id, id, received_at, fingerprint)
), taken AS (
    INSERT INTO event_keys (business_id, id, event_id, received_at, fingerprint)
    SELECT business_id, id, id, received_at, fingerprint FROM sent ORDER BY business_id, id
    ON CONFLICT (business_id, id) DO NOTHING
    RETURNING business_id, id
)
SELECT business_id, id FROM sent EXCEPT SELECT business_id, id FROM taken;

-- name: find_keys
-- What is known of ids of events.
SELECT k.business_id, k.id, k.event_id, k.fingerprint
FROM unnest($1::text[], $2::uuid[]) AS sent (business_id, id)
JOIN event_keys k ON k.business_id = sent.business_id AND k.id = sent.id;

-- name: take_order_actions
-- Actions of orders that nobody of the same class of credential had recorded, nor for a page a private token, in the order
-- of their keys. Answers with those.
INSERT INTO order_actions (business_id, object_id, action, is_private, event_id, received_at)
SELECT business_id, object_id, action, is_private, id, received_at
FROM unnest($1::text[], $2::uuid[], $3::text[], $4::boolean[], $5::uuid[], $6::timestamptz[])
    AS sent (business_id, object_id, action, is_private, id, received_at)
WHERE is_private OR NOT EXISTS (
    SELECT FROM order_actions o
    WHERE o.business_id = sent.business_id AND o.object_id = sent.object_id AND o.action = sent.action AND o.is_private)
ORDER BY business_id, object_id, action, is_private
ON CONFLICT (business_id, object_id, action, is_private) DO NOTHING
RETURNING business_id, object_id, action, is_private;

-- name: find_other_tellings
-- Steps of orders that private tokens tell, and that one had told by another reference of the same order, by an event that
-- attribution lets stand before them, or that is there no more. Answers with their ids, and that event for each.
SELECT DISTINCT ON (sent.business_id, sent.id) sent.business_id, sent.id, o.event_id
FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[], $6::boolean[])
    AS sent (business_id, id, object_id, action, received_at, has_amount)
CROSS JOIN LATERAL same_order(sent.business_id, sent.object_id) AS same
CROSS JOIN LATERAL (
    SELECT event_id, received_at FROM order_actions
    WHERE business_id = sent.business_id AND object_id = same.object_id AND action = sent.action AND is_private
    OFFSET 0) AS o
LEFT JOIN LATERAL (
    SELECT coalesce(amount_minor, 0) <> 0 AS has_amount FROM events
    WHERE business_id = sent.business_id AND received_at = o.received_at AND id = o.event_id
    OFFSET 0) AS e ON true
WHERE same.object_id <> sent.object_id
  AND (e.has_amount IS NULL
       OR (NOT e.has_amount, o.received_at, o.event_id) < (NOT sent.has_amount, sent.received_at, sent.id))
ORDER BY sent.business_id, sent.id, e.has_amount DESC NULLS FIRST, o.received_at, o.event_id;

-- name: find_order_actions
-- The events that recorded actions of orders: for a private token its own, for a page that too where there is one.
SELECT DISTINCT ON (o.business_id, o.object_id, o.action, sent.is_private)
       o.business_id, o.object_id, o.action, sent.is_private, o.event_id
FROM unnest($1::text[], $2::uuid[], $3::text[], $4::boolean[]) AS sent (business_id, object_id, action, is_private)
JOIN order_actions o
    ON o.business_id = sent.business_id AND o.object_id = sent.object_id AND o.action = sent.action
    AND (o.is_private OR NOT sent.is_private)
ORDER BY o.business_id, o.object_id, o.action, sent.is_private, o.is_private DESC;

-- name: take_retellings
-- Of steps of orders that pages told too late, those told in a session of their own, at most $7 of each step: the first
-- page's may be another visitor's. In the order of their keys; answers with those.
INSERT INTO order_retellings (business_id, object_id, action, session, event_id, received_at)
SELECT business_id, object_id, action, session, id, received_at
FROM (
    SELECT *, row_number() OVER (PARTITION BY business_id, object_id, action ORDER BY received_at, id) AS number
    FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::timestamptz[])
        AS sent (business_id, object_id, action, session, id, received_at)
) AS sent
WHERE NOT EXISTS (
    SELECT FROM order_actions o
    JOIN activities a ON a.business_id = o.business_id AND a.id = o.event_id
    WHERE o.business_id = sent.business_id AND o.object_id = sent.object_id AND o.action = sent.action
      AND NOT o.is_private AND a.session = sent.session
) AND (
    SELECT count(*) FROM order_retellings r
    WHERE r.business_id = sent.business_id AND r.object_id = sent.object_id AND r.action = sent.action
) + number <= $7
ORDER BY business_id, object_id, action, session
ON CONFLICT (business_id, object_id, action, session) DO NOTHING
RETURNING business_id, event_id AS id;

-- name: point_keys
-- Ids that turned out to stand for another event: the first one of the same action of the same order.
UPDATE event_keys k
SET event_id = pointed.event_id
FROM unnest($1::text[], $2::uuid[], $3::uuid[]) AS pointed (business_id, id, event_id)
WHERE k.business_id = pointed.business_id AND k.id = pointed.id;

-- name: give_keys_back
-- The ids of refused events.
DELETE FROM event_keys k
USING unnest($1::text[], $2::uuid[]) AS refused (business_id, id)
WHERE k.business_id = refused.business_id AND k.id = refused.id;

-- name: give_order_actions_back
-- The actions of orders that refused events had taken.
DELETE FROM order_actions o
USING unnest($1::text[], $2::uuid[], $3::text[], $4::boolean[]) AS refused (business_id, object_id, action, is_private)
WHERE o.business_id = refused.business_id AND o.object_id = refused.object_id AND o.action = refused.action
  AND o.is_private = refused.is_private;

-- name: keep_aliases
-- Which orders references stand for, in the order of their keys: one that an order is named by stands for that one, all
-- others for the one of which that was said first. Answers with the orders that this changes.
WITH kept AS (
    INSERT INTO object_aliases AS a (business_id, alias_id, object_id, received_at)
    SELECT business_id, alias_id, object_id, received_at
    FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::timestamptz[])
        AS said (business_id, alias_id, object_id, received_at)
    ORDER BY business_id, alias_id
    ON CONFLICT (business_id, alias_id) DO UPDATE SET object_id = excluded.object_id
    WHERE excluded.object_id = a.alias_id AND a.object_id <> a.alias_id
    RETURNING business_id, alias_id, new.object_id AS object_id, old.object_id AS before
)
SELECT k.business_id, concerned.id
FROM kept k
CROSS JOIN LATERAL (VALUES (k.alias_id), (k.object_id), (k.before)) AS concerned (id)
WHERE concerned.id IS NOT NULL AND (k.object_id <> k.alias_id OR k.before IS NOT NULL);

-- name: keep_refunds
-- The orders that refunds name.
INSERT INTO order_refunds (business_id, event_id, order_id, received_at, said_amount)
SELECT business_id, event_id, order_id, received_at, said_amount
FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::text[])
    AS named (business_id, event_id, order_id, received_at, said_amount)
ON CONFLICT (business_id, event_id) DO NOTHING;

-- name: find_orders
-- Orders by business and id of any of their references, each with a currency of its amounts, a private token's before a
-- page's: look-ups by whole keys, kept apart.
SELECT DISTINCT ON (wanted.business_id, wanted.id) wanted.business_id, wanted.id, e.currency
FROM unnest($1::text[], $2::uuid[]) AS wanted (business_id, id)
CROSS JOIN LATERAL same_order(wanted.business_id, wanted.id) AS same
CROSS JOIN LATERAL (
    SELECT event_id, received_at, is_private FROM order_actions
    WHERE business_id = wanted.business_id AND object_id = same.object_id OFFSET 0) AS o
LEFT JOIN LATERAL (
    SELECT currency FROM events
    WHERE business_id = wanted.business_id AND received_at = o.received_at AND id = o.event_id OFFSET 0) AS e ON true
ORDER BY wanted.business_id, wanted.id, e.currency IS NULL, NOT o.is_private, e.currency;

-- name: list_unmatched_refunds
-- Refunds of a business whose order there is not, next to one, {direction} by when they came.
SELECT r.event_id AS id, r.received_at, a.object::text AS object, a.amount_minor, a.currency
FROM order_refunds r
CROSS JOIN LATERAL (
    SELECT object, amount_minor, currency FROM activities WHERE business_id = $1 AND id = r.event_id OFFSET 0) AS a
WHERE r.business_id = $1 AND (r.received_at, r.event_id) {beyond} ($2, $3)
  AND NOT EXISTS (SELECT FROM order_actions o WHERE o.business_id = $1 AND o.object_id = r.order_id)
  AND NOT EXISTS (
    SELECT FROM same_order($1, r.order_id) AS same
    JOIN order_actions o ON o.business_id = $1 AND o.object_id = same.object_id)
ORDER BY r.received_at {direction}, r.event_id {direction}
LIMIT $4;

-- name: find_refund_position
-- Where a refund stands in the list.
SELECT received_at AS at, event_id AS id FROM order_refunds WHERE business_id = $1 AND event_id = $2;

-- name: hold_actions
-- Custom actions by business and name, held in the order of their keys so that they stay until the events are there.
SELECT a.business_id, a.name
FROM unnest($1::text[], $2::text[]) AS used (business_id, name)
JOIN actions a ON a.business_id = used.business_id AND a.name = used.name
ORDER BY a.business_id, a.name
FOR KEY SHARE OF a;

-- name: add_objects
-- What events are about and is new, in the order of their keys. Answers with those.
INSERT INTO objects (business_id, id, type, source, reference, data, created_at, updated_at)
SELECT business_id, id, type, source, reference, data::json, received_at, received_at
FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
    AS brought (business_id, id, type, source, reference, data, received_at)
ORDER BY business_id, id
ON CONFLICT (business_id, id) DO NOTHING
RETURNING business_id, id;

-- name: lock_objects
-- Objects by business and id, held in the order of their keys until the transaction ends.
SELECT o.business_id, o.id, o.data, o.updated_at
FROM unnest($1::text[], $2::uuid[]) AS wanted (business_id, id)
JOIN objects o ON o.business_id = wanted.business_id AND o.id = wanted.id
ORDER BY o.business_id, o.id
FOR UPDATE OF o;

-- name: change_objects
-- What is known now of objects that are held.
UPDATE objects o
SET data = brought.data::json, updated_at = brought.updated_at
FROM unnest($1::text[], $2::uuid[], $3::text[], $4::timestamptz[]) AS brought (business_id, id, data, updated_at)
WHERE o.business_id = brought.business_id AND o.id = brought.id;

-- name: keep_events
-- New events, as rows and as activities. person is whom an event names itself; profile_key is whose it is, by its session
-- if by nothing else. Where that one was erased, what would tell of the person is left out; bare_object is what stays of
-- the object then. Their visitors are marked, to be decided on.
-- OFFSET 0 has each profile looked up by its key, and once, not again for each column.
WITH sent AS MATERIALIZED (
    SELECT sent.business_id, received_at, sent.id, action, session, person, sent.profile_key, credential, occurred_at,
           tracked_at, object_id, amount_minor, currency, utm_params::json AS utm_params, link, campaign, journey,
           message, is_own_person,
           CASE WHEN is_erased THEN bare_object ELSE object END::json AS object,
           CASE WHEN NOT is_erased THEN metadata::json END AS metadata,
           CASE WHEN NOT is_erased THEN user_parameters::json END AS user_parameters,
           CASE WHEN NOT is_erased THEN page::json END AS page,
           CASE WHEN NOT is_erased THEN url END AS url,
           CASE WHEN NOT is_erased THEN extra::json END AS extra,
           CASE WHEN is_erased THEN '' ELSE address END AS address,
           CASE WHEN is_erased THEN '' ELSE user_agent END AS user_agent
    FROM (
        SELECT
            unnest(texts($1)) AS business_id, unnest($2::timestamptz[]) AS received_at, unnest($3::uuid[]) AS id,
            unnest(texts($4)) AS action, unnest(texts($5)) AS session, unnest($6::bigint[]) AS person,
            unnest($7::bigint[]) AS profile_key, unnest(texts($8)) AS credential,
            unnest($9::timestamptz[]) AS occurred_at, unnest($10::timestamptz[]) AS tracked_at,
            unnest($11::uuid[]) AS object_id, unnest(texts($12)) AS object, unnest($13::bigint[]) AS amount_minor,
            unnest(texts($14)) AS currency, unnest(texts($15)) AS metadata, unnest(texts($16)) AS user_parameters,
            unnest(texts($17)) AS page, unnest(texts($18)) AS url, unnest(texts($19)) AS utm_params,
            unnest(texts($20)) AS extra, unnest(texts($21)) AS address, unnest(texts($22)) AS user_agent,
            unnest(texts($23)) AS link, unnest(texts($24)) AS campaign, unnest(texts($25)) AS journey,
            unnest(texts($26)) AS message, unnest(texts($27)) AS bare_object, unnest($28::boolean[]) AS is_own_person
    ) AS sent
    CROSS JOIN LATERAL (
        SELECT sent.profile_key IS NOT NULL AND NOT EXISTS (
            SELECT FROM profiles p
            WHERE p.business_id = sent.business_id AND p.profile_key = sent.profile_key
        ) AS is_erased
        OFFSET 0) AS erasure
), kept AS (
    INSERT INTO events (
        business_id, received_at, id, action, session, profile_key, credential, occurred_at, tracked_at, object_id,
        amount_minor, currency, metadata, user_parameters, page, utm_params, extra, address, user_agent)
    SELECT business_id, received_at, id, action, session, person, credential, occurred_at, tracked_at, object_id,
           amount_minor, currency, metadata, user_parameters, page, utm_params, extra, address, user_agent
    FROM sent
), done AS (
    INSERT INTO activities (
        business_id, id, received_at, occurred_at, tracked_at, profile_key, session, action, link, campaign, journey,
        message, object, amount_minor, currency, metadata, url, is_own_person)
    SELECT business_id, id, received_at, occurred_at, tracked_at, profile_key, session, action, link, campaign,
           journey, message, object, amount_minor, currency, metadata, url, is_own_person
    FROM sent
)
INSERT INTO dirty_visitors (business_id, session, profile_key, since)
SELECT business_id, session, profile_key, min(occurred_at)
FROM sent
GROUP BY business_id, session, profile_key;

-- name: place_plain_events
-- A part of the two below: what is new of the events sent, and whose their sessions are.
sent AS MATERIALIZED (
    SELECT *, business_id || '/' || id AS key, business_id || '/' || session AS place
    FROM (
        SELECT
            unnest(texts($1)) AS business_id, unnest($2::uuid[]) AS id, unnest($3::timestamptz[]) AS received_at,
            unnest($4::bytea[]) AS fingerprint, unnest(texts($5)) AS action, unnest(texts($6)) AS session,
            unnest(texts($7)) AS credential, unnest($8::timestamptz[]) AS occurred_at,
            unnest($9::timestamptz[]) AS tracked_at, unnest($10::uuid[]) AS object_id, unnest(texts($11)) AS object,
            unnest(texts($12)) AS bare_object, unnest($13::bigint[]) AS amount_minor, unnest(texts($14)) AS currency,
            unnest(texts($15)) AS metadata, unnest(texts($16)) AS user_parameters, unnest(texts($17)) AS page,
            unnest(texts($18)) AS url, unnest(texts($19)) AS utm_params, unnest(texts($20)) AS extra,
            unnest(texts($21)) AS address, unnest(texts($22)) AS user_agent, unnest($23::boolean[]) AS never_earns,
            unnest(texts($24)) AS said_source, unnest(texts($25)) AS said_id,
            generate_subscripts($2::uuid[], 1) AS number
    ) AS sent
), taken AS (
    INSERT INTO event_keys (business_id, id, event_id, received_at, fingerprint)
    SELECT business_id, id, id, received_at, fingerprint FROM sent ORDER BY business_id, id
    ON CONFLICT (business_id, id) DO NOTHING
    RETURNING business_id || '/' || id AS key
), used AS MATERIALIZED (
    SELECT business_id, session, place, min(received_at) AS created_at
    FROM sent JOIN taken USING (key)
    GROUP BY business_id, session, place
    ORDER BY business_id, session
), known AS MATERIALIZED (
    SELECT used.*, s.*
    FROM used
    LEFT JOIN LATERAL (
        SELECT true AS is_known, profile_key, link, campaign, journey, message
        FROM sessions
        WHERE business_id = used.business_id AND id = used.session
        FOR UPDATE) AS s ON true
), made AS (
    INSERT INTO sessions AS s (business_id, id, created_at)
    SELECT business_id, session, created_at FROM known WHERE is_known IS NULL
    ON CONFLICT (business_id, id) DO UPDATE SET created_at = s.created_at
    RETURNING business_id, business_id || '/' || id AS place, profile_key, link, campaign, journey, message
), visited AS MATERIALIZED (
    SELECT place, profile_key, link, campaign, journey, message,
           CASE WHEN profile_key IS NULL OR EXISTS (
               SELECT FROM profiles p
               WHERE p.business_id = s.business_id AND p.profile_key = s.profile_key OFFSET 0
           ) THEN false ELSE is_gone(business_id, profile_key) END AS is_erased
    FROM (
        SELECT business_id, place, profile_key, link, campaign, journey, message FROM known WHERE is_known
        UNION ALL
        SELECT * FROM made
    ) AS s
), placed AS MATERIALIZED (
    SELECT business_id, sent.id, received_at, action, session, profile_key, credential, occurred_at, tracked_at,
           object_id, amount_minor, currency, utm_params::json AS utm_params, link, campaign, journey, message,
           never_earns AND profile_key IS NULL AND link IS NULL AS is_decided,
           CASE WHEN is_erased THEN bare_object ELSE object END::json AS object,
           CASE WHEN NOT is_erased THEN metadata::json END AS metadata,
           CASE WHEN NOT is_erased THEN user_parameters::json END AS user_parameters,
           CASE WHEN NOT is_erased THEN page::json END AS page,
           CASE WHEN NOT is_erased THEN url END AS url,
           CASE WHEN NOT is_erased THEN extra::json END AS extra,
           CASE WHEN is_erased THEN '' ELSE address END AS address,
           CASE WHEN is_erased THEN '' ELSE user_agent END AS user_agent
    FROM sent
    JOIN taken USING (key)
    JOIN visited USING (place)
)

-- name: said_by_plain_events
-- A part of the second one below: who events say that their visitors are, as `keep_statements` keeps it.
said AS (
    INSERT INTO identity_evidence AS e (business_id, session, source, user_id, strength, said_at)
    SELECT business_id, session, said_source, said_id, CASE credential WHEN 'private' THEN 'proved' ELSE 'page' END AS strength,
           min(received_at)
    FROM sent
    JOIN taken USING (key)
    JOIN visited USING (place)
    WHERE said_id IS NOT NULL AND NOT is_erased AND NOT EXISTS (
        SELECT FROM identity_tombstones t
        WHERE t.business_id = sent.business_id AND t.erased_at >= sent.received_at
          AND t.identity_hash = sha256(convert_to(chr(1) || said_source || chr(1) || said_id, 'UTF8')))
    GROUP BY business_id, session, said_source, said_id, strength
    ORDER BY business_id, session, said_source, said_id, strength
    ON CONFLICT (business_id, session, source, user_id, strength, email_hash, phone_hash, earlier_session) DO UPDATE
    SET said_at = excluded.said_at
    WHERE e.said_at > excluded.said_at
    RETURNING business_id, session
), unsettled AS (
    INSERT INTO dirty_identities (business_id, session) SELECT DISTINCT business_id, session FROM said
)

-- name: keep_placed_events
-- A part of the two below: rows, activities, and what they add to the counters.
counted AS (
    INSERT INTO event_counts AS c (business_id, scope, scope_id, bucket, action, events)
    SELECT business_id, 'business', '', date_bin('15 minutes', occurred_at, '2000-01-01Z') AS bucket, action, count(*)
    FROM placed
    WHERE is_decided
    GROUP BY business_id, bucket, action
    ORDER BY business_id, bucket, action
    ON CONFLICT (business_id, scope, scope_id, bucket, action, currency) DO UPDATE
    SET events = c.events + excluded.events
    RETURNING business_id
), changed AS (
    INSERT INTO report_versions AS v (business_id, version)
    SELECT DISTINCT business_id, 1 FROM counted ORDER BY business_id
    ON CONFLICT (business_id) DO UPDATE SET version = v.version + 1
), kept AS (
    INSERT INTO events (
        business_id, received_at, id, action, session, credential, occurred_at, tracked_at, object_id, amount_minor,
        currency, metadata, user_parameters, page, utm_params, extra, address, user_agent)
    SELECT business_id, received_at, id, action, session, credential, occurred_at, tracked_at, object_id, amount_minor,
           currency, metadata, user_parameters, page, utm_params, extra, address, user_agent
    FROM placed
), done AS (
    INSERT INTO activities (
        business_id, id, received_at, occurred_at, tracked_at, profile_key, session, action, link, campaign, journey,
        message, object, amount_minor, currency, metadata, url)
    SELECT business_id, id, received_at, occurred_at, tracked_at, profile_key, session, action, link, campaign,
           journey, message, object, amount_minor, currency, metadata, url
    FROM placed
), credited AS (
    INSERT INTO credits (business_id, event_id, entry, sign, action, occurred_at, conversions, rules_version)
    SELECT business_id, id, 1, 1, action, occurred_at, 0, $26 FROM placed WHERE is_decided
), marked AS (
    INSERT INTO dirty_visitors (business_id, session, profile_key, since)
    SELECT business_id, session, profile_key, min(occurred_at)
    FROM placed
    WHERE NOT is_decided
    GROUP BY business_id, session, profile_key
    RETURNING id
)
SELECT ARRAY(
           SELECT number FROM sent LEFT JOIN taken USING (key) WHERE taken.key IS NULL
       ) AS known,
       EXISTS (SELECT FROM marked) AS has_undecided

-- name: keep_plain_events
-- New events that claim no session and are no action of an order: their ids, sessions, rows and activities, and what they
-- add to the counters, all in one statement, which is a transaction by itself. Answers with the numbers of those whose id
-- somebody has, which are left alone, and with whether any is left to attribution.
-- First the ids in the order of their keys, as `take_keys`; then, for those taken, the sessions that are known, locked in
-- the order of their keys, and those that are not. One that was made meanwhile is locked by an update that changes nothing.
-- So the sessions are as nobody can change them before we commit. As in `keep_events`, what would tell of a person who was
-- erased is left out. What is decided at once is entered in the ledger, by the version $26 of the rules: a session that is
-- nobody's and no click's, an action that earns nothing; whatever changes that session marks it, and finds these events.
-- PostgreSQL writes what is named last first: the counters, which others wait for, are named before the rows.
-- Joined by one column: of two at once the planner expects nothing to be equal, and goes through all for each.
-- OFFSET 0 keeps each look-up by its whole key apart: a planner without statistics reads all profiles instead.
WITH {place_plain_events}, {keep_placed_events};

-- name: keep_identified_events
-- The same where any event says who its visitor is.
WITH {place_plain_events}, {said_by_plain_events}, {keep_placed_events};
