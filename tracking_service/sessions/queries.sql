-- name: create_sessions
-- Sessions used for the first time, in the order of their keys; no other transaction can use them before this one ends.
-- Answers with those that were there already.
WITH used AS (
    SELECT *
    FROM unnest(
        texts($1), texts($2), $3::bigint[], texts($4), texts($5), texts($6), texts($7), $8::boolean[], $9::timestamptz[]
    ) AS used (business_id, session, profile_key, link, campaign, journey, message, is_clicked_by_recipient, created_at)
), created AS (
    INSERT INTO sessions (
        business_id, id, profile_key, link, campaign, journey, message, is_clicked_by_recipient, created_at)
    SELECT business_id, session, profile_key, link, campaign, journey, message, is_clicked_by_recipient, created_at
    FROM used
    ORDER BY business_id, session
    ON CONFLICT (business_id, id) DO NOTHING
    RETURNING business_id, id
)
SELECT business_id, session FROM used EXCEPT SELECT business_id, id FROM created;

-- name: lock_sessions
-- Sessions, locked in the order of their keys until the transaction ends: a claim and an event that meet see each other.
SELECT s.business_id, s.id AS session, s.profile_key, s.link, s.campaign, s.journey, s.message, s.is_clicked_by_recipient,
       s.created_at
FROM unnest(texts($1), texts($2)) AS wanted (business_id, session)
JOIN sessions s ON s.business_id = wanted.business_id AND s.id = wanted.session
ORDER BY s.business_id, s.id
FOR UPDATE OF s;

-- name: find_clicked_claimable
-- The businesses of those of these sessions that have a click and may become another person's by a claim.
SELECT DISTINCT s.business_id
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS wanted (business_id, session, profile_key)
JOIN sessions s ON s.business_id = wanted.business_id AND s.id = wanted.session
WHERE s.click_id IS NOT NULL AND NOT s.is_clicked_by_recipient AND s.profile_key IS DISTINCT FROM wanted.profile_key;

-- name: find_reported
-- Those of these sessions that are somebody's by what pages said alone: no private token has claimed them.
SELECT s.business_id, s.id AS session
FROM unnest($1::text[], $2::text[]) AS wanted (business_id, session)
JOIN sessions s ON s.business_id = wanted.business_id AND s.id = wanted.session
JOIN profiles p ON p.business_id = s.business_id AND p.profile_key = s.profile_key
WHERE NOT s.is_clicked_by_recipient AND NOT EXISTS (
    SELECT FROM claims c WHERE c.business_id = s.business_id AND c.session = s.id AND c.kind <> 'identification');

-- name: change_sessions
-- What became known of locked sessions; what was said in them is decided on again.
WITH changed AS (
    SELECT *
    FROM unnest(
        $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::boolean[],
        $9::timestamptz[]
    ) AS changed (
        business_id, session, profile_key, link, campaign, journey, message, is_clicked_by_recipient, created_at)
), marked AS (
    INSERT INTO dirty_identities (business_id, session) SELECT business_id, session FROM changed
)
UPDATE sessions s
SET profile_key = changed.profile_key, link = changed.link, campaign = changed.campaign, journey = changed.journey,
    message = changed.message, is_clicked_by_recipient = changed.is_clicked_by_recipient,
    created_at = changed.created_at
FROM changed
WHERE s.business_id = changed.business_id AND s.id = changed.session;

-- name: keep_claims
-- Evidence of claims; of the same claim the earliest time stays.
INSERT INTO claims (business_id, session, profile_key, kind, received_at)
SELECT business_id, session, profile_key, kind, min(received_at)
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::timestamptz[])
    AS made (business_id, session, profile_key, kind, received_at)
GROUP BY business_id, session, profile_key, kind
ORDER BY business_id, session, profile_key, kind
ON CONFLICT (business_id, session, profile_key, kind) DO UPDATE
SET received_at = excluded.received_at
WHERE claims.received_at > excluded.received_at;

-- name: move_activities
-- What happened in sessions goes to the profile that they belong to now; whom they left may have nothing more.
WITH moved AS (
    SELECT *
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
        AS moved (business_id, session, profile_key, owner_before)
), marked AS (
    INSERT INTO dirty_identities (business_id, session, profile_key)
    SELECT business_id, session, owner_before FROM moved WHERE owner_before IS NOT NULL
)
UPDATE activities a
SET profile_key = moved.profile_key
FROM moved
WHERE a.business_id = moved.business_id AND a.session = moved.session
  AND a.profile_key IS DISTINCT FROM moved.profile_key AND NOT a.is_own_person;

-- name: keep_binding
-- That a token (its hash) belongs to a session, unless it was bound before that; at most $5 tokens of a session.
INSERT INTO token_bindings AS b (business_id, token_hash, session, bound_at)
SELECT $1::text, $2::bytea, $3::text, $4::timestamptz
WHERE (
    SELECT count(*) FROM token_bindings WHERE business_id = $1 AND session = $3 AND token_hash <> $2
) < $5::bigint
ON CONFLICT (business_id, token_hash) DO UPDATE
SET session = excluded.session, bound_at = excluded.bound_at
WHERE (b.bound_at, b.session) > (excluded.bound_at, excluded.session);

-- name: find_waiting_orders
-- The orders that were told with a token (its hash), by their own sessions.
SELECT business_id, order_session FROM order_clues WHERE business_id = $1 AND token_hash = $2 AND token_hash <> '';

-- name: find_known_sessions
-- Which sessions are known.
SELECT wanted.business_id, s.id AS session
FROM unnest($1::text[], $2::text[]) AS wanted (business_id, session)
CROSS JOIN LATERAL (
    SELECT id FROM sessions WHERE business_id = wanted.business_id AND id = wanted.session OFFSET 0) AS s;

-- name: keep_clues
-- What tells the sessions of orders, in the order of their keys; of the same the lowest rank, and that said first.
INSERT INTO order_clues AS c (business_id, order_session, session, token_hash, rank, said_at)
SELECT DISTINCT ON (business_id, order_session, session, token_hash)
       business_id, order_session, session, token_hash, rank, said_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::smallint[], $6::timestamptz[])
    AS told (business_id, order_session, session, token_hash, rank, said_at)
ORDER BY business_id, order_session, session, token_hash, rank, said_at
ON CONFLICT (business_id, order_session, session, token_hash) DO UPDATE
SET rank = excluded.rank, said_at = excluded.said_at
WHERE (c.rank, c.said_at) > (excluded.rank, excluded.said_at);

-- name: find_order_places
-- The session that each order belongs into by all that is known now, and the one that it is in; null: none.
-- OFFSET 0 keeps each look-up by its whole key apart: a planner without statistics joins on the business alone.
SELECT wanted.business_id, wanted.order_session, clue.session, o.session AS session_before
FROM unnest($1::text[], $2::text[]) AS wanted (business_id, order_session)
LEFT JOIN LATERAL (
    SELECT coalesce(b.session, c.session) AS session
    FROM order_clues c
    LEFT JOIN token_bindings b ON b.business_id = c.business_id AND b.token_hash = c.token_hash
    WHERE c.business_id = wanted.business_id AND c.order_session = wanted.order_session
      AND (c.token_hash = '' OR b.session IS NOT NULL)
    ORDER BY c.rank, c.said_at, coalesce(b.session, c.session)
    LIMIT 1) AS clue ON true
LEFT JOIN LATERAL (
    SELECT session FROM told_orders
    WHERE business_id = wanted.business_id AND order_session = wanted.order_session
    OFFSET 0) AS o ON true;

-- name: keep_told_orders
-- Orders that name who ordered, in the order of their keys, each with its session; how that person can be reached, as it
-- was told first, but of erased people by the hash of the id. Whose each is, is decided again.
WITH marked AS (
    INSERT INTO dirty_identities (business_id, session)
    SELECT DISTINCT business_id, order_session
    FROM unnest($1::text[], $2::text[]) AS told (business_id, order_session)
)
INSERT INTO told_orders AS o (business_id, order_session, session, email_hash, phone_hash, contact_at)
SELECT DISTINCT ON (business_id, order_session)
       business_id, order_session, session, email_hash, phone_hash, said_at
FROM (
    SELECT business_id, order_session, session, said_at, CASE WHEN is_erased THEN '' ELSE email_hash END AS email_hash,
           CASE WHEN is_erased THEN '' ELSE phone_hash END AS phone_hash
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bytea[], $6::timestamptz[], $7::bytea[])
        AS told (business_id, order_session, session, email_hash, phone_hash, said_at, identity_hash)
    CROSS JOIN LATERAL (
        SELECT EXISTS (
            SELECT FROM identity_tombstones t
            WHERE t.business_id = told.business_id AND t.identity_hash = told.identity_hash AND t.erased_at >= told.said_at
        ) AS is_erased
        OFFSET 0) AS erasure
) AS allowed
ORDER BY business_id, order_session, email_hash = '' AND phone_hash = '', said_at, email_hash, phone_hash
ON CONFLICT (business_id, order_session) DO UPDATE
SET (session, email_hash, phone_hash, contact_at) = (
    SELECT excluded.session, best.email_hash, best.phone_hash, best.contact_at
    FROM (
        VALUES (o.email_hash, o.phone_hash, o.contact_at),
               (excluded.email_hash, excluded.phone_hash, excluded.contact_at)) AS best (email_hash, phone_hash, contact_at)
    ORDER BY email_hash = '' AND phone_hash = '', contact_at, email_hash, phone_hash
    LIMIT 1);

-- name: keep_told_order_events
-- The events that told of orders.
INSERT INTO told_order_events (business_id, order_session, event_id, received_at)
SELECT business_id, order_session, id, received_at
FROM unnest($1::text[], $2::text[], $3::uuid[], $4::timestamptz[]) AS told (business_id, order_session, id, received_at)
ON CONFLICT (business_id, order_session, event_id) DO NOTHING;

-- name: move_order
-- An order ($2, its own session) goes from one session ($3) to another ($4), with its events, and where that does not name
-- its person to whom it belongs now. Answers with whose its activities were and are. By arrays, or a planner that expects
-- many events reads them all.
WITH moved AS (
    UPDATE told_orders SET session = $4 WHERE business_id = $1 AND order_session = $2
), marked AS (
    INSERT INTO dirty_identities (business_id, session) SELECT $1, unnest(ARRAY[$2, $3, $4]::text[])
), told AS MATERIALIZED (
    SELECT event_id, received_at FROM told_order_events WHERE business_id = $1 AND order_session = $2
), rewritten AS (
    UPDATE events e
    SET session = $4
    FROM told
    WHERE e.business_id = $1 AND e.received_at = ANY (ARRAY(SELECT received_at FROM told))
      AND e.id = ANY (ARRAY(SELECT event_id FROM told)) AND e.received_at = told.received_at AND e.id = told.event_id
      AND e.session = $3
)
UPDATE activities a
SET session = s.id, link = s.link, campaign = s.campaign, journey = s.journey, message = s.message,
    profile_key = CASE WHEN a.is_own_person THEN a.profile_key ELSE s.profile_key END
FROM sessions s
WHERE a.business_id = $1 AND a.id = ANY (ARRAY(SELECT event_id FROM told)) AND a.session = $3
  AND s.business_id = $1 AND s.id = $4
RETURNING old.profile_key AS owner_before, new.profile_key;

-- name: move_order_evidence
-- Who ordered is said in the session that the order is in, and in the one before no more, unless another order says it.
WITH said AS (
    SELECT * FROM identity_evidence WHERE business_id = $1 AND session = $2 AND strength = 'platform'
), unsaid AS (
    DELETE FROM identity_evidence e
    USING said
    WHERE e.business_id = $1 AND e.session = $3 AND $3 <> $2 AND e.source = said.source AND e.user_id = said.user_id
      AND e.strength = 'platform' AND NOT EXISTS (
        SELECT FROM told_orders o
        JOIN identity_evidence x ON x.business_id = $1 AND x.session = o.order_session
        WHERE o.business_id = $1 AND o.session = $3 AND o.order_session <> $2
          AND x.source = said.source AND x.user_id = said.user_id)
)
INSERT INTO identity_evidence AS e (
    business_id, session, source, user_id, strength, email_hash, phone_hash, earlier_session, said_at)
SELECT $1::text, $4::text, source, user_id, strength, email_hash, phone_hash, earlier_session, said_at
FROM said
WHERE NOT EXISTS (
    SELECT FROM sessions s
    WHERE s.business_id = $1 AND s.id = $4 AND s.profile_key IS NOT NULL AND NOT EXISTS (
        SELECT FROM profiles p WHERE p.business_id = $1 AND p.profile_key = s.profile_key))
ON CONFLICT (business_id, session, source, user_id, strength, email_hash, phone_hash, earlier_session) DO UPDATE
SET said_at = excluded.said_at
WHERE e.said_at > excluded.said_at;

-- name: find_session
-- A session with its profile's id.
SELECT s.id, p.id AS profile, s.link, s.campaign, s.journey, s.created_at
FROM sessions s
LEFT JOIN profiles p ON p.business_id = s.business_id AND p.profile_key = s.profile_key
WHERE s.business_id = $1 AND s.id = $2;

-- name: has_session
-- Whether a session is known.
SELECT EXISTS (SELECT FROM sessions WHERE business_id = $1 AND id = $2);
