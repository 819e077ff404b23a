-- name: keep_own_sources
-- Sources of businesses' links, in the order of their keys, each with a part of the text that events have it in. Where
-- one is new, what was decided on events that have it is decided again.
WITH brought AS (
    SELECT DISTINCT business_id, source, needle
    FROM unnest($1::text[], $2::text[], $3::text[]) AS b (business_id, source, needle)
), added AS (
    INSERT INTO own_sources (business_id, source)
    SELECT business_id, source FROM brought ORDER BY business_id, source
    ON CONFLICT (business_id, source) DO NOTHING
    RETURNING business_id, source
)
INSERT INTO sweeps (business_id, needle)
SELECT business_id, b.needle FROM added JOIN brought b USING (business_id, source);
