-- name: begin_export
-- How many links there are, and the time by which their copies are stamped.
SELECT count(*) AS total, clock_timestamp() AS began_at FROM links;

-- name: export_links
-- Copies of links behind one (time, business, id), of all businesses, those kept first in front.
SELECT business_id, id, template, revision, link, origin_template, detached_id, kept_at
FROM links
WHERE (kept_at, business_id, id) > ($1, $2, $3)
ORDER BY kept_at, business_id, id
LIMIT $4;
