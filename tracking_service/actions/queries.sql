-- name: create_action
-- A new action; nothing where the name is taken or the business is not known.
INSERT INTO actions (business_id, id, name, title, conversion, important, created_at)
SELECT $1, $2, $3, $4, $5, $6, $7
WHERE EXISTS (SELECT FROM businesses WHERE id = $1)
ON CONFLICT (business_id, name) DO NOTHING
RETURNING id;

-- name: find_action
-- One action.
SELECT id, name, title, conversion, important, created_at
FROM actions
WHERE business_id = $1 AND id = $2;

-- name: lock_action
-- One action, held until the transaction ends: events that name it wait.
SELECT id, name, title, conversion, important, created_at
FROM actions
WHERE business_id = $1 AND id = $2
FOR UPDATE;

-- name: list_actions
-- Actions next to one, {direction} by creation.
SELECT id, name, title, conversion, important, created_at
FROM actions
WHERE business_id = $1 AND (created_at, id) {beyond} ($2, $3)
ORDER BY created_at {direction}, id {direction}
LIMIT $4;

-- name: find_position
-- Where an action stands in the list.
SELECT created_at AS at, id FROM actions WHERE business_id = $1 AND id = $2;

-- name: change_action
-- An action as it is now; nothing where its name is another's.
UPDATE actions
SET name = $3, title = $4, conversion = $5, important = $6
WHERE business_id = $1 AND id = $2
  AND NOT EXISTS (SELECT FROM actions other WHERE other.business_id = $1 AND other.name = $3 AND other.id <> $2)
RETURNING id;

-- name: sweep_action
-- Has the events of an action decided again, piece by piece.
INSERT INTO sweeps (business_id, action) VALUES ($1, $2);

-- name: delete_action
-- An action; its caller has seen that it has no events.
DELETE FROM actions WHERE business_id = $1 AND id = $2;

-- name: has_events
-- Whether there are events of an action: counted ones, or those of visitors who are still marked to be decided on. Each
-- event is one or the other.
SELECT EXISTS (
    SELECT FROM event_counts
    WHERE business_id = $1 AND scope = 'business' AND scope_id = '' AND action = $2
) OR EXISTS (
    SELECT FROM dirty_visitors d
    JOIN activities a ON a.business_id = d.business_id AND (a.session = d.session OR a.profile_key = d.profile_key)
    WHERE d.business_id = $1 AND a.action = $2
);
