-- Who signs what, the signatures that were given, and the dispositions that they decide.

-- How many people of which role sign, in which order and by when. A version is written once.
CREATE TABLE approval_flow (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (name ~ '^[a-z][a-z0-9_]{2,40}$'),
    version integer NOT NULL CHECK (version > 0),
    party_id text REFERENCES party,  -- NULL: ships with Coldgate
    digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    body jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE NULLS NOT DISTINCT (name, party_id, version)
);

-- A user lends a role to a colleague for a time; an end before its time is a row of its own.
CREATE TABLE delegation (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    party_id text NOT NULL REFERENCES party,
    from_user_id bigint NOT NULL REFERENCES app_user,
    to_user_id bigint NOT NULL REFERENCES app_user,
    role text NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_until timestamptz NOT NULL,  -- not included
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (valid_from < valid_until),
    CHECK (from_user_id <> to_user_id)
);
CREATE INDEX delegation_by_delegate ON delegation (to_user_id, valid_until);
CREATE INDEX delegation_by_party ON delegation (party_id, id);

CREATE TABLE delegation_end (
    delegation_id bigint PRIMARY KEY REFERENCES delegation,
    ended_by text NOT NULL,
    ended_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One request for signatures about one record, frozen as it is shown to whoever signs.
CREATE TABLE approval (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    party_id text NOT NULL REFERENCES party,  -- answers for the record
    consignment_id text REFERENCES consignment,
    subject_kind text NOT NULL CHECK (length(subject_kind) BETWEEN 1 AND 40),
    subject_id text NOT NULL CHECK (length(subject_id) BETWEEN 1 AND 100),
    flow_id bigint NOT NULL REFERENCES approval_flow,
    flow text NOT NULL,
    flow_version integer NOT NULL,
    manufacturer_id text REFERENCES party,  -- where the flow wants the manufacturer to sign
    record bytea NOT NULL,  -- canonical JSON
    record_digest bytea NOT NULL CHECK (record_digest = sha256(record)),
    author text NOT NULL,
    author_user_id bigint REFERENCES app_user,
    barred_user_ids bigint[] NOT NULL DEFAULT '{}',  -- others who may not sign, such as the owner
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz,  -- nobody signs from then on
    state text NOT NULL DEFAULT 'open'
        CHECK (state IN ('open', 'granted', 'refused', 'expired', 'withdrawn')),
    closed_at timestamptz,
    CHECK ((state = 'open') = (closed_at IS NULL))
);
CREATE UNIQUE INDEX approval_open_once ON approval (subject_kind, subject_id) WHERE state = 'open';
CREATE INDEX approval_by_subject ON approval (subject_kind, subject_id, id);
CREATE INDEX approval_by_party ON approval (party_id, id);
CREATE INDEX approval_open ON approval (id) WHERE state = 'open';
CREATE INDEX approval_by_consignment ON approval (consignment_id) WHERE consignment_id IS NOT NULL;

-- An approval is closed once; nothing else of it ever changes.
CREATE FUNCTION guard_approval() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'open' THEN
        RAISE EXCEPTION 'approval % is % already', OLD.id, OLD.state USING ERRCODE = 'CG001';
    END IF;
    IF (to_jsonb(OLD) - 'state' - 'closed_at') <> (to_jsonb(NEW) - 'state' - 'closed_at') THEN
        RAISE EXCEPTION 'approval % is frozen', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER approval_is_guarded BEFORE UPDATE ON approval
    FOR EACH ROW EXECUTE FUNCTION guard_approval();
CREATE TRIGGER approval_stays BEFORE DELETE ON approval
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
SELECT refuse_truncate('approval');

-- What a person said about the record with this digest, sealed by the server's key. One signature
-- of a person to an approval, in whatever capacity.
CREATE TABLE signature (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    approval_id bigint NOT NULL REFERENCES approval,
    step integer NOT NULL CHECK (step > 0),
    user_id bigint NOT NULL REFERENCES app_user,
    party_id text NOT NULL REFERENCES party,
    printed_name text NOT NULL,
    login text NOT NULL,
    role text NOT NULL,
    delegation_id bigint REFERENCES delegation,  -- NULL: in its own right
    for_user_id bigint REFERENCES app_user,  -- who lent the role
    for_name text,
    meaning text NOT NULL CHECK (meaning IN
        ('reviewed', 'approved', 'approved release', 'responsibility', 'rejected')),
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    method text NOT NULL,
    signed_at timestamptz NOT NULL,
    record_digest bytea NOT NULL CHECK (length(record_digest) = 32),
    key_id text NOT NULL REFERENCES signing_key,
    seal bytea NOT NULL CHECK (length(seal) = 64),
    UNIQUE (approval_id, user_id),
    CHECK (num_nonnulls(delegation_id, for_user_id, for_name) IN (0, 3))
);

-- Steps whose time has passed and of which the outside was told.
CREATE TABLE approval_escalation (
    approval_id bigint NOT NULL REFERENCES approval,
    step integer NOT NULL,
    escalated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (approval_id, step)
);

-- What a person decides about goods that the evidence does not let go.
CREATE TABLE disposition (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consignment_id text NOT NULL REFERENCES consignment,
    positions integer[] NOT NULL CHECK (cardinality(positions) > 0),
    decision text NOT NULL CHECK (decision IN ('release', 'reject', 'return')),
    evaluation_id bigint NOT NULL REFERENCES evaluation,
    verdict text NOT NULL CHECK (verdict IN ('PASS', 'HOLD', 'FAIL')),
    rationale text NOT NULL CHECK (length(rationale) BETWEEN 1 AND 4000),
    statement_document_id bigint,  -- the manufacturer's word on a release after FAIL
    author text NOT NULL,
    approval_id bigint REFERENCES approval,
    state text NOT NULL DEFAULT 'proposed' CHECK (state IN
        ('proposed', 'granted', 'refused', 'expired', 'withdrawn', 'superseded')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    granted_at timestamptz,
    CHECK ((state = 'granted') = (granted_at IS NOT NULL))
);
CREATE INDEX disposition_by_consignment ON disposition (consignment_id, id);

-- What was proposed stays as it was proposed; it gets its approval once, and is closed once.
CREATE FUNCTION guard_disposition() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    may_change text[] := ARRAY['state', 'granted_at', 'approval_id'];
BEGIN
    IF OLD.state <> 'proposed' THEN
        RAISE EXCEPTION 'disposition % is % already', OLD.id, OLD.state USING ERRCODE = 'CG001';
    END IF;
    IF (to_jsonb(OLD) - may_change) <> (to_jsonb(NEW) - may_change)
       OR (OLD.approval_id IS NOT NULL AND NEW.approval_id IS DISTINCT FROM OLD.approval_id) THEN
        RAISE EXCEPTION 'disposition % is frozen', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER disposition_is_guarded BEFORE UPDATE ON disposition
    FOR EACH ROW EXECUTE FUNCTION guard_disposition();
CREATE TRIGGER disposition_stays BEFORE DELETE ON disposition
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
SELECT refuse_truncate('disposition');

SELECT make_append_only('approval_flow');
SELECT make_append_only('delegation');
SELECT make_append_only('delegation_end');
SELECT make_append_only('signature');
SELECT make_append_only('approval_escalation');

SELECT guard_rows('approval_flow', $$party_id IS NULL OR sees_party(party_id)$$);
SELECT guard_rows('delegation', $$sees_party(party_id)$$);
SELECT guard_rows('delegation_end',
    $$EXISTS (SELECT FROM delegation WHERE delegation.id = delegation_id)$$);
SELECT guard_rows('approval', $$sees_party(party_id) OR sees_party(manufacturer_id)
    OR sees_consignment(consignment_id)$$);
SELECT guard_rows('signature',
    $$EXISTS (SELECT FROM approval WHERE approval.id = approval_id)$$);
SELECT guard_rows('approval_escalation',
    $$EXISTS (SELECT FROM approval WHERE approval.id = approval_id)$$);
SELECT guard_rows('disposition', $$sees_consignment(consignment_id)$$);

GRANT SELECT, INSERT ON approval_flow, delegation, delegation_end, approval, signature,
    approval_escalation, disposition TO coldgate_api;
GRANT UPDATE (state, closed_at) ON approval TO coldgate_api;
GRANT UPDATE (state, granted_at, approval_id) ON disposition TO coldgate_api;
