-- Older code beside the new one knew of no other references, and may have let an order earn under each: all orders that
-- have any are decided again.
INSERT INTO dirty_visitors (business_id, session, profile_key, since)
SELECT a.business_id, a.session, a.profile_key, min(a.occurred_at)
FROM (SELECT business_id, alias_id FROM object_aliases WHERE alias_id <> object_id) AS same
CROSS JOIN LATERAL (
    (SELECT event_id FROM order_actions
     WHERE business_id = same.business_id AND object_id = same.alias_id OFFSET 0)
    UNION ALL
    (SELECT event_id FROM order_refunds
     WHERE business_id = same.business_id AND order_id = same.alias_id OFFSET 0)) AS e
JOIN activities a ON a.business_id = same.business_id AND a.id = e.event_id
GROUP BY a.business_id, a.session, a.profile_key;
