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
    disabled_reason   text,                       -- why, where the platform ended it
    created_at        timestamptz NOT NULL,
    deliveries        bigint NOT NULL DEFAULT 0,  -- kept ones
    refused           bigint NOT NULL DEFAULT 0,  -- those with a wrong signature
    last_delivery_at  timestamptz
);
CREATE INDEX connections_of_business ON connections (business_id, created_at, id);

-- What shops' platforms sent, as it came. Bodies may tell of people: they are emptied where one of those is erased.
CREATE TABLE inbox (
    id            uuid NOT NULL,
    business_id   text NOT NULL,
    connection_id text NOT NULL,
    received_at   timestamptz NOT NULL,
    topic         text NOT NULL,                  -- what the platform calls it; '' where it does not say
    headers       text NOT NULL,                  -- a JSON object
    query         text NOT NULL,                  -- a JSON object
    body          bytea NOT NULL,                 -- empty once a person in it was erased
    people        bytea[] NOT NULL,               -- hashes of ids, e-mail addresses and phone numbers in it
    outcome       text NOT NULL DEFAULT 'waiting',
    events        uuid[] NOT NULL DEFAULT '{}',
    reason        text,                           -- of what is ignored or refused
    attempts      integer NOT NULL DEFAULT 0,
    retry_at      timestamptz NOT NULL,           -- of what waits: not before
    PRIMARY KEY (received_at, id)
) PARTITION BY RANGE (received_at);
CREATE TABLE inbox_default PARTITION OF inbox DEFAULT;
CREATE INDEX inbox_of_connection ON inbox (business_id, connection_id, received_at, id);
CREATE INDEX inbox_waiting ON inbox (retry_at) WHERE outcome = 'waiting';
CREATE INDEX inbox_people ON inbox USING gin (people);

-- The months of that table are made as those of the others are.
DO $$
BEGIN
    EXECUTE replace(
        pg_get_functiondef('make_partitions(text, text, timestamptz, timestamptz)'::regprocedure),
        $q$('events', 'received_at')$q$, $q$('events', 'received_at'), ('inbox', 'received_at')$q$);
END
$$;

-- Drops the monthly partitions of a table that hold nothing from a time on, and such rows of the default one; returns how
-- many partitions there were. With the owner's rights, as make_partitions is: so it knows its table, and spares what is
-- younger than a week.
CREATE FUNCTION drop_partitions(parent text, before timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    old record;
    dropped integer := 0;
BEGIN
    IF parent <> 'inbox' OR before > now() - interval '7 days' THEN
        RAISE invalid_parameter_value USING MESSAGE = format('nothing of %s is dropped before %s', parent, before);
    END IF;
    FOR old IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = parent::regclass AND c.relname ~ ('^' || parent || '_\d{4}_\d{2}$')
            AND (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC' <= before
        ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE %I', old.relname);
        dropped := dropped + 1;
    END LOOP;
    EXECUTE format('DELETE FROM %I WHERE received_at < %L', parent || '_default', before);
    RETURN dropped;
END
$$;
DO $$
BEGIN
    EXECUTE format(
        'ALTER FUNCTION drop_partitions(text, timestamptz) SET search_path = %I, pg_temp', current_schema());
END
$$;
REVOKE ALL ON FUNCTION drop_partitions(text, timestamptz) FROM PUBLIC;
