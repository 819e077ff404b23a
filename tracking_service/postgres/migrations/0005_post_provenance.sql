-- Older code beside the new one took entries back without their provenance, and so counted them as reported: they get it,
-- and the counters what that changes, in every scope that the entry belongs to.
WITH mended AS (
    UPDATE credits c
    SET provenance = before.provenance
    FROM credits before
    WHERE before.business_id = c.business_id AND before.event_id = c.event_id AND before.entry = c.entry - 1
      AND c.sign < 0 AND c.provenance IS NULL AND before.provenance IN ('confirmed', 'unconfirmed')
    RETURNING c.*
), scoped AS (
    SELECT m.*, scopes.scope, scopes.scope_id, date_bin('15 minutes', scopes.at, '2000-01-01Z') AS bucket,
           (m.provenance = 'confirmed')::integer AS confirmed, (m.provenance = 'unconfirmed')::integer AS unconfirmed,
           coalesce(m.revenue_minor, 0)::numeric AS revenue,
           CASE WHEN m.click_id IS NULL THEN 0 ELSE m.conversions END AS led,
           CASE WHEN m.click_id IS NULL THEN 0
                ELSE m.conversions * floor(greatest(extract(epoch FROM m.occurred_at - m.clicked_at), 0)) END AS seconds
    FROM mended m
    CROSS JOIN LATERAL (
        VALUES ('business', '', m.occurred_at), ('campaign', m.campaign, m.occurred_at),
               ('journey', m.journey, m.occurred_at), ('message', m.message, m.occurred_at),
               ('link', m.link, m.occurred_at),
               ('business cohort', '', m.link_created_at), ('campaign cohort', m.campaign, m.link_created_at),
               ('journey cohort', m.journey, m.link_created_at), ('message cohort', m.message, m.link_created_at)
    ) AS scopes (scope, scope_id, at)
    WHERE scopes.scope_id IS NOT NULL AND scopes.at IS NOT NULL
), changes AS (
    SELECT business_id, scope, scope_id, bucket, action, coalesce(currency, '') AS currency,
           sum(sign * unconfirmed * conversions) AS conversions, sum(sign * unconfirmed * revenue) AS revenue,
           sum(sign * unconfirmed * greatest(-revenue, 0)) AS taken_back, sum(sign * unconfirmed * led) AS led,
           sum(sign * unconfirmed * seconds) AS seconds, sum(sign * confirmed * conversions) AS confirmed_conversions,
           sum(sign * confirmed * revenue) AS confirmed_revenue
    FROM scoped
    GROUP BY business_id, scope, scope_id, bucket, action, coalesce(currency, '')
)
UPDATE event_counts c
SET conversions = c.conversions - h.conversions, revenue = c.revenue - h.revenue,
    taken_back = c.taken_back - h.taken_back, conversions_led = c.conversions_led - h.led,
    seconds_to_conversion = c.seconds_to_conversion - h.seconds,
    confirmed_conversions = c.confirmed_conversions + h.confirmed_conversions,
    confirmed_revenue = c.confirmed_revenue + h.confirmed_revenue,
    unconfirmed_conversions = c.unconfirmed_conversions + h.conversions,
    unconfirmed_revenue = c.unconfirmed_revenue + h.revenue
FROM changes h
WHERE c.business_id = h.business_id AND c.scope = h.scope AND c.scope_id = h.scope_id AND c.bucket = h.bucket
  AND c.action = h.action AND c.currency = h.currency;

-- What older code decided is decided again, piece by piece, wherever anything was earned.
INSERT INTO sweeps (business_id, action)
SELECT DISTINCT business_id, action FROM credits WHERE conversions > 0 OR revenue_minor > 0;
