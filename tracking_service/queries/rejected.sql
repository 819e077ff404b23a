-- name: keep_rejected
-- What could not be stored, once however often it comes.
INSERT INTO rejected (business_id, kind, item, content, reason)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[])
ON CONFLICT DO NOTHING;
