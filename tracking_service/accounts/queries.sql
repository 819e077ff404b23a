-- name: add_business
-- A new business; nothing where its id is taken. What is to be confirmed lies ahead.
INSERT INTO businesses (
    id, name, locale, country, currency, attribution_window_days, origins, created_at, rate_factor, identity_secret,
    proved_from, confirmed_from, page_amount_ceiling)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text, CASE WHEN $10::text IS NOT NULL THEN now() END,
        CASE WHEN $11::timestamptz IS NOT NULL THEN greatest($11, now()) END, $12)
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: find_business
-- One business.
SELECT id, name, locale, country, currency, attribution_window_days, origins, rate_factor, created_at, confirmed_from,
       page_amount_ceiling, identity_secret IS NOT NULL AS has_identity_secret
FROM businesses
WHERE id = $1;

-- name: change_business
-- The fields of a business that are named in $8, and the business as it is then. Another attribution window, ceiling or time
-- from which on orders are to be confirmed has all of its events decided again; such a time never lies behind us, and what
-- was received by an earlier one stays as it is. An identity secret counts from when there is one; another one in its place does not change that.
WITH changed AS (
    UPDATE businesses
    SET name = CASE WHEN 'name' = ANY ($8::text[]) THEN $2 ELSE name END,
        locale = CASE WHEN 'locale' = ANY ($8) THEN $3 ELSE locale END,
        country = CASE WHEN 'country' = ANY ($8) THEN $4 ELSE country END,
        currency = CASE WHEN 'currency' = ANY ($8) THEN $5 ELSE currency END,
        attribution_window_days =
            CASE WHEN 'attribution_window_days' = ANY ($8) THEN $6::smallint ELSE attribution_window_days END,
        origins = CASE WHEN 'origins' = ANY ($8) THEN $7::text[] ELSE origins END,
        rate_factor = CASE WHEN 'rate_factor' = ANY ($8) THEN $9 ELSE rate_factor END,
        identity_secret = CASE WHEN 'identity_secret' = ANY ($8) THEN $10::text ELSE identity_secret END,
        proved_from =
            CASE WHEN 'identity_secret' = ANY ($8) THEN CASE WHEN $10 IS NOT NULL THEN coalesce(proved_from, now()) END
                 ELSE proved_from END,
        confirmed_from =
            CASE WHEN 'confirmed_from' <> ALL ($8) OR $11::timestamptz IS NOT DISTINCT FROM confirmed_from
                     THEN confirmed_from
                 WHEN $11 IS NOT NULL THEN greatest($11, now()) END,
        confirmed_during =
            CASE WHEN 'confirmed_from' = ANY ($8) AND $11 IS DISTINCT FROM confirmed_from AND confirmed_from < now()
                     THEN confirmed_during + tstzmultirange(tstzrange(confirmed_from, now()))
                 ELSE confirmed_during END,
        page_amount_ceiling = CASE WHEN 'page_amount_ceiling' = ANY ($8) THEN $12 ELSE page_amount_ceiling END
    WHERE id = $1
    RETURNING new.id, new.name, new.locale, new.country, new.currency, new.attribution_window_days, new.origins,
              new.rate_factor, new.created_at, new.confirmed_from, new.page_amount_ceiling,
              new.identity_secret IS NOT NULL AS has_identity_secret,
              (new.attribution_window_days, new.confirmed_from, new.page_amount_ceiling)
                  IS DISTINCT FROM (old.attribution_window_days, old.confirmed_from, old.page_amount_ceiling) AS is_undecided
), swept AS (
    INSERT INTO sweeps (business_id) SELECT id FROM changed WHERE is_undecided
)
SELECT id, name, locale, country, currency, attribution_window_days, origins, rate_factor, created_at, confirmed_from,
       page_amount_ceiling, has_identity_secret
FROM changed;

-- name: find_business_of_token
-- The business whose token has this hash, unless it was revoked.
SELECT b.id, b.name, b.locale, b.country, b.currency, b.attribution_window_days, b.origins, b.rate_factor, b.created_at,
       b.confirmed_from, b.page_amount_ceiling, b.identity_secret IS NOT NULL AS has_identity_secret
FROM tokens t
JOIN businesses b ON b.id = t.business_id
WHERE t.hash = $1 AND t.revoked_at IS NULL;

-- name: add_token
-- A new token, known by its hash alone.
INSERT INTO tokens (business_id, id, name, hash, created_at)
VALUES ($1, $2, $3, $4, $5);

-- name: has_token
-- Whether a business has, or had, this token.
SELECT EXISTS (SELECT FROM tokens WHERE business_id = $1 AND id = $2);

-- name: list_tokens
-- Tokens that are not revoked, newest first: their ids grow with time. Behind the id in $2, if it is given.
SELECT id, name, created_at
FROM tokens
WHERE business_id = $1 AND revoked_at IS NULL AND ($2::uuid IS NULL OR id < $2)
ORDER BY id DESC
LIMIT $3;

-- name: list_tokens_before
-- The same, oldest first, before the id in $2.
SELECT id, name, created_at
FROM tokens
WHERE business_id = $1 AND revoked_at IS NULL AND id > $2
ORDER BY id
LIMIT $3;

-- name: revoke_token
-- When a token was revoked: now, or earlier. Nothing where it is not the business's.
UPDATE tokens
SET revoked_at = coalesce(revoked_at, $3)
WHERE business_id = $1 AND id = $2
RETURNING revoked_at;

-- name: list_known
-- Businesses behind an id, each with the hashes of its tokens that are not revoked.
SELECT b.id, b.currency, b.origins, b.rate_factor,
       ARRAY(SELECT t.hash FROM tokens t WHERE t.business_id = b.id AND t.revoked_at IS NULL) AS tokens
FROM businesses b
WHERE b.id COLLATE "C" > $1
ORDER BY b.id COLLATE "C"
LIMIT $2;

-- name: has_business
-- Whether there is such a business.
SELECT EXISTS (SELECT FROM businesses WHERE id = $1);
