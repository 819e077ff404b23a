-- One order under several references. Additions alone: older code tells orders apart by each reference, and what it decided
-- beside the new one is decided again by the migration of this number that runs once it is gone.

-- That a reference stands for an order, in the words of a platform that names the order by another. Nothing else is changed
-- by it: what was told by either stays as it was told. Nothing here leads to a person.
CREATE TABLE object_aliases (
    business_id text NOT NULL,
    alias_id    uuid NOT NULL, -- the object id that the reference has by itself
    object_id   uuid NOT NULL, -- the order's; alias_id itself where a platform names an order by this reference
    received_at timestamptz NOT NULL, -- when it was said first
    PRIMARY KEY (business_id, alias_id)
);
CREATE INDEX object_aliases_of_object ON object_aliases (business_id, object_id, alias_id);

-- The order that a reference stands for, itself where it stands for no other, once for each reference that stands for it.
-- Look-ups by whole keys, which the planner takes into the query that asks: OFFSET 0 keeps the first one apart there.
CREATE FUNCTION same_order(business text, reference uuid)
RETURNS TABLE (order_id uuid, object_id uuid) LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT o.order_id, r.object_id
    FROM (
        SELECT coalesce((
            SELECT a.object_id FROM object_aliases a WHERE a.business_id = business AND a.alias_id = reference
        ), reference) AS order_id
        OFFSET 0
    ) AS o
    CROSS JOIN LATERAL (
        SELECT o.order_id
        UNION ALL
        SELECT a.alias_id FROM object_aliases a
        WHERE a.business_id = business AND a.object_id = o.order_id AND a.alias_id <> o.order_id
    ) AS r (object_id);
END;
