-- name: find_session
-- A session with its profile's id.
SELECT s.id, p.id AS profile, s.link, s.campaign, s.journey, s.created_at
FROM sessions s
LEFT JOIN profiles p ON p.business_id = s.business_id AND p.profile_key = s.profile_key
WHERE s.business_id = $1 AND s.id = $2;

-- name: has_session
-- Whether a session is known.
SELECT EXISTS (SELECT FROM sessions WHERE business_id = $1 AND id = $2);
