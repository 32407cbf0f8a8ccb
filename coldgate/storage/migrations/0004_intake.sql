-- What ingest keeps beside messages and readings.

CREATE SEQUENCE message_id_seq AS bigint;

-- Position of each gateway stream: which message numbers are committed. `upto` of the
-- acknowledgement is the end of the first range when that starts at 1.
CREATE TABLE stream (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gateway_id integer NOT NULL REFERENCES gateway,
    name text NOT NULL CHECK (length(name) BETWEEN 3 AND 36),
    received int8multirange NOT NULL DEFAULT '{}',
    UNIQUE (gateway_id, name)
);

-- Another value for a reading that is stored already (S4); the first one stays in `reading`.
CREATE TABLE conflict (
    channel_id integer NOT NULL REFERENCES channel,
    taken_at timestamptz NOT NULL,
    value integer NOT NULL,
    flags smallint NOT NULL,
    sequence bigint NOT NULL,
    message_id bigint NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (channel_id, taken_at, value, flags)
);

-- What could not be taken, with its bytes and the reason.
CREATE TABLE quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL,
    topic text NOT NULL,
    sender text NOT NULL,  -- gateway by the topic, '' where the topic names none
    code text NOT NULL,
    problem text NOT NULL,
    serial text NOT NULL,  -- logger whose block was refused, '' for the whole message
    sha256 bytea NOT NULL,
    payload bytea NOT NULL,
    UNIQUE (sha256, topic, code, serial)
);
CREATE INDEX quarantine_by_sender ON quarantine (sender, received_at);

-- Clock of a logger beside the gateway's (S3).
CREATE TABLE clock_pair (
    logger_id integer NOT NULL REFERENCES logger,
    logger_ms bigint NOT NULL,
    gateway_ms bigint NOT NULL,
    message_id bigint NOT NULL,
    PRIMARY KEY (logger_id, logger_ms, gateway_ms)
);

SELECT make_append_only('conflict');
SELECT make_append_only('quarantine');
SELECT make_append_only('clock_pair');

GRANT SELECT, INSERT ON message, reading, conflict, quarantine, clock_pair TO coldgate_ingest;
GRANT USAGE ON SEQUENCE message_id_seq TO coldgate_ingest;
GRANT SELECT, INSERT, UPDATE ON stream TO coldgate_ingest;
GRANT SELECT ON message, reading, conflict, clock_pair TO coldgate_analytics;
GRANT SELECT ON message, reading, conflict, quarantine, clock_pair, stream TO coldgate_api;
