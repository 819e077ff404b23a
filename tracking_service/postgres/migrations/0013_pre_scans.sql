-- Whether a click counts as a scan of a QR code. Those of before do not, as they were counted when they came.
ALTER TABLE clicks ADD COLUMN is_scan boolean NOT NULL DEFAULT false;
-- Of a hit: "link", or "qr" for a scan.
ALTER TABLE activities ADD COLUMN source text;

-- The referring host of a scan's origin stands behind "qr+".
CREATE OR REPLACE VIEW click_activities AS
SELECT business_id, click_id AS id, clicked_at AS received_at, clicked_at AS occurred_at, NULL::timestamptz AS tracked_at,
       profile_key, id AS session, 'short_link.clicked' AS action, link, campaign, journey, message, NULL::json AS object,
       NULL::bigint AS amount_minor, NULL::text AS currency, NULL::json AS metadata, NULL::text AS url,
       origin::json ->> 0 AS verdict, origin::json ->> 2 AS device, origin::json ->> 3 AS browser,
       origin::json ->> 4 AS os, origin::json ->> 5 AS country,
       CASE WHEN starts_with(origin::json ->> 7, 'qr+') THEN 'qr' ELSE 'link' END AS source
FROM sessions
WHERE click_id IS NOT NULL;

-- Which messages there are, as the indexes of campaigns and journeys tell of those.
CREATE INDEX links_of_message ON links (business_id, message) WHERE message IS NOT NULL;
