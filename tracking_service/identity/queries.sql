-- name: find_proving
-- What a business proves ids with, since when, and where its phone numbers are.
SELECT identity_secret, proved_from, country FROM businesses WHERE id = $1;

-- name: keep_statements
-- That visitors of sessions have ids in other systems, what was said of them, and that it is to be decided on; known
-- already, only what was said earlier changes anything. Nothing is kept of sessions whose person was erased, nor of ids
-- (their hashes among the tombstones) whose person was erased after it was said.
WITH said AS MATERIALIZED (
    SELECT *
    FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::text[],
        $9::timestamptz[], $10::text[], $11::text[], $12::text[], $13::bytea[]
    ) AS said (
        business_id, session, source, user_id, strength, email_hash, phone_hash, earlier_session, said_at, name, email,
        phone, identity_hash)
), allowed AS MATERIALIZED (
    SELECT said.*
    FROM said
    CROSS JOIN LATERAL (
        SELECT EXISTS (
            SELECT FROM sessions s
            WHERE s.business_id = said.business_id AND s.id = said.session AND s.profile_key IS NOT NULL AND NOT EXISTS (
                SELECT FROM profiles p WHERE p.business_id = s.business_id AND p.profile_key = s.profile_key)
        ) OR EXISTS (
            SELECT FROM identity_tombstones t
            WHERE t.business_id = said.business_id AND t.identity_hash = said.identity_hash
              AND t.erased_at >= said.said_at
        ) AS is_erased
        OFFSET 0) AS erasure
    WHERE NOT is_erased
), kept AS (
    INSERT INTO identity_evidence AS e (
        business_id, session, source, user_id, strength, email_hash, phone_hash, earlier_session, said_at)
    SELECT business_id, session, source, user_id, strength, email_hash, phone_hash, earlier_session, min(said_at)
    FROM allowed
    GROUP BY business_id, session, source, user_id, strength, email_hash, phone_hash, earlier_session
    ORDER BY business_id, session, source, user_id, strength, email_hash, phone_hash, earlier_session
    ON CONFLICT (business_id, session, source, user_id, strength, email_hash, phone_hash, earlier_session) DO UPDATE
    SET said_at = excluded.said_at
    WHERE e.said_at > excluded.said_at
    RETURNING business_id, session
), told AS (
    INSERT INTO identity_attributes AS a (business_id, source, user_id, attribute, is_proved, value, said_at)
    SELECT DISTINCT ON (business_id, source, user_id, attribute, strength <> 'page')
           business_id, source, user_id, attribute, strength <> 'page', value, said_at
    FROM allowed
    CROSS JOIN LATERAL (
        VALUES ('name', allowed.name), ('email', allowed.email), ('phone', allowed.phone)) AS told (attribute, value)
    WHERE value IS NOT NULL
    ORDER BY business_id, source, user_id, attribute, strength <> 'page', said_at, value
    ON CONFLICT (business_id, source, user_id, attribute, is_proved) DO UPDATE
    SET value = excluded.value, said_at = excluded.said_at
    WHERE (a.said_at, a.value) > (excluded.said_at, excluded.value)
    RETURNING business_id, source, user_id
)
INSERT INTO dirty_identities (business_id, session)
SELECT business_id, session FROM kept
UNION
SELECT business_id, session FROM allowed JOIN told USING (business_id, source, user_id);

-- name: keep_namings
-- That a private token gave ids to a profile, or took them from it.
INSERT INTO identity_namings (business_id, source, user_id, profile_key, is_release, said_at)
SELECT $1, said.source, said.user_id, said.profile_key, said.is_release, said.said_at
FROM unnest($2::text[], $3::text[], $4::bigint[], $5::boolean[], $6::timestamptz[])
    AS said (source, user_id, profile_key, is_release, said_at);

-- name: mark_identities
-- Ids that are to be decided on again, each with whose it was before.
INSERT INTO dirty_identities (business_id, source, user_id, profile_key)
SELECT $1, marked.source, marked.user_id, marked.profile_key
FROM unnest($2::text[], $3::text[], $4::bigint[]) AS marked (source, user_id, profile_key);

-- name: mark_persons_identities
-- All ids that were said in the sessions of a recipient.
INSERT INTO dirty_identities (business_id, profile_key) VALUES ($1, $2);

-- name: find_said_in
-- What was said first in sessions, or in sessions of browsers that had these before; so much of each.
SELECT said.*
FROM unnest($2::text[]) AS wanted (session)
CROSS JOIN LATERAL (
    (SELECT session, source, user_id, strength, email_hash, phone_hash, earlier_session, said_at
     FROM identity_evidence
     WHERE business_id = $1 AND session = wanted.session
     ORDER BY strength <> 'proved', said_at, source, user_id
     LIMIT $3)
    UNION ALL
    (SELECT session, source, user_id, strength, email_hash, phone_hash, earlier_session, said_at
     FROM identity_evidence
     WHERE business_id = $1 AND earlier_session = wanted.session AND earlier_session <> ''
     ORDER BY strength <> 'proved', said_at, source, user_id
     LIMIT $3)) AS said;

-- name: find_said_of_persons
-- The ids that were said in sessions of recipients (their surrogates).
SELECT DISTINCT e.source, e.user_id
FROM sessions s
CROSS JOIN LATERAL (
    SELECT source, user_id FROM identity_evidence WHERE business_id = $1 AND session = s.id
    UNION ALL
    SELECT source, user_id FROM identity_evidence
    WHERE business_id = $1 AND earlier_session = s.id AND earlier_session <> '') AS e
WHERE s.business_id = $1 AND s.profile_key = ANY ($2::bigint[]) AND s.is_clicked_by_recipient;

-- name: find_speaking_sessions
-- The sessions of recipients' own clicks in which ids were said, of so many sessions of each id. Orders' own sessions,
-- which one person may have many of, are nobody's clicks.
SELECT DISTINCT s.id AS session
FROM unnest($2::text[], $3::text[]) AS wanted (source, user_id)
CROSS JOIN LATERAL (
    SELECT session, earlier_session
    FROM identity_evidence
    WHERE business_id = $1 AND source = wanted.source AND user_id = wanted.user_id
      AND NOT starts_with(session, '_order-')
    ORDER BY session
    LIMIT $4) AS e
CROSS JOIN LATERAL (VALUES (e.session), (e.earlier_session)) AS place (session)
CROSS JOIN LATERAL (
    SELECT id FROM sessions
    WHERE business_id = $1 AND id = place.session AND place.session <> '' AND is_clicked_by_recipient
    OFFSET 0) AS s;

-- name: find_sessions_of
-- Sessions in which ids were said, so many of each.
SELECT DISTINCT e.session
FROM unnest($2::text[], $3::text[]) AS wanted (source, user_id)
CROSS JOIN LATERAL (
    SELECT session FROM identity_evidence
    WHERE business_id = $1 AND source = wanted.source AND user_id = wanted.user_id
    ORDER BY session
    LIMIT $4) AS e;

-- name: find_old_claims
-- Claims of sessions by identifications of earlier releases, for people who are still there.
SELECT c.session, c.profile_key, c.received_at AS said_at
FROM unnest($2::text[]) AS wanted (session)
JOIN claims c ON c.business_id = $1 AND c.session = wanted.session AND c.kind = 'identification'
JOIN profiles p ON p.business_id = $1 AND p.profile_key = c.profile_key;

-- name: find_namings
-- What private tokens said of ids, also before it was kept, for people who are still there.
SELECT said.source, said.user_id, said.profile_key, said.said_at, said.position, said.is_release
FROM unnest($2::text[], $3::text[]) AS wanted (source, user_id)
CROSS JOIN LATERAL (
    SELECT source, user_id, profile_key, said_at, position, is_release
    FROM identity_namings
    WHERE business_id = $1 AND source = wanted.source AND user_id = wanted.user_id
    UNION ALL
    SELECT source, user_id, profile_key, created_at, 0, false
    FROM identity_holders
    WHERE business_id = $1 AND source = wanted.source AND user_id = wanted.user_id AND is_older AND basis = 'named'
) AS said
JOIN profiles p ON p.business_id = $1 AND p.profile_key = said.profile_key;

-- name: find_session_facts
-- Whose sessions are and why: by a click on the recipient's own link, and whether that person is still there.
SELECT s.id AS session, s.profile_key, s.is_clicked_by_recipient, s.click_id IS NOT NULL AS is_clicked,
       s.profile_key IS NOT NULL AND p.profile_key IS NULL AS is_erased
FROM unnest($2::text[]) AS wanted (session)
JOIN sessions s ON s.business_id = $1 AND s.id = wanted.session
LEFT JOIN profiles p ON p.business_id = $1 AND p.profile_key = s.profile_key
ORDER BY s.id;

-- name: find_claimed
-- Whom private tokens gave sessions to.
SELECT DISTINCT ON (c.session) c.session, c.profile_key
FROM unnest($2::text[]) AS wanted (session)
JOIN claims c ON c.business_id = $1 AND c.session = wanted.session AND c.kind <> 'identification'
ORDER BY c.session, c.received_at, c.profile_key;

-- name: find_contacts
-- How people (their surrogates) can be reached.
SELECT profile_key, email, phone FROM profiles WHERE business_id = $1 AND profile_key = ANY ($2::bigint[]);

-- name: find_holders
-- Whose ids are, why, and whether that is a page profile.
SELECT h.source, h.user_id, h.profile_key, h.basis, p.is_page
FROM unnest($2::text[], $3::text[]) AS wanted (source, user_id)
JOIN identity_holders h ON h.business_id = $1 AND h.source = wanted.source AND h.user_id = wanted.user_id
JOIN profiles p ON p.business_id = $1 AND p.profile_key = h.profile_key;
