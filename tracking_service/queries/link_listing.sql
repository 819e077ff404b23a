-- name: list_links
-- Links next to one, {direction} by creation; {only} narrows them down.
SELECT link
FROM links
WHERE business_id = $1 AND (created_at, id) {beyond} ($2, $3) {only}
ORDER BY created_at {direction}, id {direction}
LIMIT $4;

-- name: find_position
-- Where a link stands in the list.
SELECT created_at AS at, id FROM links WHERE business_id = $1 AND id = $2;

-- name: has_links
-- Whether any business has a link.
SELECT EXISTS (SELECT FROM links);

-- name: find_profile_key
-- The surrogate of a profile.
SELECT profile_key FROM profiles WHERE business_id = $1 AND id = $2;
