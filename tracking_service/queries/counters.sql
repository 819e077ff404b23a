-- name: keep_first_clicks
-- The earliest click of each visitor in each scope, and the earliest on a link of their own, each by itself, in the order
-- of their keys; the clicks themselves, which are the same in several scopes, by their number. Answers with those of whom either is earlier than what was known, and what that was: nulls for none.
INSERT INTO first_clicks AS f (
    business_id, scope, scope_id, visitor, clicked_at, click_id, link_created_at, origin, is_recipients, own_clicked_at,
    own_link_created_at)
SELECT business_id, scope, scope_id, visitor, ($8::timestamptz[])[first], ($9::uuid[])[first],
       ($10::timestamptz[])[first], origin, ($11::boolean[])[first], ($8::timestamptz[])[own], ($10::timestamptz[])[own]
FROM unnest(texts($1), texts($2), texts($3), texts($4), $5::integer[], texts($6), $7::integer[])
    AS clicked (business_id, scope, scope_id, visitor, first, origin, own)
ORDER BY business_id, scope, scope_id, visitor
ON CONFLICT (business_id, scope, scope_id, visitor) DO UPDATE
SET (clicked_at, click_id, link_created_at, origin, is_recipients) = (
        SELECT * FROM (VALUES
            (excluded.clicked_at, excluded.click_id, excluded.link_created_at, excluded.origin, excluded.is_recipients),
            (f.clicked_at, f.click_id, f.link_created_at, f.origin, f.is_recipients)
        ) AS both_firsts (at, id) ORDER BY at, id LIMIT 1),
    (own_clicked_at, own_link_created_at) = (
        SELECT * FROM (VALUES
            (excluded.own_clicked_at, excluded.own_link_created_at), (f.own_clicked_at, f.own_link_created_at)
        ) AS both_owns (at, created_at) ORDER BY at, created_at LIMIT 1)
WHERE (excluded.clicked_at, excluded.click_id) < (f.clicked_at, f.click_id)
   OR (excluded.own_clicked_at, excluded.own_link_created_at)
      < (coalesce(f.own_clicked_at, 'infinity'), coalesce(f.own_link_created_at, 'infinity'))
RETURNING new.business_id, new.scope, new.scope_id, new.visitor, old.clicked_at, old.click_id, old.link_created_at,
          old.origin, old.is_recipients, old.own_clicked_at, old.own_link_created_at;

-- name: take_first_clicks_of_sessions
-- The first clicks of sessions (business, session, profile's surrogate) that turned out to be a person's: they are taken
-- from the session, to be given to the person.
DELETE FROM first_clicks f
USING unnest($1::text[], $2::text[], $3::bigint[]) AS claimed (business_id, session, profile_key),
      sessions s,
      LATERAL (VALUES ('business', ''), ('campaign', s.campaign), ('journey', s.journey), ('message', s.message),
               ('link', s.link)) AS scopes (scope, scope_id)
WHERE s.business_id = claimed.business_id AND s.id = claimed.session AND s.click_id IS NOT NULL
  AND f.business_id = s.business_id AND f.scope = scopes.scope AND f.scope_id = scopes.scope_id
  AND f.visitor = 's' || s.id
RETURNING f.business_id, f.scope, f.scope_id, claimed.profile_key, f.clicked_at, f.click_id, f.link_created_at, f.origin,
          f.is_recipients;

-- name: add_click_counts
-- What new clicks add to their counters, in the order of their keys.
INSERT INTO click_counts AS c (
    business_id, scope, scope_id, bucket, clicks, unique_clickers, bot_hits, sessions, seconds_to_click,
    clicked_recipients)
SELECT *
FROM unnest(
    texts($1), texts($2), texts($3), $4::timestamptz[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
    $9::bigint[], $10::bigint[]
) AS added (
    business_id, scope, scope_id, bucket, clicks, unique_clickers, bot_hits, sessions, seconds_to_click,
    clicked_recipients)
ORDER BY business_id, scope, scope_id, bucket
ON CONFLICT (business_id, scope, scope_id, bucket) DO UPDATE
SET clicks = c.clicks + excluded.clicks, unique_clickers = c.unique_clickers + excluded.unique_clickers,
    bot_hits = c.bot_hits + excluded.bot_hits, sessions = c.sessions + excluded.sessions,
    seconds_to_click = c.seconds_to_click + excluded.seconds_to_click,
    clicked_recipients = c.clicked_recipients + excluded.clicked_recipients;

-- name: add_breakdown_counts
-- What new clicks add to their breakdowns, in the order of their keys.
INSERT INTO breakdown_counts AS c (
    business_id, scope, scope_id, bucket, dimension, value, clicks, unique_clickers)
SELECT *
FROM unnest(
    texts($1), texts($2), texts($3), $4::timestamptz[], texts($5), texts($6), $7::bigint[], $8::bigint[]
) AS added (business_id, scope, scope_id, bucket, dimension, value, clicks, unique_clickers)
ORDER BY business_id, scope, scope_id, bucket, dimension, value
ON CONFLICT (business_id, scope, scope_id, bucket, dimension, value) DO UPDATE
SET clicks = c.clicks + excluded.clicks, unique_clickers = c.unique_clickers + excluded.unique_clickers;

-- name: bump_versions
-- That counters of businesses have changed, in the order of their keys.
INSERT INTO report_versions AS v (business_id, version)
SELECT business_id, 1 FROM unnest($1::text[]) AS changed (business_id) ORDER BY business_id
ON CONFLICT (business_id) DO UPDATE SET version = v.version + 1;

-- name: find_versions
-- How often counters of businesses have changed.
SELECT business_id, version FROM report_versions WHERE business_id = ANY ($1::text[]);
