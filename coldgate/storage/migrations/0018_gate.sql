-- The gate: what a journey plans, what an evaluation says of each zone, decisions line by line, and
-- permits that are good once.

-- When the goods are meant to travel, and who lets them go on arrival: the gate by itself
-- (`automatic`), whoever asks it (`on_request`), or only a signature (`signed`).
ALTER TABLE consignment
    ADD COLUMN planned_departure_at timestamptz,
    ADD COLUMN planned_arrival_at timestamptz,
    ADD COLUMN release_policy text NOT NULL DEFAULT 'on_request'
        CHECK (release_policy IN ('automatic', 'on_request', 'signed')),
    ADD CONSTRAINT consignment_arrives_after_departure
        CHECK (planned_departure_at < planned_arrival_at);
GRANT UPDATE (planned_departure_at, planned_arrival_at, release_policy) ON consignment
    TO coldgate_api;

CREATE FUNCTION guard_plan() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM consignment_line
               WHERE consignment_id = NEW.id AND state <> 'planned') THEN
        RAISE EXCEPTION 'the plan of % is frozen since goods were dispatched', NEW.id
            USING ERRCODE = 'CG001';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER plan_is_frozen_at_dispatch
    BEFORE UPDATE OF planned_departure_at, planned_arrival_at, release_policy ON consignment
    FOR EACH ROW EXECUTE FUNCTION guard_plan();

-- Derived from the body when it was stored, so that the gate need not open it. NULL: stored before
-- this migration; what the whole consignment got then counts for each of its zones.
ALTER TABLE evaluation
    ADD COLUMN reason_codes text[],
    ADD COLUMN zones jsonb;  -- {zone: {verdict, reason_codes, with_excursions, lots: {lot: …}}}

ALTER TABLE gate_decision
    ADD COLUMN lines jsonb NOT NULL DEFAULT '[]',  -- each line asked about, with its own verdict
    ADD COLUMN partial boolean NOT NULL DEFAULT false,  -- may pass some lines and hold others
    ADD COLUMN dispositions bigint[] NOT NULL DEFAULT '{}',  -- the signed ones it stands on
    ADD COLUMN request_digest text NOT NULL DEFAULT '',
    DROP CONSTRAINT gate_decision_check,
    ADD CHECK (permitted OR verdict <> 'PASS'),
    ADD CHECK (verdict = 'PASS' OR partial OR NOT permitted);

-- The word that goods may pass, for whoever asked: signed, for a while, and good once.
CREATE TABLE permit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    decision_id bigint NOT NULL REFERENCES gate_decision,
    consignment_id text NOT NULL REFERENCES consignment,
    purpose text NOT NULL CHECK (purpose IN ('dispatch', 'receipt_release')),
    audience text NOT NULL REFERENCES party,
    lines jsonb NOT NULL,  -- [{position, product, lot, quantity}]
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CHECK (issued_at < expires_at)
);
CREATE INDEX permit_by_decision ON permit (decision_id);

CREATE TABLE permit_redemption (
    permit_id bigint PRIMARY KEY REFERENCES permit,
    redeemed_by text NOT NULL,  -- actor
    redeemed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

SELECT make_append_only('permit');
SELECT make_append_only('permit_redemption');
SELECT guard_rows('permit', $$sees_party(audience)$$);
-- A permit that is hidden hides what became of it.
SELECT guard_rows('permit_redemption', $$EXISTS (SELECT FROM permit WHERE id = permit_id)$$);

GRANT SELECT, INSERT ON permit, permit_redemption TO coldgate_api;
GRANT USAGE ON SEQUENCE gate_decision_id_seq, permit_id_seq TO coldgate_api;

-- What a certificate must vouch for where goods are judged by this profile, as numbers of
-- quantities; none where it takes the word of a logger that nobody calibrated.
CREATE FUNCTION certified_quantities(profile jsonb) RETURNS smallint[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN $1 -> 'uncertainty' ->> 'calibration' = 'optional' THEN '{}'
    ELSE ARRAY(
        SELECT number FROM (VALUES (1::smallint, 'T '), (2::smallint, 'RH ')) AS symbol (number, sign)
        WHERE EXISTS (SELECT FROM jsonb_array_elements($1 -> 'rules') AS rule
                      WHERE starts_with(rule ->> 'when', sign) AND rule ->> 'action' <> 'NOTE')
           OR (number = 1 AND ($1 -> 'mkt' -> 'limit' IS NOT NULL
                               OR jsonb_typeof($1 -> 'stability') = 'object'))) END
$$;

-- Whether certificates that count for the consignor vouch for a logger over a stretch of time: for
-- each of its channels that has to be calibrated, or where it has sent nothing yet for one of the
-- quantities.
CREATE FUNCTION is_calibrated(
    logger integer, consignor text, wanted smallint[], from_at timestamptz, until_at timestamptz
) RETURNS boolean
LANGUAGE sql STABLE AS $$
    WITH counting AS (
        SELECT sensor, quantity, tstzrange(valid_from, valid_to, '[]') AS in_force
        FROM certificate
        WHERE logger_id = $1 AND quantity = ANY ($3) AND vouches_for(entered_by, $2)
          AND NOT EXISTS (SELECT FROM certificate AS later WHERE later.supersedes = certificate.id)
    ), measured AS (
        SELECT (SELECT range_agg(in_force) FROM counting
                WHERE counting.quantity = channel.quantity
                  AND coalesce(counting.sensor, channel.sensor) = channel.sensor) AS in_force
        FROM channel WHERE logger_id = $1 AND quantity = ANY ($3)
    )
    SELECT cardinality($3) = 0 OR coalesce(
        (SELECT bool_and(coalesce(in_force @> tstzrange($4, $5, '[]'), false)) FROM measured),
        (SELECT bool_or(in_force @> tstzrange($4, $5, '[]'))
         FROM (SELECT range_agg(in_force) AS in_force FROM counting GROUP BY quantity) AS either),
        false)
$$;
