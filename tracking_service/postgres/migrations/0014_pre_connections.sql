-- Connections to shops. Additions alone: older code knows of none.
CREATE TABLE connections (
    id                text PRIMARY KEY,           -- 128 random bits in hex: its hook's address is found by nobody else
    business_id       text NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    platform          text NOT NULL,
    source            text NOT NULL,
    name              text,                       -- null: not named
    mapping           text,                       -- the JSON of a generic one, as it was sent
    secret            bytea NOT NULL,             -- encrypted by the key ring, as is the one before
    previous_secret   bytea,
    previous_until    timestamptz,                -- so long the one before is taken too
    is_enabled        boolean NOT NULL DEFAULT true,
    created_at        timestamptz NOT NULL
);
CREATE INDEX connections_of_business ON connections (business_id, created_at, id);
