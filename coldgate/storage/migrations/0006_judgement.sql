-- Evaluations, decisions and what follows from them.

CREATE TABLE evaluation (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consignment_id text NOT NULL REFERENCES consignment,
    version integer NOT NULL CHECK (version > 0),
    verdict text NOT NULL CHECK (verdict IN ('PASS', 'HOLD', 'FAIL')),
    provisional boolean NOT NULL,
    with_excursions boolean NOT NULL,
    profile_id text NOT NULL,
    profile_version integer NOT NULL,
    engine text NOT NULL,
    input_digest text NOT NULL,
    body bytea NOT NULL,  -- canonical JSON: the evaluation, byte for byte (S33)
    evaluated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (consignment_id, version),
    FOREIGN KEY (profile_id, profile_version) REFERENCES profile (id, version)
);

CREATE TABLE excursion (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    evaluation_id bigint NOT NULL REFERENCES evaluation,
    consignment_id text NOT NULL REFERENCES consignment,
    channel text NOT NULL,
    rule_id text NOT NULL,
    action text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    start_bound text NOT NULL CHECK (start_bound IN ('EDGE', 'CROSS', 'GAP')),
    end_bound text NOT NULL CHECK (end_bound IN ('EDGE', 'CROSS', 'GAP')),
    lin_ms bigint NOT NULL,
    hold_ms bigint NOT NULL,
    upper_ms bigint NOT NULL,
    peak_milli integer NOT NULL,
    peak_at timestamptz NOT NULL,
    readings integer NOT NULL
);
CREATE INDEX excursion_by_evaluation ON excursion (evaluation_id);

-- Evaluations that the api has acted on; a row here and the reaction share one transaction.
CREATE TABLE reaction (
    evaluation_id bigint PRIMARY KEY REFERENCES evaluation,
    reacted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE gate_decision (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consignment_id text NOT NULL REFERENCES consignment,
    purpose text NOT NULL CHECK (purpose IN ('dispatch', 'receipt_release')),
    verdict text NOT NULL CHECK (verdict IN ('PASS', 'HOLD', 'FAIL')),
    permitted boolean NOT NULL,
    evaluation_id bigint REFERENCES evaluation,
    checks jsonb NOT NULL,
    actor text NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (permitted = (verdict = 'PASS'))
);
CREATE INDEX gate_decision_by_consignment ON gate_decision (consignment_id, id);

CREATE TABLE deviation (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consignment_id text NOT NULL REFERENCES consignment,
    cause text NOT NULL,  -- stable code; one open deviation for one cause
    verdict text NOT NULL CHECK (verdict IN ('HOLD', 'FAIL')),
    evaluation_id bigint REFERENCES evaluation,
    gate_decision_id bigint REFERENCES gate_decision,
    facts jsonb NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at timestamptz
);
CREATE UNIQUE INDEX deviation_open_once ON deviation (consignment_id, cause)
    WHERE closed_at IS NULL;

-- What the outside must hear; written in the transaction of the fact it tells.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    consignment_id text NOT NULL REFERENCES consignment,
    body jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE idempotency (
    party_id text NOT NULL REFERENCES party,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
    request_sha256 text NOT NULL,
    status integer NOT NULL,
    response bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (party_id, key)
);

-- Hash chain over everything that was decided or changed (4-gate-and-evidence, section 4).
CREATE TABLE ledger (
    sequence bigint PRIMARY KEY,
    entered_at timestamptz NOT NULL,
    actor text NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    previous bytea NOT NULL CHECK (length(previous) = 32),
    hash bytea NOT NULL CHECK (length(hash) = 32)
);

-- Appends one entry. The lock is held to the end of the transaction, so that the order of the
-- chain is the order of the commits.
CREATE FUNCTION append_ledger(actor text, kind text, subject text, body bytea) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    last_entry ledger%ROWTYPE;
    entered timestamptz;
    body_digest bytea := sha256(body);
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('coldgate.ledger'));
    SELECT * INTO last_entry FROM ledger ORDER BY sequence DESC LIMIT 1;
    IF NOT FOUND THEN
        last_entry.sequence := 0;
        last_entry.hash := decode(repeat('00', 32), 'hex');
    END IF;
    entered := clock_timestamp();
    INSERT INTO ledger VALUES (
        last_entry.sequence + 1, entered, actor, kind, subject, body_digest, last_entry.hash,
        sha256(last_entry.hash || convert_to(concat_ws(E'\x1f',
            last_entry.sequence + 1,
            to_char(entered AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            actor, kind, subject, encode(body_digest, 'hex')), 'UTF8'))
    );
    RETURN last_entry.sequence + 1;
END
$$;

SELECT make_append_only('evaluation');
SELECT make_append_only('excursion');
SELECT make_append_only('reaction');
SELECT make_append_only('gate_decision');
SELECT make_append_only('outbox');
SELECT make_append_only('ledger');

GRANT SELECT, INSERT ON evaluation, excursion, ledger TO coldgate_analytics;
GRANT SELECT ON evaluation, excursion TO coldgate_api;
GRANT SELECT, INSERT ON reaction, gate_decision, deviation, outbox, idempotency, ledger
    TO coldgate_api;
