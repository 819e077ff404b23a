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
  AND a.profile_key IS DISTINCT FROM moved.profile_key;

-- name: find_session
-- A session with its profile's id.
SELECT s.id, p.id AS profile, s.link, s.campaign, s.journey, s.created_at
FROM sessions s
LEFT JOIN profiles p ON p.business_id = s.business_id AND p.profile_key = s.profile_key
WHERE s.business_id = $1 AND s.id = $2;

-- name: has_session
-- Whether a session is known.
SELECT EXISTS (SELECT FROM sessions WHERE business_id = $1 AND id = $2);
