-- Whether a transaction of this database began before a time and goes on. PostgreSQL shows a role those of its own alone:
-- this looks with the rights of the owner, beside which the service looks with its own.
CREATE FUNCTION has_transaction_before(moment timestamptz)
RETURNS boolean LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start <= moment)
$$;
