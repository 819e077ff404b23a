-- How many requests gateways refused, by what they asked for. A gateway tells each count anew until its quarter is over.
CREATE TABLE refused_requests (
    business_id text NOT NULL REFERENCES businesses,
    quarter timestamptz NOT NULL,
    kind text NOT NULL,
    is_private boolean NOT NULL,
    gateway text NOT NULL,
    requests bigint NOT NULL CHECK (requests > 0),
    PRIMARY KEY (business_id, quarter, kind, is_private, gateway)
);
