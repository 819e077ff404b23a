-- name: find_profile_key
-- The surrogate of a profile.
SELECT profile_key FROM profiles WHERE business_id = $1 AND id = $2;

-- name: list_activities
-- What a person did next to one activity, {direction} by when it occurred: of the activities and of the sessions' clicks as
-- many as a page takes, by one index scan each. Hits of programs on the person's links come where $6 is true; else that
-- scan passes over them.
SELECT *
FROM (
    (SELECT id, action, occurred_at, tracked_at, received_at, session, link, campaign, journey, object, amount_minor,
            currency, metadata, url, verdict, device, browser, os, country, source
     FROM activities
     WHERE business_id = $1 AND profile_key = $2 AND (occurred_at, id) {beyond} ($3, $4)
       AND ($6 OR coalesce(verdict, 'human') = 'human')
     ORDER BY occurred_at {direction}, id {direction}
     LIMIT $5)
    UNION ALL
    (SELECT id, action, occurred_at, tracked_at, received_at, session, link, campaign, journey, object, amount_minor,
            currency, metadata, url, verdict, device, browser, os, country, source
     FROM click_activities
     WHERE business_id = $1 AND profile_key = $2 AND (occurred_at, id) {beyond} ($3, $4)
     ORDER BY occurred_at {direction}, id {direction}
     LIMIT $5)
) AS done
ORDER BY occurred_at {direction}, id {direction}
LIMIT $5;

-- name: find_activity_position
-- Where an activity of a person stands in the list.
SELECT occurred_at AS at, id FROM activities WHERE business_id = $1 AND profile_key = $2 AND id = $3
UNION ALL
SELECT occurred_at, id FROM click_activities WHERE business_id = $1 AND profile_key = $2 AND id = $3;

-- name: find_profile_keys
-- The surrogates of the profiles known: (business, id) pairs in two arrays.
-- OFFSET 0 keeps each look-up by its whole key apart: a planner without statistics reads all profiles instead.
SELECT wanted.business_id, wanted.id, p.profile_key
FROM unnest(texts($1), texts($2)) AS wanted (business_id, id)
CROSS JOIN LATERAL (
    SELECT profile_key FROM profiles WHERE business_id = wanted.business_id AND id = wanted.id OFFSET 0) AS p;

-- name: find_recipients
-- The surrogates of the profiles known, as above, and which were erased: (business, id, hash of the id) in three arrays.
-- By one snapshot: an erasure leaves a tombstone where it takes the profile.
SELECT wanted.business_id, wanted.id, p.profile_key, t.is_erased
FROM unnest(texts($1), texts($2), $3::bytea[]) AS wanted (business_id, id, profile_hash)
LEFT JOIN LATERAL (
    SELECT profile_key FROM profiles WHERE business_id = wanted.business_id AND id = wanted.id OFFSET 0) AS p ON true
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM tombstones
        WHERE business_id = wanted.business_id AND profile_hash = wanted.profile_hash) AS is_erased
    OFFSET 0) AS t
WHERE p.profile_key IS NOT NULL OR t.is_erased;

-- name: create_profiles
-- Profiles that were named for the first time; one that another transaction made meanwhile is left out of the answer.
INSERT INTO profiles (business_id, id, created_at)
SELECT business_id, id, $3
FROM unnest(texts($1), texts($2)) AS wanted (business_id, id)
ORDER BY business_id, id
ON CONFLICT (business_id, id) DO NOTHING
RETURNING business_id, id, profile_key;

-- name: take_back_profiles
-- Profiles that this very transaction has created.
DELETE FROM profiles p
USING unnest($1::text[], $2::text[]) AS refused (business_id, id)
WHERE p.business_id = refused.business_id AND p.id = refused.id AND p.xmin = pg_current_xact_id()::xid;

-- name: create_profile
-- A new profile and its surrogate; nothing where the id is taken or the business is not known.
INSERT INTO profiles (business_id, id, name, email, phone, metadata, created_at)
SELECT $1, $2, $3, $4, $5, $6::json, $7
WHERE EXISTS (SELECT FROM businesses WHERE id = $1)
ON CONFLICT (business_id, id) DO NOTHING
RETURNING profile_key;

-- name: find_profile
-- One profile with its identities, in the order they came.
SELECT p.id, p.profile_key, p.name, p.email, p.phone, p.metadata, p.created_at,
       array(SELECT i.source FROM identities i WHERE i.business_id = p.business_id AND i.profile_key = p.profile_key
             ORDER BY i.created_at, i.source, i.user_id) AS sources,
       array(SELECT i.user_id FROM identities i WHERE i.business_id = p.business_id AND i.profile_key = p.profile_key
             ORDER BY i.created_at, i.source, i.user_id) AS user_ids
FROM profiles p
WHERE p.business_id = $1 AND p.id = $2;

-- name: list_profiles
-- Profiles next to one, {direction} by creation.
SELECT p.id, p.profile_key, p.name, p.email, p.phone, p.metadata, p.created_at,
       array(SELECT i.source FROM identities i WHERE i.business_id = p.business_id AND i.profile_key = p.profile_key
             ORDER BY i.created_at, i.source, i.user_id) AS sources,
       array(SELECT i.user_id FROM identities i WHERE i.business_id = p.business_id AND i.profile_key = p.profile_key
             ORDER BY i.created_at, i.source, i.user_id) AS user_ids
FROM profiles p
WHERE p.business_id = $1 AND (p.created_at, p.id) {beyond} ($2, $3)
ORDER BY p.created_at {direction}, p.id {direction}
LIMIT $4;

-- name: find_position
-- Where a profile stands in the list.
SELECT created_at AS at, id FROM profiles WHERE business_id = $1 AND id = $2;

-- name: lock_profile
-- A profile's surrogate, held until the transaction ends.
SELECT profile_key FROM profiles WHERE business_id = $1 AND id = $2 FOR UPDATE;

-- name: change_profile
-- The attributes that are named in the last parameter; no page profile any more.
UPDATE profiles
SET name = CASE WHEN 'name' = ANY ($7::text[]) THEN $3 ELSE name END,
    email = CASE WHEN 'email' = ANY ($7) THEN $4 ELSE email END,
    phone = CASE WHEN 'phone' = ANY ($7) THEN $5 ELSE phone END,
    metadata = CASE WHEN 'metadata' = ANY ($7) THEN $6::json ELSE metadata END,
    is_page = false
WHERE business_id = $1 AND profile_key = $2;

-- name: has_tombstone
-- Whether a profile was erased, by the hash of its id.
SELECT EXISTS (SELECT FROM tombstones WHERE business_id = $1 AND profile_hash = $2);

-- name: forget_tombstone
-- A person who is known again by the wish of the business.
DELETE FROM tombstones WHERE business_id = $1 AND profile_hash = $2;

-- name: lock_identities
-- Waits until no other transaction gives out any of these identities; by hash, in its order.
SELECT pg_advisory_xact_lock(hash)
FROM (
    SELECT DISTINCT hashtextextended($1 || chr(1) || source || chr(1) || user_id, 0) AS hash
    FROM unnest($2::text[], $3::text[]) AS wanted (source, user_id)
    ORDER BY hash
) AS hashes;

-- name: find_identities
-- Whose these identities are, and whether a private token gave them.
SELECT i.source, i.user_id, i.profile_key, i.basis = 'named' AS is_named
FROM unnest($2::text[], $3::text[]) AS wanted (source, user_id)
JOIN identity_holders i ON i.business_id = $1 AND i.source = wanted.source AND i.user_id = wanted.user_id;

-- name: name_identities
-- Identities that a private token gives to a profile, whosever they were; of its own it is known from now on who gave them.
INSERT INTO identities AS i (business_id, source, user_id, profile_key, basis, created_at)
SELECT $1, wanted.source, wanted.user_id, $4, 'named', $5
FROM unnest($2::text[], $3::text[]) AS wanted (source, user_id)
ON CONFLICT (business_id, source, user_id) DO UPDATE
SET profile_key = excluded.profile_key, basis = excluded.basis,
    created_at = CASE WHEN i.profile_key = excluded.profile_key THEN i.created_at ELSE excluded.created_at END;

-- name: remove_identities
-- The identities of a profile but for those named. Answers with those removed.
DELETE FROM identities i
WHERE i.business_id = $1 AND i.profile_key = $4
  AND NOT EXISTS (
    SELECT FROM unnest($2::text[], $3::text[]) AS kept (source, user_id)
    WHERE kept.source = i.source AND kept.user_id = i.user_id)
RETURNING i.source, i.user_id, i.profile_key;

-- name: find_by_contact
-- People who may be reached by an e-mail address ($2) or a number that ends so ($3; '' for neither), but those of whom only
-- pages said it, and the country of their business. Look-ups by two indexes; of more than can be told apart so many.
SELECT p.profile_key, p.email, p.phone, b.country
FROM (
    (SELECT profile_key, email, phone, is_page FROM profiles
     WHERE business_id = $1 AND lower(btrim(email)) = $2 AND $2 <> ''
     LIMIT 100)
    UNION
    (SELECT profile_key, email, phone, is_page FROM profiles
     WHERE business_id = $1 AND right(regexp_replace(phone, '[^0-9]', '', 'g'), 7) = $3 AND $3 <> ''
     LIMIT 100)
) AS p
JOIN businesses b ON b.id = $1
WHERE NOT p.is_page OR EXISTS (
    SELECT FROM identities i
    JOIN identity_attributes a ON a.business_id = $1 AND a.source = i.source AND a.user_id = i.user_id AND a.is_proved
    WHERE i.business_id = $1 AND i.profile_key = p.profile_key
      AND (a.attribute, a.value) IN (('email', p.email), ('phone', p.phone)));
