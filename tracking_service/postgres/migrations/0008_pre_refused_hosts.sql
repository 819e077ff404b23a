-- The second copies of the hosts that no link may lead to, and when the owner of a domain proved that it is its own.
CREATE TABLE refused_hosts (
    name       text PRIMARY KEY,
    reason     text NOT NULL DEFAULT '',
    refused_at timestamptz NOT NULL,
    revision   bigint NOT NULL,
    is_removed boolean NOT NULL
);
ALTER TABLE domains ADD COLUMN verified_at timestamptz;
