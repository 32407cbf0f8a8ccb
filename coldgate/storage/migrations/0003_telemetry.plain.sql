-- Messages and readings as native range partitions by month, made ahead of time.

CREATE TABLE message (
    id bigint NOT NULL,
    stream_id integer NOT NULL,
    number bigint NOT NULL,
    received_at timestamptz NOT NULL,
    signed boolean NOT NULL,
    payload bytea NOT NULL
) PARTITION BY RANGE (received_at);
ALTER TABLE message ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE INDEX message_by_id ON message (id);
CREATE INDEX message_by_number ON message (stream_id, number);

CREATE TABLE reading (
    channel_id integer NOT NULL,
    taken_at timestamptz NOT NULL,
    value integer NOT NULL,  -- thousandths of the unit
    flags smallint NOT NULL,
    sequence bigint NOT NULL,
    message_id bigint NOT NULL,
    PRIMARY KEY (channel_id, taken_at)
) PARTITION BY RANGE (taken_at);

-- Makes the monthly partitions of one table that cover [first, last]; those that exist are kept.
-- ATTACH lets readers and writers of the other partitions go on.
CREATE FUNCTION make_partitions(parent text, first timestamptz, last timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    lower_bound timestamptz := date_trunc('month', first, 'UTC');
    upper_bound timestamptz;
    child text;
    made integer := 0;
BEGIN
    IF parent NOT IN ('message', 'reading') THEN
        RAISE EXCEPTION 'no partitioned table %', parent;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('coldgate.partitions'));
    WHILE lower_bound <= last LOOP
        upper_bound := ((lower_bound AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
        child := parent || to_char(lower_bound AT TIME ZONE 'UTC', '_YYYY_MM');
        IF to_regclass('public.' || child) IS NULL THEN
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING STORAGE)', child, parent);
            PERFORM refuse_truncate(child::regclass);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                           parent, child, lower_bound, upper_bound);
            made := made + 1;
        END IF;
        lower_bound := upper_bound;
    END LOOP;
    RETURN made;
END
$$;
REVOKE EXECUTE ON FUNCTION make_partitions(text, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION make_partitions(text, timestamptz, timestamptz) TO coldgate_ingest;

SELECT make_append_only('message');
SELECT make_append_only('reading');
