-- name: remember_erased
-- Puts a tombstone where there is no profile.
INSERT INTO tombstones (business_id, profile_hash, erased_at)
VALUES ($1, $2, now())
ON CONFLICT (business_id, profile_hash) DO UPDATE SET erased_at = excluded.erased_at;

-- name: find_country
-- Where a business's numbers without a prefix are.
SELECT country FROM businesses WHERE id = $1;

-- name: find_holder
-- Whose an id is.
SELECT p.id
FROM identities i
JOIN profiles p ON p.business_id = i.business_id AND p.profile_key = i.profile_key
WHERE i.business_id = $1 AND i.source = $2 AND i.user_id = $3;

-- name: find_profile
-- The profile that has a surrogate.
SELECT id FROM profiles WHERE business_id = $1 AND profile_key = $2;

-- name: forget_contacts
-- How those who ordered can be reached, where that is one of these.
UPDATE told_orders
SET email_hash = '', phone_hash = ''
WHERE business_id = $1 AND (email_hash = ANY ($2::bytea[]) OR phone_hash = ANY ($2));

-- name: find_traces
-- What a person goes by: hashes of ids, the e-mail address and the phone number, and where a number without a prefix
-- is.
SELECT p.email, p.phone, b.country, ARRAY(
    SELECT sha256(convert_to(chr(1) || source || chr(1) || user_id, 'UTF8')) FROM identities
    WHERE business_id = $1 AND profile_key = $2
) AS ids
FROM profiles p
JOIN businesses b ON b.id = p.business_id
WHERE p.business_id = $1 AND p.profile_key = $2;

-- name: erase_deliveries
-- What platforms sent of a person: what became of it stays. What still waits, here or on a disk, ends in the same way
-- once it is settled, by what is remembered of how the person could be reached.
WITH remembered AS (
    INSERT INTO identity_tombstones (business_id, identity_hash, erased_at)
    SELECT $1, hash, now() FROM unnest($2::bytea[]) AS hash
    ON CONFLICT (business_id, identity_hash) DO UPDATE SET erased_at = excluded.erased_at
)
UPDATE inbox
SET body = '', headers = '{}', query = '{}'
WHERE business_id = $1 AND people && $2 AND outcome <> 'waiting';

-- name: erase_profile
-- Puts a tombstone in the place of a profile and of its identities, with all that was said of these, and notes that its
-- rows are to be cleared.
WITH remembered AS (
    INSERT INTO tombstones (business_id, profile_hash, erased_at)
    VALUES ($1, $3, now())
    ON CONFLICT (business_id, profile_hash) DO UPDATE SET erased_at = excluded.erased_at
), unidentified AS (
    DELETE FROM identities WHERE business_id = $1 AND profile_key = $2
    RETURNING source, user_id, sha256(convert_to(chr(1) || source || chr(1) || user_id, 'UTF8')) AS identity_hash
), forgotten AS (
    INSERT INTO identity_tombstones (business_id, identity_hash, erased_at)
    SELECT $1, identity_hash, now() FROM unidentified
    ON CONFLICT (business_id, identity_hash) DO UPDATE SET erased_at = excluded.erased_at
), unsaid AS (
    DELETE FROM identity_evidence e
    USING unidentified i
    WHERE e.business_id = $1 AND e.source = i.source AND e.user_id = i.user_id
), untold AS (
    DELETE FROM identity_attributes a
    USING unidentified i
    WHERE a.business_id = $1 AND a.source = i.source AND a.user_id = i.user_id
), unnamed AS (
    DELETE FROM identity_namings WHERE business_id = $1 AND profile_key = $2
), unmarked AS (
    DELETE FROM dirty_identities
    WHERE id IN (
        SELECT d.id FROM dirty_identities d JOIN unidentified i ON d.source = i.source AND d.user_id = i.user_id
        WHERE d.business_id = $1
        FOR UPDATE OF d SKIP LOCKED)
), gone AS (
    DELETE FROM profiles WHERE business_id = $1 AND profile_key = $2
)
INSERT INTO erasures (business_id, profile_key) VALUES ($1, $2);

-- name: clear_evidence
-- What was said in the sessions of a person, and in those of browsers that had these before; how orders there, or of that
-- person, say that who ordered can be reached.
WITH theirs AS MATERIALIZED (
    SELECT id FROM sessions WHERE business_id = $1 AND profile_key = $2
), uncontacted AS (
    UPDATE told_orders o
    SET email_hash = '', phone_hash = ''
    FROM (
        SELECT t.order_session FROM theirs JOIN told_orders t ON t.business_id = $1 AND t.order_session = theirs.id
        UNION
        SELECT t.order_session FROM theirs JOIN told_orders t ON t.business_id = $1 AND t.session = theirs.id) AS told
    WHERE o.business_id = $1 AND o.order_session = told.order_session
), after_theirs AS (
    DELETE FROM identity_evidence e
    USING theirs
    WHERE e.business_id = $1 AND e.earlier_session = theirs.id AND e.earlier_session <> '' AND e.session <> theirs.id
)
DELETE FROM identity_evidence e
USING theirs
WHERE e.business_id = $1 AND e.session = theirs.id;

-- name: find_erasures
-- Some erasures that are not through yet.
SELECT business_id, profile_key FROM erasures ORDER BY committed_by NULLS FIRST LIMIT $1;

-- name: note_commit
-- Notes a time behind the commit of an erasure, unless one is known. Whether no transaction is left that began before it.
WITH noted AS (
    UPDATE erasures
    SET committed_by = coalesce(committed_by, clock_timestamp())
    WHERE business_id = $1 AND profile_key = $2
    RETURNING committed_by
)
SELECT NOT EXISTS (
    SELECT FROM pg_stat_activity a, noted n
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.xact_start <= n.committed_by
) AND NOT EXISTS (SELECT FROM noted WHERE has_transaction_before(committed_by));

-- name: end_erasure
-- An erasure that is through.
DELETE FROM erasures WHERE business_id = $1 AND profile_key = $2;

-- name: find_rows
-- What a person did, behind one row; the object where it may name an order.
SELECT occurred_at, id, received_at, purchased
FROM (
    (SELECT occurred_at, id, received_at, CASE WHEN action = $6 THEN object::text END AS purchased
     FROM activities
     WHERE business_id = $1 AND profile_key = $2 AND (occurred_at, id) > ($3, $4)
     ORDER BY occurred_at, id
     LIMIT $5)
    UNION ALL
    (SELECT occurred_at, id, received_at, NULL
     FROM click_activities
     WHERE business_id = $1 AND profile_key = $2 AND (occurred_at, id) > ($3, $4)
     ORDER BY occurred_at, id
     LIMIT $5)
) AS done
ORDER BY occurred_at, id
LIMIT $5;

-- name: find_lost_rows
-- Events that name a person, in sessions that a click gave to another one afterwards, as long as they say something.
SELECT DISTINCT a.occurred_at, a.id, a.received_at, CASE WHEN a.action = $4 THEN a.object::text END AS purchased
FROM claims c
JOIN activities a ON a.business_id = c.business_id AND a.session = c.session
JOIN events e ON e.business_id = a.business_id AND e.received_at = a.received_at AND e.id = a.id
WHERE c.business_id = $1 AND c.profile_key = $2 AND e.profile_key = $2 AND a.profile_key IS DISTINCT FROM $2
  AND (e.address <> '' OR e.user_agent <> '' OR num_nonnulls(e.metadata, e.user_parameters, e.page, e.extra) > 0)
LIMIT $3;

-- name: clear_activities
-- Takes from activities (id, what stays of the object) what they say of a person.
UPDATE activities a
SET url = NULL, metadata = NULL, object = swept.object::json
FROM unnest($2::uuid[], $3::text[]) AS swept (id, object)
WHERE a.business_id = $1 AND a.id = swept.id AND num_nonnulls(a.url, a.metadata, a.object) > 0;

-- name: clear_clicks
-- Takes from clicks (time, id) what they say of a person.
UPDATE clicks c
SET query = '', address = '', user_agent = '', referrer = '', accept_language = ''
FROM unnest($2::timestamptz[], $3::uuid[]) AS swept (at, id)
WHERE c.business_id = $1 AND c.clicked_at = swept.at AND c.id = swept.id;

-- name: clear_events
-- Takes from events (time, id) what they say of a person, and from their orders and refunds all but what finds them.
WITH cleared AS (
    UPDATE events e
    SET address = '', user_agent = '', metadata = NULL, user_parameters = NULL, page = NULL, extra = NULL
    FROM unnest($2::timestamptz[], $3::uuid[]) AS swept (at, id)
    WHERE e.business_id = $1 AND e.received_at = swept.at AND e.id = swept.id
    RETURNING e.object_id
)
UPDATE objects o
SET data = json_build_object('reference', o.reference, 'source', o.source)
WHERE o.business_id = $1 AND o.type IN ('order', 'refund') AND o.id IN (SELECT object_id FROM cleared);

-- name: find_links
-- The copies of a person's links, behind one link.
SELECT id, link, revision
FROM links
WHERE business_id = $1 AND profile_key = $2 AND id > $3
ORDER BY id
LIMIT $4;

-- name: clear_links
-- Copies of links (id, revision, link, what stands for the external id) without their recipient, unless a later
-- revision came meanwhile.
UPDATE links l
SET link = swept.link, detached_id = coalesce(l.detached_id, swept.detached_id)
FROM unnest($2::text[], $3::bigint[], $4::bytea[], $5::text[]) AS swept (id, revision, link, detached_id)
WHERE l.business_id = $1 AND l.id = swept.id AND l.revision = swept.revision;

-- name: want_detachments
-- Links (business, id) that the shortener has to take their recipient from, in the order of their keys.
INSERT INTO detachments (business_id, link)
SELECT DISTINCT business_id, link
FROM unnest($1::text[], $2::text[]) AS wanted (business_id, link)
ORDER BY business_id, link
ON CONFLICT (business_id, link) DO NOTHING;

-- name: take_detachments
-- Some links of one business that wait for the shortener. They are left alone for half a minute, whatever becomes of them.
UPDATE detachments d
SET next_try_at = now() + interval '30 seconds'
FROM (
    SELECT business_id, link
    FROM detachments
    WHERE next_try_at <= now()
      AND business_id = (SELECT business_id FROM detachments WHERE next_try_at <= now() ORDER BY next_try_at LIMIT 1)
    ORDER BY link
    LIMIT $1
    FOR UPDATE SKIP LOCKED
) AS due
WHERE d.business_id = due.business_id AND d.link = due.link
RETURNING d.business_id, d.link;

-- name: end_detachments
-- Links that their recipient was taken from.
DELETE FROM detachments WHERE business_id = $1 AND link = ANY ($2::text[]);
