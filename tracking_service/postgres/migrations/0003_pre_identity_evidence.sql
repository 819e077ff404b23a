-- Who somebody is, decided from evidence. Additions alone: older code goes on writing claims and identities without a
-- basis, which count as what pages said.

-- What a business proves ids with: the key of `user_hash`, and since when what is unproved is evidence only.
ALTER TABLE businesses ADD COLUMN identity_secret text, ADD COLUMN proved_from timestamptz;

-- Made from what pages said alone, and changed by nobody else.
ALTER TABLE profiles ADD COLUMN is_page boolean NOT NULL DEFAULT false;

-- Why an id is whose it is: 'named', 'recipient' or 'page'. Null: from before, or by older code.
ALTER TABLE identities ADD COLUMN basis text;

-- Identities with their basis: one from before was given by a page where an identification of its time is kept.
CREATE VIEW identity_holders AS
SELECT business_id, source, user_id, profile_key, created_at,
       coalesce(basis, CASE WHEN EXISTS (
           SELECT FROM claims c
           WHERE c.business_id = i.business_id AND c.profile_key = i.profile_key AND c.kind = 'identification'
             AND c.received_at = i.created_at) THEN 'page' ELSE 'named' END) AS basis,
       basis IS NULL AS is_older
FROM identities i;

-- That the visitor of a session has an id in another system: never edited but for an earlier time.
CREATE TABLE identity_evidence (
    business_id     text NOT NULL,
    session         text NOT NULL,
    source          text NOT NULL,
    user_id         text NOT NULL,
    strength        text NOT NULL,             -- 'page', 'platform' or 'proved'
    email_hash      bytea NOT NULL DEFAULT '', -- of what was said with it, as it is compared; empty: nothing
    phone_hash      bytea NOT NULL DEFAULT '',
    earlier_session text NOT NULL DEFAULT '',  -- what the browser had before an address brought it this one
    said_at         timestamptz NOT NULL,
    PRIMARY KEY (business_id, session, source, user_id, strength, email_hash, phone_hash, earlier_session)
);
-- The first of a session: proved ones before the others.
CREATE INDEX identity_evidence_in_order ON identity_evidence (
    business_id, session, (strength <> 'proved'), said_at, source, user_id);
CREATE INDEX identity_evidence_of_identity ON identity_evidence (business_id, source, user_id, session);
CREATE INDEX identity_evidence_of_earlier ON identity_evidence (
    business_id, earlier_session, (strength <> 'proved'), said_at, source, user_id) WHERE earlier_session <> '';

-- That a private token gave an id to a profile, or took it from there.
CREATE TABLE identity_namings (
    business_id text NOT NULL,
    source      text NOT NULL,
    user_id     text NOT NULL,
    position    bigint GENERATED ALWAYS AS IDENTITY,
    profile_key bigint NOT NULL,
    is_release  boolean NOT NULL,
    said_at     timestamptz NOT NULL,
    PRIMARY KEY (business_id, source, user_id, position)
);
CREATE INDEX identity_namings_of_profile ON identity_namings (business_id, profile_key);

-- What was said of the people behind ids, the first of each: fills page profiles, and of what is proved those named.
CREATE TABLE identity_attributes (
    business_id text NOT NULL,
    source      text NOT NULL,
    user_id     text NOT NULL,
    attribute   text NOT NULL, -- 'name', 'email' or 'phone'
    is_proved   boolean NOT NULL,
    value       text NOT NULL,
    said_at     timestamptz NOT NULL,
    PRIMARY KEY (business_id, source, user_id, attribute, is_proved)
);

-- Ids of erased people, by their hashes: what was said of them before that, and arrives late, is nobody's.
CREATE TABLE identity_tombstones (
    business_id   text NOT NULL,
    identity_hash bytea NOT NULL,
    erased_at     timestamptz NOT NULL,
    PRIMARY KEY (business_id, identity_hash)
);

-- What is to be decided again: a session or an id, each perhaps with whose it was before, or, where there is neither, all
-- ids said in the sessions of the recipient profile_key.
-- Like `dirty_visitors`, inserted and deleted, and changed only where it was put aside.
CREATE TABLE dirty_identities (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    business_id text NOT NULL,
    session     text,
    source      text,
    user_id     text,
    profile_key bigint,
    marked_at   timestamptz NOT NULL DEFAULT now(),
    attempts    integer NOT NULL DEFAULT 0,
    next_try_at timestamptz
);
CREATE INDEX dirty_identities_put_aside ON dirty_identities (next_try_at) WHERE attempts > 0;
