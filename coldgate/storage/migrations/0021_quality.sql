-- The quality loop: deviations with everything a record of them must say, CAPAs with their states,
-- and the clock that reminds of both.

-- What people say about a deviation or a CAPA is written over; this keeps what was said before.
CREATE TABLE quality_revision (
    subject_kind text NOT NULL CHECK (subject_kind IN ('deviation', 'capa', 'capa_action')),
    subject_id bigint NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    content jsonb NOT NULL,
    author text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (subject_kind, subject_id, number)
);
SELECT make_append_only('quality_revision');

CREATE FUNCTION count_revision() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.revision := OLD.revision + 1;
    RETURN NEW;
END
$$;

CREATE FUNCTION keep_revision() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO quality_revision (subject_kind, subject_id, number, content, author)
    VALUES (TG_TABLE_NAME, NEW.id, NEW.revision, to_jsonb(NEW), NEW.changed_by);
    RETURN NEW;
END
$$;

-- A deviation is about one cause. Where that is an event, quantity, side and the times say which,
-- and the leg says where: events of several consignments there and then are one.
ALTER TABLE deviation
    ADD COLUMN party_id text REFERENCES party,  -- the consignor: its quality side keeps the record
    ADD COLUMN source text NOT NULL DEFAULT 'judge' CHECK (source IN ('judge', 'gate')),
    ADD COLUMN trend_code text NOT NULL DEFAULT 'OTHER',
    ADD COLUMN quantity text,
    ADD COLUMN side text CHECK (side IN ('high', 'low')),
    ADD COLUMN began_at timestamptz,
    ADD COLUMN ended_at timestamptz,
    ADD COLUMN carrier_id text REFERENCES party,  -- of the leg, where goods had left
    ADD COLUMN vehicle text,
    ADD COLUMN origin text,
    ADD COLUMN destination text,
    ADD COLUMN classification text CHECK (classification IN ('minor', 'major', 'critical')),
    ADD COLUMN rationale text CHECK (rationale ~ '\S'),
    ADD COLUMN containment text CHECK (containment ~ '\S'),
    ADD COLUMN impact_assessment text CHECK (impact_assessment ~ '\S'),
    ADD COLUMN packaging_state text CHECK (packaging_state ~ '\S'),
    ADD COLUMN manufacturer_answer text CHECK (manufacturer_answer ~ '\S'),
    ADD COLUMN manufacturer_document_id bigint,
    ADD COLUMN root_cause text CHECK (root_cause ~ '\S'),
    ADD COLUMN root_cause_method text CHECK (root_cause_method ~ '\S'),
    ADD COLUMN root_cause_category text,
    ADD COLUMN notifications jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN owner_user_id bigint,
    ADD COLUMN due_on date,
    ADD COLUMN capa_id bigint,
    ADD COLUMN no_capa_reason text CHECK (no_capa_reason ~ '\S'),
    ADD COLUMN approval_id bigint,  -- of the request to close it
    ADD COLUMN revision integer NOT NULL DEFAULT 1,
    ADD COLUMN changed_by text NOT NULL DEFAULT 'coldgate',
    ADD CHECK (num_nonnulls(quantity, began_at, ended_at) IN (0, 3)),
    ADD CHECK (began_at <= ended_at),
    ADD CHECK (num_nonnulls(capa_id, no_capa_reason) < 2);
UPDATE deviation SET
    party_id = (SELECT consignor_id FROM consignment WHERE consignment.id = consignment_id),
    due_on = (opened_at AT TIME ZONE 'UTC')::date + 30;
ALTER TABLE deviation
    ALTER COLUMN party_id SET NOT NULL,
    ALTER COLUMN due_on SET NOT NULL;

DROP INDEX deviation_open_once;
CREATE UNIQUE INDEX deviation_open_once ON deviation (consignment_id, cause)
    WHERE closed_at IS NULL AND began_at IS NULL;
CREATE INDEX deviation_by_event ON deviation (party_id, quantity, began_at)
    WHERE began_at IS NOT NULL;
CREATE INDEX deviation_by_party ON deviation (party_id, id);
CREATE INDEX deviation_due ON deviation (due_on) WHERE closed_at IS NULL;

-- Every consignment that a deviation is about, with what was known when it was added.
CREATE TABLE deviation_subject (
    deviation_id bigint NOT NULL REFERENCES deviation,
    consignment_id text NOT NULL REFERENCES consignment,
    goods jsonb NOT NULL,  -- lines: product, GTIN, lot, expiry, quantity, serials, zone, state
    custody jsonb NOT NULL,  -- phases of the journey then, and who held the goods
    added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (deviation_id, consignment_id)
);
CREATE INDEX deviation_subject_by_consignment ON deviation_subject (consignment_id);

-- Each evaluation that speaks of a deviation, and what it says of it.
CREATE TABLE deviation_evidence (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    deviation_id bigint NOT NULL REFERENCES deviation,
    consignment_id text NOT NULL REFERENCES consignment,
    evaluation_id bigint NOT NULL REFERENCES evaluation,
    verdict text NOT NULL CHECK (verdict IN ('PASS', 'HOLD', 'FAIL')),
    began_at timestamptz,
    ended_at timestamptz,
    excursions bigint[] NOT NULL,
    impact jsonb NOT NULL,  -- budget before and after, MKT, freezing, severity
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (deviation_id, evaluation_id)
);
CREATE INDEX deviation_evidence_by_consignment ON deviation_evidence (consignment_id);

-- What was found when a deviation opened: earlier ones that were like it (12 months).
CREATE TABLE deviation_recurrence (
    deviation_id bigint NOT NULL REFERENCES deviation,
    earlier_id bigint NOT NULL REFERENCES deviation,
    -- Of the earlier one. No foreign key: checking it would wait for whoever decides about that
    -- consignment, and two would wait for each other.
    consignment_id text NOT NULL,
    same_lane boolean NOT NULL,
    same_carrier boolean NOT NULL,
    same_vehicle boolean NOT NULL,
    PRIMARY KEY (deviation_id, earlier_id)
);

INSERT INTO deviation_subject (deviation_id, consignment_id, goods, custody)
SELECT id, consignment_id, '[]', '[]' FROM deviation;
INSERT INTO quality_revision (subject_kind, subject_id, number, content, author)
SELECT 'deviation', id, revision, to_jsonb(deviation), changed_by FROM deviation;

CREATE TABLE capa (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    party_id text NOT NULL REFERENCES party,
    title text NOT NULL CHECK (title ~ '\S'),
    problem text NOT NULL CHECK (problem ~ '\S'),
    rule text CHECK (rule IN ('FAIL', 'REPEAT')),  -- NULL: opened by hand
    trend_code text NOT NULL DEFAULT 'OTHER',
    origin text NOT NULL DEFAULT '',  -- the lane; '' where it is about none
    destination text NOT NULL DEFAULT '',
    blocking boolean NOT NULL DEFAULT false,
    product_id text REFERENCES product,
    lot_number text,
    restriction_id bigint,  -- what blocks the lot
    state text NOT NULL DEFAULT 'OPEN',
    owner_user_id bigint,
    due_on date NOT NULL,
    containment text CHECK (containment ~ '\S'),
    investigation text CHECK (investigation ~ '\S'),
    root_cause text CHECK (root_cause ~ '\S'),
    root_cause_category text,
    need_for_action text CHECK (need_for_action ~ '\S'),
    effectiveness_criterion text CHECK (effectiveness_criterion ~ '\S'),
    documents_updated text CHECK (documents_updated ~ '\S'),
    verification text CHECK (verification ~ '\S'),
    effectiveness_due_on date,
    effectiveness_result text CHECK (effectiveness_result ~ '\S'),
    effectiveness jsonb,  -- computed from telemetry, before and after
    reopened_because text CHECK (reopened_because ~ '\S'),
    plan_approval_id bigint,
    close_approval_id bigint,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revision integer NOT NULL DEFAULT 1,
    changed_by text NOT NULL,
    CHECK (num_nonnulls(product_id, lot_number) IN (0, 2)),
    CHECK (NOT blocking OR lot_number IS NOT NULL)
);
CREATE UNIQUE INDEX capa_open_once_by_rule ON capa (party_id, origin, destination, trend_code)
    WHERE rule IS NOT NULL AND state <> 'CLOSED';
CREATE INDEX capa_by_party ON capa (party_id, id);
CREATE INDEX capa_due ON capa (due_on) WHERE state <> 'CLOSED';

CREATE TABLE capa_action (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    capa_id bigint NOT NULL REFERENCES capa,
    kind text NOT NULL CHECK (kind IN ('corrective', 'preventive')),
    description text NOT NULL CHECK (description ~ '\S'),
    owner_user_id bigint NOT NULL,
    due_on date NOT NULL,
    result text CHECK (result ~ '\S'),
    done_at timestamptz,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revision integer NOT NULL DEFAULT 1,
    changed_by text NOT NULL,
    CHECK ((result IS NULL) = (done_at IS NULL))
);
CREATE INDEX capa_action_by_capa ON capa_action (capa_id);

CREATE TABLE capa_transition (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    capa_id bigint NOT NULL REFERENCES capa,
    from_state text NOT NULL,
    to_state text NOT NULL,
    approval_id bigint,
    actor text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX capa_transition_by_capa ON capa_transition (capa_id);

CREATE TABLE capa_deviation (
    deviation_id bigint NOT NULL REFERENCES deviation,
    capa_id bigint NOT NULL REFERENCES capa,
    linked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (deviation_id, capa_id)
);
CREATE INDEX capa_deviation_by_capa ON capa_deviation (capa_id);
ALTER TABLE deviation ADD FOREIGN KEY (capa_id) REFERENCES capa;

-- Words and documents added to either; an acknowledgement is neither a signature nor a decision.
CREATE TABLE quality_note (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject_kind text NOT NULL CHECK (subject_kind IN ('deviation', 'capa')),
    subject_id bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('comment', 'acknowledgement', 'attachment')),
    body text NOT NULL,
    document_id bigint,
    author text NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((kind = 'attachment') = (document_id IS NOT NULL))
);
CREATE INDEX quality_note_by_subject ON quality_note (subject_kind, subject_id, id);
CREATE UNIQUE INDEX acknowledged_once ON quality_note (subject_kind, subject_id, author)
    WHERE kind = 'acknowledgement';

-- With the rights of its owner, as sees_consignment: the rows stand behind policies that ask it.
CREATE FUNCTION sees_deviation(deviation bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(acting_party() = '*', false) OR EXISTS (
        SELECT FROM deviation_subject AS subject
        WHERE subject.deviation_id = $1 AND sees_consignment(subject.consignment_id))
$$;

CREATE FUNCTION sees_capa(capa bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(acting_party() = '*', false) OR EXISTS (
        SELECT FROM capa AS seen WHERE seen.id = $1 AND sees_party(seen.party_id))
$$;

CREATE FUNCTION keeps_deviation(deviation bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(acting_party() = '*', false) OR EXISTS (
        SELECT FROM deviation AS kept WHERE kept.id = $1 AND sees_party(kept.party_id))
$$;

CREATE FUNCTION sees_action(action bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM capa_action AS seen WHERE seen.id = $1 AND sees_capa(seen.capa_id))
$$;

-- A record is kept by who sent the goods; who took part reads what concerns its consignments.
-- The deviation itself is guarded by its first consignment; this adds the others.
CREATE POLICY seen_by_subject ON deviation TO coldgate_api
    USING (sees_deviation(id)) WITH CHECK (sees_deviation(id));
SELECT guard_rows('deviation_subject', $$sees_consignment(consignment_id)$$);
SELECT guard_rows('deviation_evidence', $$sees_consignment(consignment_id)$$);
SELECT guard_rows('deviation_recurrence', $$sees_consignment(consignment_id)$$);
SELECT guard_rows('capa', $$sees_party(party_id)$$);
SELECT guard_rows('capa_action', $$sees_capa(capa_id)$$);
SELECT guard_rows('capa_transition', $$sees_capa(capa_id)$$);
SELECT guard_rows('capa_deviation', $$sees_capa(capa_id)$$);
SELECT guard_rows('quality_note', $$CASE subject_kind
    WHEN 'deviation' THEN sees_deviation(subject_id) ELSE sees_capa(subject_id) END$$);
SELECT guard_rows('quality_revision', $$CASE subject_kind
    WHEN 'deviation' THEN keeps_deviation(subject_id)
    WHEN 'capa' THEN sees_capa(subject_id)
    ELSE sees_action(subject_id) END$$);

SELECT make_append_only('deviation_subject');
SELECT make_append_only('deviation_evidence');
SELECT make_append_only('deviation_recurrence');
SELECT make_append_only('capa_transition');
SELECT make_append_only('capa_deviation');
SELECT make_append_only('quality_note');

-- The fields that a closed deviation must have; api/quality/deviation_rules.py says the same.
CREATE FUNCTION guard_deviation() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.closed_at IS NOT NULL THEN
        RAISE EXCEPTION 'deviation % is closed', OLD.id USING ERRCODE = 'CG001';
    END IF;
    IF OLD.verdict = 'FAIL' AND NEW.verdict <> 'FAIL' THEN
        RAISE EXCEPTION 'deviation % does not become less grave', OLD.id USING ERRCODE = 'CG001';
    END IF;
    IF NEW.closed_at IS NOT NULL AND (
        num_nulls(NEW.classification, NEW.rationale, NEW.containment, NEW.impact_assessment,
                  NEW.root_cause, NEW.root_cause_category, NEW.owner_user_id) > 0
        OR num_nonnulls(NEW.capa_id, NEW.no_capa_reason) <> 1
        OR NOT is_granted(NEW.approval_id, 'deviation', NEW.id::text)
    ) THEN
        RAISE EXCEPTION 'deviation % lacks what closing it takes', OLD.id USING ERRCODE = 'CG001';
    END IF;
    RETURN NEW;
END
$$;

-- Whether every signature that this subject takes was given.
CREATE FUNCTION is_granted(wanted bigint, kind text, subject text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM approval
        WHERE id = wanted AND subject_kind = kind AND subject_id = subject AND state = 'granted');
END
$$;

-- What is signed of a CAPA is named by the times it was reopened: each turn has signatures of its
-- own.
CREATE FUNCTION capa_turn(capa bigint) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT $1 || '/' || count(*) FROM capa_transition WHERE capa_id = $1 AND to_state = 'REOPENED'
$$;

CREATE FUNCTION signed_by_action_owner(wanted bigint, capa bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM signature
        JOIN capa_action ON capa_action.owner_user_id = signature.user_id
        WHERE signature.approval_id = wanted AND capa_action.capa_id = capa);
END
$$;

CREATE TRIGGER deviation_1_is_guarded BEFORE UPDATE ON deviation
    FOR EACH ROW EXECUTE FUNCTION guard_deviation();
CREATE TRIGGER deviation_2_revision_counts BEFORE UPDATE ON deviation
    FOR EACH ROW EXECUTE FUNCTION count_revision();
CREATE TRIGGER deviation_revision_is_kept AFTER INSERT OR UPDATE ON deviation
    FOR EACH ROW EXECUTE FUNCTION keep_revision();

-- The only place in the database that knows which steps a CAPA may take and what each takes
-- (3-semantics, section 6.1); api/quality/capa_rules.py says the same before.
CREATE FUNCTION guard_capa_state() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    lacking boolean;
BEGIN
    IF (OLD.state, NEW.state) NOT IN (
        ('OPEN', 'CONTAINED'), ('REOPENED', 'CONTAINED'), ('CONTAINED', 'INVESTIGATED'),
        ('INVESTIGATED', 'PLANNED'), ('PLANNED', 'IMPLEMENTED'), ('IMPLEMENTED', 'VERIFIED'),
        ('VERIFIED', 'EFFECTIVENESS_DUE'), ('EFFECTIVENESS_DUE', 'CLOSED'),
        ('EFFECTIVENESS_DUE', 'REOPENED')
    ) THEN
        RAISE EXCEPTION 'CAPA % cannot go from % to %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'CG001';
    END IF;
    lacking := CASE NEW.state
        WHEN 'CONTAINED' THEN num_nulls(NEW.containment, NEW.owner_user_id) > 0
        WHEN 'INVESTIGATED' THEN
            num_nulls(NEW.investigation, NEW.root_cause, NEW.root_cause_category) > 0
        WHEN 'PLANNED' THEN
            num_nulls(NEW.need_for_action, NEW.effectiveness_criterion) > 0
            OR NOT EXISTS (SELECT FROM capa_action WHERE capa_id = NEW.id)
            OR NOT is_granted(NEW.plan_approval_id, 'capa_plan', capa_turn(NEW.id))
        WHEN 'IMPLEMENTED' THEN
            NEW.documents_updated IS NULL
            OR EXISTS (SELECT FROM capa_action WHERE capa_id = NEW.id AND done_at IS NULL)
        WHEN 'VERIFIED' THEN NEW.verification IS NULL
        WHEN 'EFFECTIVENESS_DUE' THEN NEW.effectiveness_due_on IS NULL
        WHEN 'CLOSED' THEN
            NEW.effectiveness_result IS NULL
            OR NOT is_granted(NEW.close_approval_id, 'capa_closure', capa_turn(NEW.id))
            OR signed_by_action_owner(NEW.close_approval_id, NEW.id)
        WHEN 'REOPENED' THEN NEW.reopened_because IS NULL
    END;
    IF lacking THEN
        RAISE EXCEPTION 'CAPA % lacks what % takes', OLD.id, NEW.state USING ERRCODE = 'CG001';
    END IF;
    INSERT INTO capa_transition (capa_id, from_state, to_state, approval_id, actor)
    VALUES (OLD.id, OLD.state, NEW.state, CASE NEW.state
                WHEN 'PLANNED' THEN NEW.plan_approval_id
                WHEN 'CLOSED' THEN NEW.close_approval_id
            END, NEW.changed_by);
    IF NEW.state = 'REOPENED' THEN  -- the next turn brings its own; the revisions keep these
        NEW.plan_approval_id := NULL;
        NEW.close_approval_id := NULL;
        NEW.documents_updated := NULL;
        NEW.verification := NULL;
        NEW.effectiveness_due_on := NULL;
        NEW.effectiveness_result := NULL;
    END IF;
    RETURN NEW;
END
$$;

-- What QA signed stays as it was signed, until the CAPA is reopened.
CREATE FUNCTION guard_capa_plan() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'CLOSED' THEN
        RAISE EXCEPTION 'CAPA % is closed', OLD.id USING ERRCODE = 'CG001';
    END IF;
    IF OLD.state IN ('PLANNED', 'IMPLEMENTED', 'VERIFIED', 'EFFECTIVENESS_DUE') AND
        (OLD.title, OLD.problem, OLD.containment, OLD.investigation, OLD.root_cause,
         OLD.root_cause_category, OLD.need_for_action, OLD.effectiveness_criterion)
        IS DISTINCT FROM
        (NEW.title, NEW.problem, NEW.containment, NEW.investigation, NEW.root_cause,
         NEW.root_cause_category, NEW.need_for_action, NEW.effectiveness_criterion)
    THEN
        RAISE EXCEPTION 'the plan of CAPA % is signed', OLD.id USING ERRCODE = 'CG001';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION guard_capa_action() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    capa_state text := (SELECT state FROM capa WHERE id = NEW.capa_id);
BEGIN
    IF capa_state IN ('VERIFIED', 'EFFECTIVENESS_DUE', 'CLOSED')
        OR (capa_state IN ('PLANNED', 'IMPLEMENTED') AND (
            TG_OP = 'INSERT'
            OR (OLD.kind, OLD.description, OLD.owner_user_id, OLD.due_on)
               IS DISTINCT FROM (NEW.kind, NEW.description, NEW.owner_user_id, NEW.due_on)))
    THEN
        RAISE EXCEPTION 'the plan of CAPA % is signed', NEW.capa_id USING ERRCODE = 'CG001';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER capa_1_plan_is_guarded BEFORE UPDATE ON capa
    FOR EACH ROW EXECUTE FUNCTION guard_capa_plan();
CREATE TRIGGER capa_2_state_is_guarded BEFORE UPDATE ON capa
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION guard_capa_state();
CREATE TRIGGER capa_3_revision_counts BEFORE UPDATE ON capa
    FOR EACH ROW EXECUTE FUNCTION count_revision();
CREATE TRIGGER capa_revision_is_kept AFTER INSERT OR UPDATE ON capa
    FOR EACH ROW EXECUTE FUNCTION keep_revision();
CREATE TRIGGER action_1_is_guarded BEFORE INSERT OR UPDATE ON capa_action
    FOR EACH ROW EXECUTE FUNCTION guard_capa_action();
CREATE TRIGGER action_2_revision_counts BEFORE UPDATE ON capa_action
    FOR EACH ROW EXECUTE FUNCTION count_revision();
CREATE TRIGGER action_revision_is_kept AFTER INSERT OR UPDATE ON capa_action
    FOR EACH ROW EXECUTE FUNCTION keep_revision();

-- When each job of the scheduler ran last; after downtime a job runs once for all that it missed.
CREATE TABLE schedule_run (
    job text PRIMARY KEY,
    ran_at timestamptz NOT NULL,
    runs bigint NOT NULL DEFAULT 1 CHECK (runs > 0)
);
SELECT guard_rows('schedule_run', $$acting_party() = '*'$$);

-- A reminder is sent once for each key: what is due, on which day, and how far it has escalated.
CREATE TABLE reminder (
    key text PRIMARY KEY,
    party_id text NOT NULL REFERENCES party,
    sent_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
SELECT guard_rows('reminder', $$acting_party() = '*'$$);
SELECT make_append_only('reminder');

GRANT SELECT ON quality_revision TO coldgate_api;
GRANT SELECT, INSERT ON deviation_subject, deviation_evidence, deviation_recurrence, capa,
    capa_action, capa_transition, capa_deviation, quality_note, schedule_run, reminder
    TO coldgate_api;
GRANT UPDATE ON schedule_run TO coldgate_api;
GRANT UPDATE (cause, verdict, began_at, ended_at, classification, rationale, containment,
    impact_assessment, packaging_state, manufacturer_answer, manufacturer_document_id, root_cause,
    root_cause_method, root_cause_category, notifications, owner_user_id, due_on, capa_id,
    no_capa_reason, approval_id, closed_at, changed_by) ON deviation TO coldgate_api;
GRANT UPDATE (title, problem, state, owner_user_id, due_on, containment, investigation, root_cause,
    root_cause_category, need_for_action, effectiveness_criterion, documents_updated, verification,
    effectiveness_due_on, effectiveness_result, effectiveness, reopened_because, restriction_id,
    plan_approval_id, close_approval_id, changed_by) ON capa TO coldgate_api;
GRANT UPDATE (description, owner_user_id, due_on, result, done_at, changed_by) ON capa_action
    TO coldgate_api;
GRANT SELECT ON lane, lane_record TO coldgate_api;
