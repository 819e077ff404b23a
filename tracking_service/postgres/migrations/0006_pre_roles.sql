-- Partitions are made with the rights of the tables' owner, so that the service needs none over tables. The name and what
-- it takes stay: older code calls it as the owner.

-- Makes the monthly partitions of a table that cover a range, where they are not there yet, and says how many it made.
-- Rows of a month that the default partition has caught move along: as long as they stayed, it could not be made.
-- Who does not own the tables gets only months that rows of now may belong to.
CREATE OR REPLACE FUNCTION make_partitions(
    parent text, time_column text, from_time timestamptz, to_time timestamptz)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    month timestamp := date_trunc('month', from_time AT TIME ZONE 'UTC');
    lower_bound timestamptz;
    upper_bound timestamptz;
    partition text;
    made integer := 0;
BEGIN
    IF (parent, time_column) NOT IN (('clicks', 'clicked_at'), ('events', 'received_at')) THEN
        RAISE invalid_parameter_value USING MESSAGE = format('%s has no partitions by %s', parent, time_column);
    END IF;
    IF NOT pg_has_role(session_user, current_user, 'USAGE')
        AND NOT (from_time > now() - interval '2 years' AND to_time < now() + interval '1 year') THEN
        RAISE invalid_parameter_value USING MESSAGE = 'no rows of now belong to so early or late a month';
    END IF;
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

-- Names within it mean what they mean here, whatever its caller has in its search path, temporary tables included.
DO $$
BEGIN
    EXECUTE format(
        'ALTER FUNCTION make_partitions(text, text, timestamptz, timestamptz) SET search_path = %I, pg_temp',
        current_schema());
END
$$;
REVOKE ALL ON FUNCTION make_partitions(text, text, timestamptz, timestamptz) FROM PUBLIC;
