-- name: keep_counts
-- Keeps the counts of a gateway; one that was told before, or out of order, lowers nothing.
INSERT INTO refused_requests AS kept (business_id, quarter, kind, is_private, gateway, requests)
SELECT t.business_id, t.quarter, t.kind, t.is_private, $1, max(t.requests)
FROM unnest($2::text[], $3::timestamptz[], $4::text[], $5::boolean[], $6::bigint[])
    AS t (business_id, quarter, kind, is_private, requests)
JOIN businesses b ON b.id = t.business_id
GROUP BY t.business_id, t.quarter, t.kind, t.is_private
ORDER BY t.business_id, t.quarter, t.kind, t.is_private
ON CONFLICT (business_id, quarter, kind, is_private, gateway)
DO UPDATE SET requests = greatest(kept.requests, excluded.requests)
RETURNING business_id;

-- name: sum_counts
-- How many requests of a business were refused in a range, by kind, most first.
SELECT kind, is_private, least(sum(requests), 9223372036854775807)::bigint AS requests
FROM refused_requests
WHERE business_id = $1 AND quarter >= $2 AND quarter < $3
GROUP BY kind, is_private
ORDER BY sum(requests) DESC, kind, is_private;
