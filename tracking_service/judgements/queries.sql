-- name: find_hits
-- Hits of the business $1 behind one ($2, $3), at most $5, that still say who sent them and were judged by rules older
-- than $4: as they are judged now. A session that only a judgement gave stands beside the hit's own.
SELECT c.business_id, c.clicked_at, c.id, c.link, c.template, c.campaign, c.journey, c.message, c.profile_key,
       coalesce(c.session, j.session) AS session, c.link_created_at, coalesce(j.verdict, c.verdict) AS verdict,
       c.user_agent, c.device, c.browser, c.os, c.country, c.language, c.referring_host,
       c.is_scan
FROM clicks c
LEFT JOIN LATERAL (
    SELECT verdict, session, rules_version
    FROM judgements
    WHERE business_id = c.business_id AND clicked_at = c.clicked_at AND click_id = c.id
    ORDER BY rules_version DESC
    LIMIT 1) AS j ON true
WHERE c.business_id = $1 AND c.clicked_at >= $2 AND (c.clicked_at, c.id) > ($2, $3) AND c.user_agent <> ''
  AND c.verdict IN ('human', 'preview', 'bot', 'scanner') AND coalesce(j.rules_version, c.rules_version) < $4
ORDER BY c.clicked_at, c.id
LIMIT $5;

-- name: keep_judgements
-- What hits are by the rules $1. Answers with those that were not judged by these before.
INSERT INTO judgements (business_id, clicked_at, click_id, rules_version, verdict, reason, session)
SELECT business_id, clicked_at, id, $1, verdict, reason, session
FROM unnest($2::text[], $3::timestamptz[], $4::uuid[], $5::text[], $6::text[], $7::text[])
    AS judged (business_id, clicked_at, id, verdict, session, reason)
ON CONFLICT (business_id, clicked_at, click_id, rules_version) DO NOTHING
RETURNING click_id;

-- name: lose_clicks
-- Sessions whose clicks (business, session, click) were no person's: they keep whose they are and what happened in them.
-- Answers with what counted of those clicks.
UPDATE sessions s
SET click_id = NULL, clicked_at = NULL, link_created_at = NULL, link = NULL, campaign = NULL, journey = NULL,
    message = NULL, origin = NULL, firsts = 0
FROM unnest($1::text[], $2::text[], $3::uuid[]) AS lost (business_id, session, click_id)
WHERE s.business_id = lost.business_id AND s.id = lost.session AND s.click_id = lost.click_id
RETURNING new.business_id, new.id AS session, new.profile_key, old.clicked_at, old.click_id, old.link_created_at,
          old.link, old.campaign, old.journey, old.message, old.origin, old.is_clicked_by_recipient AS is_recipients,
          old.firsts;

-- name: change_activities
-- Hits (business, id) that are activities of their own, with the verdict of now.
UPDATE activities a
SET verdict = judged.verdict
FROM unnest($1::text[], $2::uuid[], $3::text[]) AS judged (business_id, id, verdict)
WHERE a.business_id = judged.business_id AND a.id = judged.id;

-- name: drop_told_activities
-- Hits (business, click) that their session tells of from now on, where they were activities of their own.
DELETE FROM activities a
USING unnest($1::text[], $2::uuid[]) AS minted (business_id, click_id)
WHERE a.business_id = minted.business_id AND a.id = minted.click_id;

-- name: list_businesses
-- All businesses.
SELECT id FROM businesses ORDER BY id;

-- name: find_oldest_month
-- When the oldest month begins whose hits are kept; null where there is none.
SELECT min(to_timestamp(right(c.relname, 7), 'YYYY_MM')) AS kept_from
FROM pg_inherits i
JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'clicks'::regclass AND c.relname ~ '_\d{4}_\d{2}$';
