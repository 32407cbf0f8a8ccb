-- Messages and readings as hypertables, a week of stamps to the chunk.

CREATE TABLE message (
    id bigint NOT NULL,
    stream_id integer NOT NULL,
    number bigint NOT NULL,
    received_at timestamptz NOT NULL,
    signed boolean NOT NULL,
    payload bytea NOT NULL
);
ALTER TABLE message ALTER COLUMN payload SET STORAGE EXTERNAL;
SELECT create_hypertable('message', by_range('received_at', INTERVAL '7 days'),
                         create_default_indexes => false);
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
);
SELECT create_hypertable('reading', by_range('taken_at', INTERVAL '7 days'),
                         create_default_indexes => false);

SELECT make_append_only('message');
SELECT make_append_only('reading');

-- Chunks are made by the extension, which gives them the triggers for rows only. The migration
-- command calls this each time; a chunk that came later is without it until then.
CREATE FUNCTION guard_chunks() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    chunk regclass;
BEGIN
    FOR chunk IN
        SELECT part FROM unnest(ARRAY['message', 'reading']::regclass[]) AS whole,
            show_chunks(whole) AS part
        WHERE NOT EXISTS (SELECT FROM pg_trigger
                          WHERE tgrelid = part AND tgname = 'truncate_is_refused')
    LOOP
        PERFORM refuse_truncate(chunk);
    END LOOP;
END
$$;
