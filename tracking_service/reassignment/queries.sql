-- name: find_pending
-- Whether anything is to be decided, and whether anything is to be tried again now.
SELECT (SELECT id FROM dirty_identities WHERE attempts = 0 ORDER BY id LIMIT 1) IS NOT NULL AS marks,
       (SELECT id FROM dirty_identities WHERE attempts > 0 AND next_try_at <= now() ORDER BY next_try_at LIMIT 1) IS NOT NULL
           AS retries;

-- name: take_marks
-- What is to be decided, oldest first, that no other worker has locked.
-- Materialized, or a plan could run the choice more than once and take more than it was asked for.
WITH taken AS MATERIALIZED (
    SELECT id FROM dirty_identities WHERE attempts = 0 ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
)
DELETE FROM dirty_identities d
USING taken
WHERE d.id = taken.id
RETURNING d.business_id, d.session, d.source, d.user_id, d.profile_key;

-- name: take_mark
-- One of them, unless another worker has it locked or was done with it.
WITH taken AS MATERIALIZED (
    SELECT id FROM dirty_identities WHERE id = $1 FOR UPDATE SKIP LOCKED
)
DELETE FROM dirty_identities d
USING taken
WHERE d.id = taken.id
RETURNING d.business_id, d.session, d.source, d.user_id, d.profile_key;

-- name: find_oldest
-- What would be taken next.
SELECT id, attempts FROM dirty_identities WHERE attempts = 0 ORDER BY id LIMIT $1;

-- name: find_retries
-- What has failed before and is to be tried again now.
SELECT id, attempts FROM dirty_identities WHERE attempts > 0 AND next_try_at <= now() ORDER BY next_try_at LIMIT $1;

-- name: retry_later
-- What is not to be tried again before so many seconds have passed.
UPDATE dirty_identities SET attempts = attempts + 1, next_try_at = now() + make_interval(secs => $2) WHERE id = $1;

-- name: mark_sessions
-- Sessions that are to be decided on again.
INSERT INTO dirty_identities (business_id, session) SELECT $1, unnest($2::text[]);

-- name: mark_sessions_of
-- The sessions in which ids were said, but for those that are decided on now.
INSERT INTO dirty_identities (business_id, session)
SELECT DISTINCT $1, e.session
FROM unnest($2::text[], $3::text[]) AS changed (source, user_id)
JOIN identity_evidence e ON e.business_id = $1 AND e.source = changed.source AND e.user_id = changed.user_id
WHERE e.session <> ALL ($4::text[]);

-- name: hold_profiles
-- Which of these profiles are there; they stay until the transaction ends.
SELECT profile_key FROM profiles
WHERE business_id = $1 AND profile_key = ANY ($2::bigint[])
ORDER BY profile_key
FOR KEY SHARE;

-- name: create_page_profiles
-- Profiles that hold what pages say alone.
INSERT INTO profiles (business_id, id, is_page, created_at)
SELECT $1, id, true, $3 FROM unnest($2::text[]) AS made (id)
RETURNING id, profile_key;

-- name: keep_holders
-- Whose ids are from now on, and why.
INSERT INTO identities AS i (business_id, source, user_id, profile_key, basis, created_at)
SELECT $1, held.source, held.user_id, held.profile_key, held.basis, $6
FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[]) AS held (source, user_id, profile_key, basis)
ON CONFLICT (business_id, source, user_id) DO UPDATE
SET profile_key = excluded.profile_key, basis = excluded.basis,
    created_at = CASE WHEN i.profile_key = excluded.profile_key THEN i.created_at ELSE excluded.created_at END;

-- name: release_holders
-- Ids that are nobody's any more.
DELETE FROM identities i
USING unnest($2::text[], $3::text[]) AS released (source, user_id)
WHERE i.business_id = $1 AND i.source = released.source AND i.user_id = released.user_id;

-- name: fill_page_profiles
-- What was said first of the people behind ids goes into their page profiles, and into no other.
UPDATE profiles p
SET name = told.name, email = told.email, phone = told.phone
FROM (
    SELECT held.profile_key,
           (array_agg(a.value ORDER BY a.is_proved DESC, a.said_at, a.value) FILTER (WHERE a.attribute = 'name'))[1] AS name,
           (array_agg(a.value ORDER BY a.is_proved DESC, a.said_at, a.value) FILTER (WHERE a.attribute = 'email'))[1] AS email,
           (array_agg(a.value ORDER BY a.is_proved DESC, a.said_at, a.value) FILTER (WHERE a.attribute = 'phone'))[1] AS phone
    FROM unnest($2::text[], $3::text[], $4::bigint[]) AS held (source, user_id, profile_key)
    JOIN identity_attributes a ON a.business_id = $1 AND a.source = held.source AND a.user_id = held.user_id
    GROUP BY held.profile_key) AS told
WHERE p.business_id = $1 AND p.profile_key = told.profile_key AND p.is_page
  AND (p.name, p.email, p.phone) IS DISTINCT FROM (told.name, told.email, told.phone);

-- name: fill_named_profiles
-- What was proved of the people behind ids completes the profiles that private tokens gave the ids to.
UPDATE profiles p
SET name = coalesce(p.name, told.name), email = coalesce(p.email, told.email), phone = coalesce(p.phone, told.phone)
FROM (
    SELECT held.profile_key,
           (array_agg(a.value ORDER BY a.said_at, a.value) FILTER (WHERE a.attribute = 'name'))[1] AS name,
           (array_agg(a.value ORDER BY a.said_at, a.value) FILTER (WHERE a.attribute = 'email'))[1] AS email,
           (array_agg(a.value ORDER BY a.said_at, a.value) FILTER (WHERE a.attribute = 'phone'))[1] AS phone
    FROM unnest($2::text[], $3::text[], $4::bigint[]) AS held (source, user_id, profile_key)
    JOIN identity_attributes a
        ON a.business_id = $1 AND a.source = held.source AND a.user_id = held.user_id AND a.is_proved
    GROUP BY held.profile_key) AS told
WHERE p.business_id = $1 AND p.profile_key = told.profile_key
  AND (p.name IS NULL AND told.name IS NOT NULL OR p.email IS NULL AND told.email IS NOT NULL
       OR p.phone IS NULL AND told.phone IS NOT NULL);

-- name: lock_session_facts
-- Whose sessions are and why, locked in the order of their keys until the transaction ends.
SELECT s.id AS session, s.profile_key, s.is_clicked_by_recipient, s.click_id IS NOT NULL AS is_clicked,
       s.profile_key IS NOT NULL AND p.profile_key IS NULL AS is_erased
FROM unnest($2::text[]) AS wanted (session)
JOIN sessions s ON s.business_id = $1 AND s.id = wanted.session
LEFT JOIN profiles p ON p.business_id = $1 AND p.profile_key = s.profile_key
ORDER BY s.id
FOR UPDATE OF s;

-- name: move_sessions
-- Whose locked sessions are from now on.
UPDATE sessions s
SET profile_key = moved.profile_key
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS moved (business_id, session, profile_key)
WHERE s.business_id = moved.business_id AND s.id = moved.session;

-- name: drop_absorbed
-- Page profiles that have nothing left: neither an id, nor a session, nor anything that a private token knows them by.
DELETE FROM profiles p
WHERE p.business_id = $1 AND p.profile_key = ANY ($2::bigint[]) AND p.is_page
  AND NOT EXISTS (SELECT FROM identities x WHERE x.business_id = $1 AND x.profile_key = p.profile_key)
  AND NOT EXISTS (SELECT FROM sessions x WHERE x.business_id = $1 AND x.profile_key = p.profile_key)
  AND NOT EXISTS (SELECT FROM activities x WHERE x.business_id = $1 AND x.profile_key = p.profile_key)
  AND NOT EXISTS (SELECT FROM links x WHERE x.business_id = $1 AND x.profile_key = p.profile_key)
  AND NOT EXISTS (SELECT FROM claims x WHERE x.business_id = $1 AND x.profile_key = p.profile_key)
  AND NOT EXISTS (SELECT FROM identity_namings x WHERE x.business_id = $1 AND x.profile_key = p.profile_key);

-- name: find_told_orders
-- Orders that name who ordered, of these orders' own sessions, in these sessions, or in sessions of these persons: whose the
-- session is ($3: by the surrogate) and how that one can be reached, whose the order's own is and why, and what was told.
-- has_other: the session's owner holds another id of the same source.
-- OFFSET 0 keeps each look-up by its whole key apart: a planner without statistics joins on the business alone.
WITH asked AS (
    SELECT DISTINCT place.id AS session, is_own
    FROM (
        SELECT unnest($2::text[]) AS id
        UNION ALL
        SELECT x.id
        FROM unnest($3::bigint[]) AS person
        CROSS JOIN LATERAL (SELECT id FROM sessions WHERE business_id = $1 AND profile_key = person OFFSET 0) AS x
    ) AS place
    CROSS JOIN (VALUES (true), (false)) AS kinds (is_own)
), found AS (
    SELECT t.* FROM asked
    CROSS JOIN LATERAL (
        SELECT * FROM told_orders WHERE business_id = $1 AND order_session = asked.session OFFSET 0) AS t
    WHERE is_own
    UNION
    SELECT t.* FROM asked
    CROSS JOIN LATERAL (SELECT * FROM told_orders WHERE business_id = $1 AND session = asked.session OFFSET 0) AS t
    WHERE NOT is_own
)
SELECT o.order_session, o.order_session <> o.session AS is_placed, o.email_hash, o.phone_hash, s.profile_key AS owner,
       p.email, p.phone, own.profile_key AS customer, holder.is_held,
       EXISTS (
           SELECT FROM identities i
           WHERE i.business_id = $1 AND i.profile_key = s.profile_key AND i.source = said.source
             AND i.user_id <> said.user_id OFFSET 0) AS has_other
FROM found o
CROSS JOIN LATERAL (SELECT profile_key FROM sessions WHERE business_id = $1 AND id = o.session OFFSET 0) AS s
CROSS JOIN LATERAL (SELECT profile_key FROM sessions WHERE business_id = $1 AND id = o.order_session OFFSET 0) AS own
LEFT JOIN LATERAL (
    SELECT email, phone FROM profiles WHERE business_id = $1 AND profile_key = s.profile_key OFFSET 0) AS p ON true
LEFT JOIN LATERAL (
    SELECT source, user_id FROM identity_evidence
    WHERE business_id = $1 AND session = o.order_session AND strength = 'platform'
    ORDER BY said_at, source, user_id
    LIMIT 1) AS said ON true
LEFT JOIN LATERAL (
    SELECT h.basis <> 'page' AS is_held FROM identity_holders h
    WHERE h.business_id = $1 AND h.source = said.source AND h.user_id = said.user_id OFFSET 0) AS holder ON true;

-- name: give_orders
-- What was told of orders, by their own sessions, goes to whom it is: is_own_person where that is not the session's owner.
-- Answers with what has changed. By an array, or a planner that expects many events reads all activities.
WITH given AS MATERIALIZED (
    SELECT given.*, t.event_id
    FROM unnest($2::text[], $3::bigint[], $4::boolean[]) AS given (order_session, profile_key, is_own_person)
    CROSS JOIN LATERAL (
        SELECT event_id FROM told_order_events
        WHERE business_id = $1 AND order_session = given.order_session
        OFFSET 0) AS t
)
UPDATE activities a
SET profile_key = given.profile_key, is_own_person = given.is_own_person
FROM given
WHERE a.business_id = $1 AND a.id = ANY (ARRAY(SELECT event_id FROM given)) AND a.id = given.event_id
  AND (a.profile_key, a.is_own_person) IS DISTINCT FROM (given.profile_key, given.is_own_person)
RETURNING a.session, old.profile_key AS owner_before, new.profile_key;

-- name: mark_former
-- Sessions that are to be decided on again, each with whose what happened there was before.
INSERT INTO dirty_identities (business_id, session, profile_key)
SELECT $1, former.session, former.profile_key
FROM unnest($2::text[], $3::bigint[]) AS former (session, profile_key);
