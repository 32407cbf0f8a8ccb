-- What vouches for the readings: calibrations and ranges of sensors, the ends of logs, and which
-- loggers speak of the goods.

CREATE FUNCTION are_corrections(written jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(written) <> 'array' THEN false ELSE (
        SELECT coalesce(bool_and(coalesce(
            CASE WHEN jsonb_typeof(point) = 'array' AND jsonb_array_length(point) = 2
                  AND jsonb_typeof(point -> 0) = 'number' AND jsonb_typeof(point -> 1) = 'number'
                 THEN (point ->> 0)::numeric % 1 = 0 AND (point ->> 1)::numeric % 1 = 0
                  AND abs((point ->> 0)::numeric) < 2147483648
                  AND abs((point ->> 1)::numeric) < 2147483648
                  AND (before IS NULL OR (before ->> 0)::numeric < (point ->> 0)::numeric)
            END, false)), true)
        FROM (
            SELECT point, lag(point) OVER (ORDER BY place) AS before
            FROM jsonb_array_elements(written) WITH ORDINALITY AS listed (point, place)
        ) AS points
    ) END
$$;

-- One calibration of the sensors of one quantity. A wrong one is corrected by another that
-- supersedes it; from then on only that one counts.
CREATE TABLE certificate (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    logger_id integer NOT NULL REFERENCES logger,
    sensor smallint CHECK (sensor BETWEEN 0 AND 255),  -- NULL: every sensor of the logger
    quantity smallint NOT NULL CHECK (quantity IN (1, 2)),
    number text NOT NULL CHECK (length(number) BETWEEN 1 AND 64),
    valid_from timestamptz NOT NULL,
    valid_to timestamptz NOT NULL,  -- included
    expanded_milli integer NOT NULL CHECK (expanded_milli >= 0),  -- U, k = 2
    resolution_milli integer NOT NULL CHECK (resolution_milli >= 0),
    drift_milli integer NOT NULL CHECK (drift_milli >= 0),
    corrections jsonb NOT NULL CHECK (are_corrections(corrections)),  -- [[reading, to add], …]
    document_sha256 bytea CHECK (length(document_sha256) = 32),
    supersedes bigint UNIQUE,
    entered_by text NOT NULL REFERENCES party,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CHECK (valid_from <= valid_to),
    UNIQUE (id, logger_id),
    FOREIGN KEY (supersedes, logger_id) REFERENCES certificate (id, logger_id),
    UNIQUE NULLS NOT DISTINCT
        (logger_id, sensor, quantity, number, valid_from, entered_by, supersedes)
);

-- What a sensor can measure at all; the newest row of a logger's quantity counts (S5).
CREATE TABLE sensor_range (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    logger_id integer NOT NULL REFERENCES logger,
    quantity smallint NOT NULL CHECK (quantity BETWEEN 1 AND 5),
    low_milli integer NOT NULL,
    high_milli integer NOT NULL,
    entered_by text NOT NULL REFERENCES party,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CHECK (low_milli < high_milli)
);
CREATE INDEX sensor_range_by_logger ON sensor_range (logger_id);

-- Somebody has read off a logger which of its readings was the last one (S29).
CREATE TABLE seal (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consignment_id text NOT NULL REFERENCES consignment,
    logger_id integer NOT NULL REFERENCES logger,
    last_sequence bigint NOT NULL CHECK (last_sequence >= 0),
    declared_by text NOT NULL REFERENCES party,
    declared_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (consignment_id, logger_id, last_sequence)
);

SELECT make_append_only('certificate');
SELECT make_append_only('sensor_range');
SELECT make_append_only('seal');

ALTER TABLE placement
    ADD COLUMN role text NOT NULL DEFAULT 'goods' CHECK (role IN ('goods', 'reference'));

-- A logger is declared to speak of something else than the goods before they leave, or never (S30).
CREATE FUNCTION guard_placement_role() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM consignment_line
               WHERE consignment_id = NEW.consignment_id AND state <> 'planned')
       OR EXISTS (SELECT FROM custody_event
                  WHERE consignment_id = NEW.consignment_id AND kind <> 'packed') THEN
        RAISE EXCEPTION 'a logger cannot become a reference after departure'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER reference_is_placed_before_departure BEFORE INSERT ON placement
    FOR EACH ROW WHEN (NEW.role <> 'goods') EXECUTE FUNCTION guard_placement_role();
CREATE TRIGGER role_changes_before_departure BEFORE UPDATE OF role ON placement
    FOR EACH ROW WHEN (NEW.role <> OLD.role) EXECUTE FUNCTION guard_placement_role();

ALTER TABLE product ADD COLUMN shock_sensitive boolean NOT NULL DEFAULT false;

-- The calibrations and ranges that count for a consignment: a carrier does not vouch for itself,
-- and nobody vouches for the goods of others. It takes the word of the operator, and of a
-- manufacturer for what it sends.
CREATE FUNCTION vouches_for(voucher text, consignor text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM party
        WHERE party.id = voucher
          AND (party.kind = 'operator' OR (party.kind = 'manufacturer' AND voucher = consignor)))
$$;

GRANT SELECT ON certificate, sensor_range, seal TO coldgate_analytics;
GRANT SELECT, INSERT ON certificate, sensor_range, seal TO coldgate_api;
