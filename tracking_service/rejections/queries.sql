-- name: hold_profiles
-- Profiles (business, id), held in the order of their keys so that they cannot be erased until this transaction ends.
SELECT FROM profiles p
JOIN unnest($1::text[], $2::text[]) AS told (business_id, id) ON told.business_id = p.business_id AND told.id = p.id
ORDER BY p.business_id, p.id
FOR KEY SHARE OF p;

-- name: keep_rejected
-- What could not be stored, once however often it comes. Of whom was erased, or whose session it is in was, nothing but
-- that it came.
INSERT INTO rejected (business_id, kind, item, content, reason, profile_hashes, session)
SELECT business_id, kind, item, CASE WHEN is_erased THEN '' ELSE content END,
       CASE WHEN is_erased THEN 'It could not be stored, and tells of a person who was erased.' ELSE reason END,
       CASE WHEN is_erased THEN '{}' ELSE profile_hashes END, CASE WHEN NOT is_erased THEN session END
FROM (
    SELECT t.business_id, t.kind, t.item, t.content, t.reason, t.session,
           string_to_array(t.hashes, ' ') AS profile_hashes,
           EXISTS (
               SELECT FROM unnest(string_to_array(t.hashes, ' ')) AS named (hash)
               JOIN tombstones b ON b.business_id = t.business_id AND b.profile_hash = decode(named.hash, 'hex')
           ) OR EXISTS (
               SELECT FROM sessions s
               WHERE s.business_id = t.business_id AND s.id = t.session AND s.profile_key IS NOT NULL AND NOT EXISTS (
                   SELECT FROM profiles p WHERE p.business_id = s.business_id AND p.profile_key = s.profile_key)
           ) AS is_erased
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::text[])
        AS t (business_id, kind, item, content, reason, hashes, session)
) AS told
ON CONFLICT DO NOTHING;

-- name: find_newest
-- What was set aside, newest first: of one business or, where $1 is null, of all; where $2 is not null, older than that.
SELECT id AS number, business_id, kind, item, reason, rejected_at, octet_length(content) AS size_bytes
FROM rejected
WHERE ($1::text IS NULL OR business_id = $1) AND ($2::bigint IS NULL OR id < $2)
ORDER BY id DESC
LIMIT $3;

-- name: erase_profile
-- What was set aside and tells of a profile, by the hash of its id. Answers with how much that was.
WITH gone AS (
    DELETE FROM rejected WHERE business_id = $1 AND profile_hashes @> ARRAY[encode($2, 'hex')] RETURNING id
)
SELECT count(*) FROM gone;

-- name: erase_sessions
-- What was set aside in sessions of a person, by the surrogate.
DELETE FROM rejected r
USING sessions s
WHERE s.business_id = $1 AND s.profile_key = $2 AND r.business_id = s.business_id AND r.session = s.id;
