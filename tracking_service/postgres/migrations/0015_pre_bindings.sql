-- Which session an order is in that a platform tells, and whose it is. Additions alone: older code tells of no platform.

-- Which session a checkout or a cart belongs to, as a page says.
CREATE TABLE token_bindings (
    business_id text NOT NULL,
    token_hash  bytea NOT NULL, -- SHA-256 of the source and the token: whoever reads it can open no checkout
    session     text NOT NULL,
    bound_at    timestamptz NOT NULL,
    PRIMARY KEY (business_id, token_hash)
);
CREATE INDEX token_bindings_of_session ON token_bindings (business_id, session);

-- What tells the session of an order: one that its platform names, or a token that is bound to one, or will be. The lowest
-- rank counts. An order has a session of its own besides, which no visitor can use.
CREATE TABLE order_clues (
    business_id   text NOT NULL,
    order_session text NOT NULL,
    session       text NOT NULL,  -- '' for a token
    token_hash    bytea NOT NULL, -- empty for a session
    rank          smallint NOT NULL,
    said_at       timestamptz NOT NULL,
    PRIMARY KEY (business_id, order_session, session, token_hash)
);
CREATE INDEX order_clues_of_token ON order_clues (business_id, token_hash, order_session) WHERE token_hash <> '';

-- Orders that name who ordered, each with the session that it is in now, and what was told first of how that person can be
-- reached, as hashes.
CREATE TABLE told_orders (
    business_id   text NOT NULL,
    order_session text NOT NULL,
    session       text NOT NULL,
    email_hash    bytea NOT NULL DEFAULT '', -- empty: not told
    phone_hash    bytea NOT NULL DEFAULT '',
    contact_at    timestamptz NOT NULL,
    PRIMARY KEY (business_id, order_session)
);
CREATE INDEX told_orders_of_session ON told_orders (business_id, session);

-- The events that told of them.
CREATE TABLE told_order_events (
    business_id   text NOT NULL,
    order_session text NOT NULL,
    event_id      uuid NOT NULL,
    received_at   timestamptz NOT NULL, -- the event's: tells its partition
    PRIMARY KEY (business_id, order_session, event_id)
);

-- Whether whose it is was said with it, so that it does not go where its session goes.
ALTER TABLE activities ADD COLUMN is_own_person boolean NOT NULL DEFAULT false;

-- Who is reached by an address, and by a number that ends so.
CREATE INDEX profiles_of_email ON profiles (business_id, lower(btrim(email))) WHERE email IS NOT NULL;
CREATE INDEX profiles_of_phone ON profiles (business_id, right(regexp_replace(phone, '[^0-9]', '', 'g'), 7))
    WHERE phone IS NOT NULL;
