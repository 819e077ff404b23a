-- name: find_profile_key
-- The surrogate of a profile.
SELECT profile_key FROM profiles WHERE business_id = $1 AND id = $2;

-- name: list_activities
-- What a person did next to one activity, {direction} by when it occurred: of the activities and of the sessions' clicks as
-- many as a page takes, by one index scan each.
SELECT *
FROM (
    (SELECT id, action, occurred_at, tracked_at, received_at, session, link, campaign, journey, object, amount_minor,
            currency, metadata, url, verdict, device, browser, os, country
     FROM activities
     WHERE business_id = $1 AND profile_key = $2 AND (occurred_at, id) {beyond} ($3, $4)
     ORDER BY occurred_at {direction}, id {direction}
     LIMIT $5)
    UNION ALL
    (SELECT id, action, occurred_at, tracked_at, received_at, session, link, campaign, journey, object, amount_minor,
            currency, metadata, url, verdict, device, browser, os, country
     FROM click_activities
     WHERE business_id = $1 AND profile_key = $2 AND (occurred_at, id) {beyond} ($3, $4)
     ORDER BY occurred_at {direction}, id {direction}
     LIMIT $5)
) AS done
ORDER BY occurred_at {direction}, id {direction}
LIMIT $5;

-- name: find_position
-- Where an activity of a person stands in the list.
SELECT occurred_at AS at, id FROM activities WHERE business_id = $1 AND profile_key = $2 AND id = $3
UNION ALL
SELECT occurred_at, id FROM click_activities WHERE business_id = $1 AND profile_key = $2 AND id = $3;
