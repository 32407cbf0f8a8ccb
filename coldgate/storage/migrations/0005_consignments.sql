-- One transport: its lines, legs, loggers and events.

CREATE TABLE consignment (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9-]{2,31}$'),
    consignor_id text NOT NULL REFERENCES party,
    consignee_id text NOT NULL REFERENCES party,
    profile_id text,
    profile_version integer,  -- frozen at dispatch
    created_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (profile_id, profile_version) REFERENCES profile (id, version),
    CHECK ((profile_id IS NULL) = (profile_version IS NULL))
);

CREATE TABLE consignment_line (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consignment_id text NOT NULL REFERENCES consignment,
    position integer NOT NULL CHECK (position > 0),
    product_id text NOT NULL,
    lot_number text NOT NULL,  -- may name a lot that is not registered: the gate says LOT_UNKNOWN
    quantity integer NOT NULL CHECK (quantity > 0),
    zone text NOT NULL DEFAULT 'main',
    sscc text CHECK (sscc ~ '^[0-9]{18}$'),
    state text NOT NULL DEFAULT 'planned',
    UNIQUE (consignment_id, position)
);
CREATE INDEX consignment_line_by_lot ON consignment_line (product_id, lot_number);

CREATE TABLE leg (
    consignment_id text NOT NULL REFERENCES consignment,
    position integer NOT NULL CHECK (position > 0),
    carrier_id text NOT NULL REFERENCES party,
    origin text NOT NULL,
    destination text NOT NULL,
    vehicle text NOT NULL DEFAULT '',
    PRIMARY KEY (consignment_id, position)
);
CREATE INDEX leg_by_carrier ON leg (carrier_id);

-- Planned zones of a consignment stand in its lines; a zone without a placement has no logger.
CREATE TABLE placement (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consignment_id text NOT NULL REFERENCES consignment,
    logger_id integer NOT NULL REFERENCES logger,
    zone text NOT NULL DEFAULT 'main',
    placed_at timestamptz NOT NULL,
    removed_at timestamptz,
    CHECK (removed_at > placed_at)
);
CREATE INDEX placement_by_logger ON placement (logger_id, placed_at);
CREATE INDEX placement_by_consignment ON placement (consignment_id);

CREATE TABLE custody_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consignment_id text NOT NULL REFERENCES consignment,
    kind text NOT NULL CHECK (kind IN
        ('packed', 'departed', 'handed_over', 'arrived', 'received', 'opened')),
    happened_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    party_id text NOT NULL REFERENCES party,
    note text NOT NULL DEFAULT ''
);
CREATE INDEX custody_event_by_consignment ON custody_event (consignment_id, happened_at);

CREATE TABLE line_transition (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    line_id bigint NOT NULL REFERENCES consignment_line,
    from_state text NOT NULL,
    to_state text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);

-- The only place that knows which transitions are legal (4-gate-and-evidence, section 1).
CREATE FUNCTION guard_line_state() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = NEW.state THEN
        RETURN NEW;
    END IF;
    IF (OLD.state, NEW.state) NOT IN (
        ('planned', 'in_transit'), ('in_transit', 'quarantined'), ('quarantined', 'released'),
        ('quarantined', 'rejected'), ('quarantined', 'returned'), ('released', 'revoked'),
        ('revoked', 'quarantined')
    ) THEN
        RAISE EXCEPTION 'line % cannot go from % to %', OLD.position, OLD.state, NEW.state
            USING ERRCODE = 'CG001';
    END IF;
    INSERT INTO line_transition (line_id, from_state, to_state)
        VALUES (OLD.id, OLD.state, NEW.state);
    RETURN NEW;
END
$$;
CREATE TRIGGER line_state_is_guarded BEFORE UPDATE OF state ON consignment_line
    FOR EACH ROW EXECUTE FUNCTION guard_line_state();
SELECT make_append_only('custody_event');
SELECT make_append_only('line_transition');

-- Work for the judge: channels with new readings, consignments whose facts changed. Rows are
-- added by whoever changed something and removed in the transaction that stores the evaluation.
CREATE TABLE touched (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id integer REFERENCES channel,
    consignment_id text REFERENCES consignment,
    first_at timestamptz,  -- of a channel: the time its new readings may concern
    last_at timestamptz,
    touched_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (num_nonnulls(channel_id, consignment_id) = 1),
    CHECK (num_nonnulls(channel_id, first_at, last_at) IN (0, 3))
);
CREATE INDEX touched_by_channel ON touched (channel_id) WHERE channel_id IS NOT NULL;
CREATE INDEX touched_by_consignment ON touched (consignment_id) WHERE consignment_id IS NOT NULL;

GRANT SELECT, INSERT ON touched TO coldgate_ingest, coldgate_api;
GRANT SELECT, DELETE, UPDATE ON touched TO coldgate_analytics;
GRANT SELECT ON consignment, consignment_line, leg, placement, custody_event TO coldgate_analytics;
GRANT UPDATE (created_at) ON consignment TO coldgate_analytics;  -- the right to lock the row
GRANT SELECT, INSERT ON consignment, consignment_line, leg, placement, custody_event,
    line_transition TO coldgate_api;
GRANT UPDATE (profile_id, profile_version) ON consignment TO coldgate_api;
GRANT UPDATE (state) ON consignment_line TO coldgate_api;
GRANT UPDATE (removed_at) ON placement TO coldgate_api;
