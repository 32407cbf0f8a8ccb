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

CREATE TRIGGER message_is_append_only BEFORE UPDATE OR DELETE ON message
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER reading_is_append_only BEFORE UPDATE OR DELETE ON reading
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
