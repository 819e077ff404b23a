-- Everything that tracking keeps.
--
-- business_id stands first in every key, and every query stays within one business, so that the tables can be
-- distributed by it unchanged. Times are timestamptz. Money is in minor units of its currency. What we do not interpret
-- is json, never jsonb: jsonb refuses \u0000 and lone surrogates.
-- Raw rows carry profile_key, a surrogate, never the profile's id: erasing a person then leaves counts as they are.

-- Many texts that came as one: its first character stands between them, its second for a null.
CREATE FUNCTION texts(packed text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN right(packed, -2) = '' THEN ARRAY[''] -- one empty text
    ELSE string_to_array(right(packed, -2), left(packed, 1), right(left(packed, 2), 1))
END;

-- Accounts -------------------------------------------------------------------

CREATE TABLE businesses (
    id                      text PRIMARY KEY,
    name                    text NOT NULL,
    locale                  text NOT NULL DEFAULT 'en',
    country                 text NOT NULL DEFAULT 'US',
    currency                text NOT NULL DEFAULT 'USD',
    attribution_window_days smallint NOT NULL DEFAULT 7 CHECK (attribution_window_days BETWEEN 0 AND 90),
    origins                 text[] NOT NULL DEFAULT '{}',
    created_at              timestamptz NOT NULL
);

CREATE TABLE tokens (
    business_id text NOT NULL REFERENCES businesses,
    id          uuid NOT NULL,
    name        text NOT NULL,
    hash        bytea NOT NULL, -- SHA-256 of the secret, which has 256 bits of chance and needs no salt
    created_at  timestamptz NOT NULL,
    revoked_at  timestamptz,
    PRIMARY KEY (business_id, id)
);
CREATE UNIQUE INDEX tokens_hash ON tokens (hash);

CREATE TABLE actions (
    business_id text NOT NULL REFERENCES businesses,
    id          uuid NOT NULL,
    name        text NOT NULL,
    title       text,
    conversion  boolean NOT NULL DEFAULT false,
    important   boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (business_id, id),
    UNIQUE (business_id, name)
);

-- What the links to a business's report page are signed with: a new key makes all older links worthless.
CREATE TABLE report_link_keys (
    business_id text PRIMARY KEY REFERENCES businesses,
    key         bytea NOT NULL
);

-- People ---------------------------------------------------------------------

CREATE TABLE profiles (
    business_id text NOT NULL,
    id          text NOT NULL,
    profile_key bigint GENERATED ALWAYS AS IDENTITY,
    name        text,
    email       text,
    phone       text,
    metadata    json,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (business_id, id),
    UNIQUE (business_id, profile_key)
);
CREATE INDEX profiles_newest ON profiles (business_id, created_at DESC, id DESC);

CREATE TABLE identities (
    business_id text NOT NULL,
    source      text NOT NULL,
    user_id     text NOT NULL,
    profile_key bigint NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (business_id, source, user_id)
);
CREATE INDEX identities_of_profile ON identities (business_id, profile_key);

-- One row a session: minted by a click (click_id is set), issued to a page, or made up by a browser. What is here of a
-- click is all that there is of it but for its raw row: whose activity it is, and where it counts a visitor.
CREATE TABLE sessions (
    business_id text NOT NULL,
    id          text NOT NULL,
    profile_key bigint,      -- whose it is; from a click on a recipient's link, or by the first claim
    click_id    uuid,
    clicked_at  timestamptz,
    link_created_at timestamptz,
    link        text,
    campaign    text,
    journey     text,
    message     text,
    is_clicked_by_recipient boolean NOT NULL DEFAULT false, -- then no claim can change profile_key
    created_at  timestamptz NOT NULL,
    origin      text,        -- of the click: verdict, template, device, browser, os, country, language, referring host
    -- Where its visitor had clicked nothing before it: 1 the business, 2 the campaign, 4 the journey, 8 the message, 16 the
    -- link; times 32 where nothing on links of their own. What is nobody's is a visitor by itself.
    firsts      smallint NOT NULL DEFAULT 0,
    PRIMARY KEY (business_id, id)
);
CREATE INDEX sessions_of_profile ON sessions (business_id, profile_key, clicked_at DESC, click_id DESC)
    WHERE profile_key IS NOT NULL;
-- The few that a person's new click is compared with.
CREATE INDEX sessions_first ON sessions (business_id, profile_key) WHERE firsts > 0;
-- The latest clicks of a campaign or journey. Nothing belongs to both, so that a click has one entry; in one index, those
-- of a campaign would stand between those of a journey of the same name.
CREATE INDEX sessions_of_campaign ON sessions (business_id, campaign, clicked_at DESC, click_id DESC)
    WHERE click_id IS NOT NULL AND campaign IS NOT NULL;
CREATE INDEX sessions_of_journey ON sessions (business_id, journey, clicked_at DESC, click_id DESC)
    WHERE click_id IS NOT NULL AND journey IS NOT NULL;

-- The clicks that minted sessions, as activities.
CREATE VIEW click_activities AS
SELECT business_id, click_id AS id, clicked_at AS received_at, clicked_at AS occurred_at, NULL::timestamptz AS tracked_at,
       profile_key, id AS session, 'short_link.clicked' AS action, link, campaign, journey, message, NULL::json AS object,
       NULL::bigint AS amount_minor, NULL::text AS currency, NULL::json AS metadata, NULL::text AS url,
       origin::json ->> 0 AS verdict, origin::json ->> 2 AS device, origin::json ->> 3 AS browser,
       origin::json ->> 4 AS os, origin::json ->> 5 AS country
FROM sessions
WHERE click_id IS NOT NULL;

-- The first click of each visitor in each scope, any (is_own: false) and on links of their own; a visitor is 'p' and a
-- profile_key, or 's' and a session.
CREATE VIEW first_clicks AS
SELECT s.business_id, scopes.scope, scopes.scope_id, coalesce('p' || s.profile_key, 's' || s.id) AS visitor, s.clicked_at,
       s.click_id, s.link_created_at, s.origin, s.is_clicked_by_recipient AS is_recipients, owns.is_own
FROM sessions s
CROSS JOIN LATERAL (
    VALUES ('business', '', 1), ('campaign', s.campaign, 2), ('journey', s.journey, 4), ('message', s.message, 8),
           ('link', s.link, 16)) AS scopes (scope, scope_id, bit)
CROSS JOIN (VALUES (false, 1), (true, 32)) AS owns (is_own, factor)
WHERE s.firsts > 0 AND scopes.scope_id IS NOT NULL AND s.firsts & (scopes.bit * owns.factor) <> 0;

-- Who claimed which session when: evidence, never edited but for an earlier time.
CREATE TABLE claims (
    business_id text NOT NULL,
    session     text NOT NULL,
    profile_key bigint NOT NULL,
    kind        text NOT NULL, -- 'event', 'identification', 'attachment'
    received_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, session, profile_key, kind)
);
CREATE INDEX claims_of_profile ON claims (business_id, profile_key);

-- Erased people, by the SHA-256 of their profiles' ids: what arrives late for such an id is recorded as nobody's. Nothing
-- leads from here to a surrogate, and so to the rows that stay.
CREATE TABLE tombstones (
    business_id  text NOT NULL,
    profile_hash bytea NOT NULL,
    erased_at    timestamptz NOT NULL,
    PRIMARY KEY (business_id, profile_hash)
);

-- Erasures that are not through yet: a transaction that read the profile before it was gone may still write rows.
CREATE TABLE erasures (
    business_id  text NOT NULL,
    profile_key  bigint NOT NULL,
    committed_by timestamptz, -- a time behind the commit of the erasure; null: not looked at yet
    PRIMARY KEY (business_id, profile_key)
);

-- Links that the shortener still has to take their recipient from.
CREATE TABLE detachments (
    business_id text NOT NULL,
    link        text NOT NULL,
    next_try_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (business_id, link)
);
CREATE INDEX detachments_next ON detachments (next_try_at);

-- Links ----------------------------------------------------------------------

-- The second copy of each link: what listings read and a lost Redis is rebuilt from.
CREATE TABLE links (
    business_id text NOT NULL,
    id          text NOT NULL,
    template    text NOT NULL,
    campaign    text,
    journey     text,
    message     text,
    profile_key bigint,
    revision    bigint NOT NULL,
    link        bytea NOT NULL, -- clicktrail.shortener.v1.Link
    created_at  timestamptz NOT NULL,
    origin_template text, -- the template that it was created from, where a change gave it another one
    detached_id text, -- stands for the external id of a link that its recipient was taken from; '' where it had none
    kept_at     timestamptz NOT NULL DEFAULT clock_timestamp(), -- when this copy was written
    PRIMARY KEY (business_id, id)
);
-- Across all businesses: a restore reads every link, those last that were kept while it was under way.
CREATE INDEX links_kept ON links (kept_at, business_id, id);
CREATE INDEX links_newest ON links (business_id, created_at DESC, id DESC);
CREATE INDEX links_of_campaign ON links (business_id, campaign, created_at DESC, id DESC) WHERE campaign IS NOT NULL;
CREATE INDEX links_of_journey ON links (business_id, journey, created_at DESC, id DESC) WHERE journey IS NOT NULL;
CREATE INDEX links_of_profile ON links (business_id, profile_key, created_at DESC, id DESC) WHERE profile_key IS NOT NULL;

-- What codes are derived from external ids with: without it, a repeated creation would give a second link. One row.
CREATE TABLE installation (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    secret  bytea NOT NULL
);

-- The second copy of each custom domain; the name alone is the key, since a domain is one business's.
CREATE TABLE domains (
    name         text PRIMARY KEY,
    business_id  text NOT NULL,
    fallback_url text NOT NULL DEFAULT '',
    revision     bigint NOT NULL,
    is_removed   boolean NOT NULL
);

-- Raw rows, in partitions by the time that our edge saw ------------------------

CREATE TABLE clicks (
    business_id     text NOT NULL,
    clicked_at      timestamptz NOT NULL,
    id              uuid NOT NULL,
    link            text NOT NULL,
    template        text NOT NULL,
    campaign        text,
    journey         text,
    message         text,
    profile_key     bigint,
    session         text,
    link_created_at timestamptz NOT NULL,
    verdict         text NOT NULL,
    verdict_reason  text NOT NULL,
    rules_version   integer NOT NULL,
    host            text NOT NULL,
    query           text NOT NULL,
    address         text NOT NULL,
    user_agent      text NOT NULL,
    referrer        text NOT NULL,
    accept_language text NOT NULL,
    source          text NOT NULL,
    device          text NOT NULL, -- derived when it was taken in, likewise those below; nothing that tells of a person
    browser         text NOT NULL,
    os              text NOT NULL,
    country         text NOT NULL,
    language        text NOT NULL,
    referring_host  text NOT NULL,
    PRIMARY KEY (business_id, clicked_at, id)
) PARTITION BY RANGE (clicked_at);

CREATE TABLE events (
    business_id  text NOT NULL,
    received_at  timestamptz NOT NULL,
    id           uuid NOT NULL,
    action       text NOT NULL,
    session      text,
    profile_key  bigint,
    credential   text NOT NULL, -- 'public' or 'private'
    occurred_at  timestamptz NOT NULL, -- tracked_at, but never later than received_at
    tracked_at   timestamptz,   -- null where the sender said nothing
    object_id    uuid,
    amount_minor bigint,
    currency     text,
    metadata     json,
    user_parameters json,
    page         json,
    utm_params   json,
    extra        json,
    address      text NOT NULL,
    user_agent   text NOT NULL,
    PRIMARY KEY (business_id, received_at, id)
) PARTITION BY RANGE (received_at);

-- Catches what a wildly wrong clock brings, so that nothing is refused for it.
CREATE TABLE clicks_default PARTITION OF clicks DEFAULT;
CREATE TABLE events_default PARTITION OF events DEFAULT;

-- Makes the monthly partitions of a table that cover a range, where they are not there yet, and says how many it made.
-- Rows of a month that the default partition has caught move along: as long as they stayed, it could not be made.
CREATE FUNCTION make_partitions(parent text, time_column text, from_time timestamptz, to_time timestamptz)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    month timestamp := date_trunc('month', from_time AT TIME ZONE 'UTC');
    lower_bound timestamptz;
    upper_bound timestamptz;
    partition text;
    made integer := 0;
BEGIN
    WHILE month <= to_time AT TIME ZONE 'UTC' LOOP
        partition := parent || to_char(month, '_YYYY_MM');
        lower_bound := month AT TIME ZONE 'UTC';
        month := month + interval '1 month';
        upper_bound := month AT TIME ZONE 'UTC';
        CONTINUE WHEN to_regclass(partition) IS NOT NULL;
        -- One maker at a time, and nobody writes there meanwhile; the other partitions stay open to writers.
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', parent || '_default');
        CONTINUE WHEN to_regclass(partition) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', partition, parent);
        EXECUTE format(
            'WITH moved AS (DELETE FROM %I WHERE %I >= %L AND %I < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
            parent || '_default', time_column, lower_bound, time_column, upper_bound, partition);
        EXECUTE format(
            'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            parent, partition, lower_bound, upper_bound);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

-- The one deduplication of events, for as long as they are kept; not partitioned, so that a key is one event for ever.
-- Inserting here is the first statement of an event's transaction and decides. id is the event's id, which is derived
-- from the sender's key where there is one; event_id differs from it only where an order action was there already.
CREATE TABLE event_keys (
    business_id text NOT NULL,
    id          uuid NOT NULL,
    event_id    uuid NOT NULL,
    received_at timestamptz NOT NULL, -- the event's: tells its partition
    fingerprint bytea NOT NULL,       -- SHA-256 of what was sent, without key, transport and credential
    PRIMARY KEY (business_id, id)
);

-- One order has each order action once by each class of credential: what a page said stays, as evidence, where a private
-- token says it too. The order's object id stands for its (source, reference), being derived from it.
CREATE TABLE order_actions (
    business_id text NOT NULL,
    object_id   uuid NOT NULL,
    action      text NOT NULL,
    is_private  boolean NOT NULL,
    event_id    uuid NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, object_id, action, is_private)
);

-- Which order each refund names, whether or not the order is known.
CREATE TABLE order_refunds (
    business_id text NOT NULL,
    event_id    uuid NOT NULL,
    order_id    uuid NOT NULL, -- the order's object id
    received_at timestamptz NOT NULL, -- the refund's
    PRIMARY KEY (business_id, event_id)
);
CREATE INDEX order_refunds_of_order ON order_refunds (business_id, order_id);

-- What events are about: products, orders, coupons; found again by (type, source, reference).
CREATE TABLE objects (
    business_id text NOT NULL,
    id          uuid NOT NULL, -- derived from (business, type, source, reference), or from the event where it has none
    type        text NOT NULL,
    source      text NOT NULL DEFAULT '',
    reference   text,
    data        json NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (business_id, id)
);
CREATE UNIQUE INDEX objects_reference ON objects (business_id, type, source, reference) WHERE reference IS NOT NULL;

-- What was taken in and then could not be stored: kept with its reason, to be looked at by a person.
CREATE TABLE rejected (
    business_id text NOT NULL,
    id          bigint GENERATED ALWAYS AS IDENTITY,
    kind        text NOT NULL,  -- 'event', 'click', 'link', 'session'
    item        text NOT NULL,  -- its id
    content     bytea NOT NULL, -- the serialized message, as it was taken in
    reason      text NOT NULL,
    profile_hashes text[] NOT NULL, -- the SHA-256, in hex, of each profile's id in it: erasing a person removes it
    session     text,           -- the session in it, for the same reason
    rejected_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (business_id, id)
);
CREATE INDEX rejected_newest ON rejected (id);
CREATE INDEX rejected_of_profile ON rejected USING gin (profile_hashes);
CREATE INDEX rejected_of_session ON rejected (business_id, session) WHERE session IS NOT NULL;
-- A delivery that comes twice is rejected once.
CREATE UNIQUE INDEX rejected_item ON rejected (business_id, kind, item, md5(content));

-- Projections ------------------------------------------------------------------

-- What a person did, newest first, in one index scan; also of sessions that are nobody's yet. Of clicks only those that
-- minted no session, such as previews of a recipient's link: for all others see sessions.
CREATE TABLE activities (
    business_id  text NOT NULL,
    id           uuid NOT NULL, -- the click's or event's
    received_at  timestamptz NOT NULL, -- with it, finds the raw row
    occurred_at  timestamptz NOT NULL,
    tracked_at   timestamptz,
    profile_key  bigint,
    session      text,
    action       text NOT NULL,
    link         text,
    campaign     text,
    journey      text,
    message      text,
    object       json, -- {"id", "type", …data}
    amount_minor bigint,
    currency     text,
    metadata     json,
    url          text,
    verdict      text,
    device       text,
    browser      text,
    os           text,
    country      text,
    PRIMARY KEY (business_id, id)
);
CREATE INDEX activities_of_profile ON activities (business_id, profile_key, occurred_at DESC, id DESC) WHERE profile_key IS NOT NULL;
CREATE INDEX activities_of_session ON activities (business_id, session, occurred_at DESC, id DESC) WHERE session IS NOT NULL;
-- What happened last in a campaign or journey.
CREATE INDEX activities_of_campaign ON activities (business_id, campaign, occurred_at DESC, id DESC)
    WHERE campaign IS NOT NULL;
CREATE INDEX activities_of_journey ON activities (business_id, journey, occurred_at DESC, id DESC)
    WHERE journey IS NOT NULL;

-- Counters are kept for scopes: ('business', ''), ('campaign', id), ('journey', id), ('message', id), ('link', id),
-- in buckets of a quarter of an hour, the smallest step in which time zones differ. A second time for the scopes
-- ('business cohort', ''), ('campaign cohort', id), ('journey cohort', id), ('message cohort', id), in the bucket of the
-- creation of the link clicked. A link has one date of creation, so that its cohort is all that it has. Links of
-- recipients have their counters in link_counts.

CREATE TABLE click_counts (
    business_id     text NOT NULL,
    scope           text NOT NULL,
    scope_id        text NOT NULL,
    bucket          timestamptz NOT NULL,
    clicks          bigint NOT NULL DEFAULT 0, -- human ones
    unique_clickers bigint NOT NULL DEFAULT 0, -- visitors whose first click here lies in the bucket
    bot_hits        bigint NOT NULL DEFAULT 0, -- all others
    sessions        bigint NOT NULL DEFAULT 0, -- those minted by its clicks
    seconds_to_click numeric(40, 0) NOT NULL DEFAULT 0, -- of its visitors, from their link to their first click, whole each
    clicked_recipients bigint NOT NULL DEFAULT 0, -- recipients whose first click here on a link of their own lies in it
    PRIMARY KEY (business_id, scope, scope_id, bucket)
);

CREATE TABLE breakdown_counts (
    business_id     text NOT NULL,
    scope           text NOT NULL,
    scope_id        text NOT NULL,
    bucket          timestamptz NOT NULL,
    -- 'verdict' of all hits; of human ones 'link' (its template), 'device', 'browser', 'os', 'country', 'language',
    -- 'referrer'. All are counted a second time by whole days of UTC, for scopes named 'campaign day', 'business cohort day' …
    dimension       text NOT NULL,
    value           text NOT NULL,
    clicks          bigint NOT NULL DEFAULT 0, -- hits that have the value
    unique_clickers bigint NOT NULL DEFAULT 0, -- visitors whose first click here has it
    PRIMARY KEY (business_id, scope, scope_id, bucket, dimension, value)
);

CREATE TABLE event_counts (
    business_id text NOT NULL,
    scope       text NOT NULL,
    scope_id    text NOT NULL,
    bucket      timestamptz NOT NULL,
    action      text NOT NULL,
    currency    text NOT NULL DEFAULT '', -- '' where nothing was earned
    events      bigint NOT NULL DEFAULT 0,
    conversions bigint NOT NULL DEFAULT 0,
    revenue     numeric(40, 0) NOT NULL DEFAULT 0, -- minor units, less what was taken back
    taken_back  numeric(40, 0) NOT NULL DEFAULT 0, -- what refunds and cancellations took back
    conversions_led bigint NOT NULL DEFAULT 0, -- the conversions that a click led to
    seconds_to_conversion numeric(40, 0) NOT NULL DEFAULT 0, -- from those clicks to those conversions, whole seconds each
    PRIMARY KEY (business_id, scope, scope_id, bucket, action, currency)
);

-- The counters of recipients' links, by where the clicks came from: such a link is clicked a few times, so that a row for
-- each value of each dimension would be nearly all that is written.
CREATE TABLE link_counts (
    business_id     text NOT NULL,
    link            text NOT NULL,
    bucket          timestamptz NOT NULL,
    origin          text NOT NULL, -- as in sessions
    clicks          integer NOT NULL DEFAULT 0,
    unique_clickers integer NOT NULL DEFAULT 0,
    bot_hits        integer NOT NULL DEFAULT 0,
    sessions        integer NOT NULL DEFAULT 0,
    seconds_to_click bigint NOT NULL DEFAULT 0,
    clicked_recipients integer NOT NULL DEFAULT 0,
    PRIMARY KEY (business_id, link, bucket, origin)
);

-- Both kinds of counters as one: what is read of a scope that may be a recipient's link.
CREATE VIEW all_click_counts AS
SELECT * FROM click_counts
UNION ALL
SELECT business_id, 'link', link, bucket, sum(clicks), sum(unique_clickers), sum(bot_hits), sum(sessions),
       sum(seconds_to_click), sum(clicked_recipients)
FROM link_counts
GROUP BY business_id, link, bucket;

-- The origins of recipients' links stand in the dimension 'packed'.
CREATE VIEW all_breakdown_counts AS
SELECT * FROM breakdown_counts
UNION ALL
SELECT business_id, 'link', link, bucket, 'packed', origin, clicks + bot_hits, unique_clickers FROM link_counts;

-- Distinct profiles with a link in a scope, and how many.
CREATE TABLE recipients (
    business_id text NOT NULL,
    scope       text NOT NULL,
    scope_id    text NOT NULL,
    profile_key bigint NOT NULL,
    PRIMARY KEY (business_id, scope, scope_id, profile_key)
);
CREATE TABLE recipient_counts (
    business_id text NOT NULL,
    scope       text NOT NULL,
    scope_id    text NOT NULL,
    recipients  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (business_id, scope, scope_id)
);

-- How often the counters of a business have changed: tells those who watch a report when to read it again.
CREATE TABLE report_versions (
    business_id text PRIMARY KEY,
    version     bigint NOT NULL
);

-- Attribution --------------------------------------------------------------------

-- What each event is credited to: entries are appended, never edited. The sum of an event's entries is the present truth.
CREATE TABLE credits (
    business_id   text NOT NULL,
    event_id      uuid NOT NULL,
    entry         integer NOT NULL, -- 1, 2, 3 … of this event
    sign          smallint NOT NULL CHECK (sign IN (-1, 1)), -- -1 takes an earlier entry back
    click_id      uuid, -- null: credited to no click, counted for the business alone
    clicked_at    timestamptz,
    link_created_at timestamptz,
    link          text,
    campaign      text,
    journey       text,
    message       text,
    action        text NOT NULL,
    occurred_at   timestamptz NOT NULL,
    conversions   smallint NOT NULL,
    revenue_minor bigint, -- below zero where the event takes back; null where it earns nothing
    currency      text,
    rules_version integer NOT NULL,
    decided_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (business_id, event_id, entry)
);

-- The sources that a business's links bring, in lower case: `utm_source` of the link and of its destination.
CREATE TABLE own_sources (
    business_id text NOT NULL,
    source      text NOT NULL,
    PRIMARY KEY (business_id, source)
);

-- Changes that concern many events of a business: a worker goes through its activities, piece by piece, and marks the
-- visitors concerned.
CREATE TABLE sweeps (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    business_id text NOT NULL,
    action      text, -- only events of this action; null: of all
    needle      text, -- only events whose UTM parameters hold this text; null: all
    position    uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000' -- the activity looked at last
);

-- Visitors whose events must be decided again: written with each click, event and claim, taken by a worker.
-- Rows are inserted and deleted, and changed only where they were put aside, so that writers never wait for one another.
CREATE TABLE dirty_visitors (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    business_id text NOT NULL,
    session     text,
    profile_key bigint,
    persons     bigint[], -- in place of session and profile_key: many people, of whom few have any event
    since       timestamptz, -- only events that occurred from then on are concerned; null: all
    marked_at   timestamptz NOT NULL DEFAULT now(),
    attempts    integer NOT NULL DEFAULT 0, -- how often it failed alone; from the first time on it is put aside
    next_try_at timestamptz -- when one that was put aside is tried again
);
CREATE INDEX dirty_visitors_put_aside ON dirty_visitors (next_try_at) WHERE attempts > 0;
CREATE INDEX dirty_visitors_many ON dirty_visitors (id) WHERE persons IS NOT NULL;
