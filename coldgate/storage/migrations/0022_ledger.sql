-- The ledger without a queue in front of it: whoever has something to enter writes an entry of its
-- own, and one sequencer chains what was committed. Beside it: what the ledger keeps of the rows
-- of other tables, and what is known of the messages behind an evaluation.

-- 1. Entries ------------------------------------------------------------------------------------

-- The consignment that an entry is about, whose parties may read it; NULL: its actor's party only.
-- By kind, for a bare identifier may be that of a party as well.
CREATE FUNCTION entry_consignment(kind text, subject text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN kind LIKE 'row.%' THEN NULL
        WHEN subject LIKE 'consignment/%' THEN split_part(subject, '/', 2)
        WHEN kind LIKE ANY (ARRAY['consignment.%', 'gate.%', 'logger.placed', 'logger.removed',
            'log.sealed', 'event.%', 'release.%', 'lot.blocked', 'scan.%', 'permit.%',
            'disposition.%']) THEN split_part(subject, '/', 1)
    END
$$;

CREATE TABLE ledger_entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction xid8 DEFAULT pg_current_xact_id(),
    entered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    kind text NOT NULL,
    subject text COLLATE "C" NOT NULL,  -- is looked up by what it begins with
    body bytea,  -- canonical JSON; NULL: entered before bodies were kept
    digest bytea NOT NULL CHECK (length(digest) = 32),
    party_id text GENERATED ALWAYS AS (split_part(actor, '/', 1)) STORED,
    consignment_id text GENERATED ALWAYS AS (entry_consignment(kind, subject)) STORED,
    CHECK (body IS NULL OR digest = sha256(body)),
    -- Fields are told apart by a control character in what is hashed.
    CHECK (transaction IS NULL OR concat(actor, kind, subject) !~ '[[:cntrl:]]')
);
CREATE INDEX ledger_entry_by_subject ON ledger_entry (subject, id);
CREATE INDEX ledger_entry_by_party ON ledger_entry (party_id, id);
CREATE INDEX ledger_entry_by_consignment ON ledger_entry (consignment_id, id)
    WHERE consignment_id IS NOT NULL;

-- Committed entries that have no place in the chain yet. A queue, not a high-water mark: the
-- numbers of slow transactions come to light after higher ones.
CREATE TABLE ledger_due (entry_id bigint PRIMARY KEY);

-- What stands in the chain already, under the numbers that it has there.
INSERT INTO ledger_entry (id, transaction, entered_at, actor, kind, subject, digest)
OVERRIDING SYSTEM VALUE
SELECT sequence, NULL, entered_at, actor, kind, subject, digest FROM ledger;
SELECT setval(pg_get_serial_sequence('ledger_entry', 'id'),
              (SELECT coalesce(max(sequence), 0) + 1 FROM ledger), false);

-- 2. Chain, tree and checkpoints ------------------------------------------------------------------

ALTER TABLE ledger ADD COLUMN entry_id bigint;
ALTER TABLE ledger ADD COLUMN leaf bytea CHECK (length(leaf) = 32);  -- RFC 9162, section 2.1.1
ALTER TABLE ledger DISABLE TRIGGER change_is_refused;
UPDATE ledger SET entry_id = sequence, leaf = sha256('\x00'::bytea || previous || convert_to(
    concat_ws(E'\x1f', sequence,
        to_char(entered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        actor, kind, subject, encode(digest, 'hex')), 'UTF8'));
ALTER TABLE ledger ENABLE TRIGGER change_is_refused;
ALTER TABLE ledger ALTER COLUMN entry_id SET NOT NULL;
ALTER TABLE ledger ALTER COLUMN leaf SET NOT NULL;
ALTER TABLE ledger ADD UNIQUE (entry_id);
ALTER TABLE ledger ADD FOREIGN KEY (entry_id) REFERENCES ledger_entry;

-- Roots of full subtrees of 256^level leaves: what the tree's root and a proof need beside the
-- leaves of one subtree.
CREATE TABLE ledger_tile (
    level smallint NOT NULL CHECK (level > 0),
    position bigint NOT NULL CHECK (position >= 0),
    root bytea NOT NULL CHECK (length(root) = 32),
    PRIMARY KEY (level, position)
);

CREATE TABLE ledger_checkpoint (
    size bigint PRIMARY KEY CHECK (size > 0),
    root bytea NOT NULL CHECK (length(root) = 32),
    note text NOT NULL,  -- C2SP tlog-checkpoint, signed
    key_id text NOT NULL REFERENCES signing_key,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What the sequencer found when it read the ledger again; one row.
CREATE TABLE ledger_state (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    verified_upto bigint NOT NULL DEFAULT 0,
    broken text,  -- what does not hold; NULL: all does
    broken_at bigint,  -- and where
    checked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO ledger_state DEFAULT VALUES;

-- Enters one entry in the caller's transaction, without waiting for anybody; its number.
DROP FUNCTION append_ledger(text, text, text, bytea);
CREATE FUNCTION append_ledger(actor text, kind text, subject text, body bytea) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    entry bigint;
BEGIN
    INSERT INTO ledger_entry (actor, kind, subject, body, digest)
    VALUES ($1, $2, $3, $4, sha256($4)) RETURNING id INTO entry;
    INSERT INTO ledger_due (entry_id) VALUES (entry);
    RETURN entry;
END
$$;
REVOKE EXECUTE ON FUNCTION append_ledger(text, text, text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append_ledger(text, text, text, bytea)
    TO coldgate_analytics, coldgate_api;

-- 3. Rows of other tables -------------------------------------------------------------------------

-- Enters every row that a statement wrote, as it is from now on. TG_ARGV: the columns of the key,
-- then those that are left out (bytes that have a digest beside them, secrets).
CREATE FUNCTION enter_rows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET bytea_output = 'hex' AS $$
BEGIN
    WITH entered AS (
        INSERT INTO ledger_entry (actor, kind, subject, body, digest)
        SELECT 'database/' || coalesce(nullif(current_setting('role'), 'none'), session_user),
            CASE TG_OP WHEN 'INSERT' THEN 'row.added' WHEN 'UPDATE' THEN 'row.changed'
                       ELSE 'row.removed' END,
            TG_TABLE_NAME || (
                SELECT string_agg('/' || (fields ->> name), '' ORDER BY place)
                FROM unnest(string_to_array(TG_ARGV[0], ',')) WITH ORDINALITY AS key (name, place)),
            body, sha256(body)
        FROM (
            SELECT fields,
                convert_to((fields - string_to_array(TG_ARGV[1], ','))::text, 'UTF8') AS body
            FROM (SELECT to_jsonb(written) AS fields FROM written) AS rows_written
        ) AS kept
        RETURNING id
    )
    INSERT INTO ledger_due (entry_id) SELECT id FROM entered;
    RETURN NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION enter_rows() FROM PUBLIC;

-- Has the ledger keep the rows of `target` from now on, and those that are there.
CREATE FUNCTION keep_in_ledger(target regclass, VARIADIC omitted text[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql SET timezone = 'UTC' SET bytea_output = 'hex' AS $$
DECLARE
    key_columns text := (
        SELECT string_agg(attname, ',' ORDER BY array_position(indkey::int2[], attnum))
        FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
        WHERE indrelid = target AND indisprimary);
    omitted_columns text := array_to_string(omitted, ',');
BEGIN
    EXECUTE format('CREATE TRIGGER added_rows_enter_the_ledger AFTER INSERT ON %s
        REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION enter_rows(%L, %L)',
        target, key_columns, omitted_columns);
    EXECUTE format('CREATE TRIGGER changed_rows_enter_the_ledger AFTER UPDATE ON %s
        REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION enter_rows(%L, %L)',
        target, key_columns, omitted_columns);
    EXECUTE format('CREATE TRIGGER removed_rows_enter_the_ledger AFTER DELETE ON %s
        REFERENCING OLD TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION enter_rows(%L, %L)',
        target, key_columns, omitted_columns);
    EXECUTE format($enter$
        WITH entered AS (
            INSERT INTO ledger_entry (actor, kind, subject, body, digest)
            SELECT 'database/migration', 'row.added', %L || (
                    SELECT string_agg('/' || (fields ->> name), '' ORDER BY place)
                    FROM unnest(string_to_array(%L, ',')) WITH ORDINALITY AS key (name, place)),
                body, sha256(body)
            FROM (SELECT fields, convert_to((fields - string_to_array(%L, ','))::text, 'UTF8')
                      AS body
                  FROM (SELECT to_jsonb(there) AS fields FROM %s AS there) AS rows_there) AS kept
            RETURNING id
        )
        INSERT INTO ledger_due (entry_id) SELECT id FROM entered
        $enter$, target::text, key_columns, omitted_columns, target);
END
$$;
REVOKE EXECUTE ON FUNCTION keep_in_ledger(regclass, text[]) FROM PUBLIC;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'party', 'app_user', 'role_change', 'signing_key', 'logger', 'profile', 'product', 'lot',
        'consignment', 'consignment_line', 'leg', 'placement', 'custody_event', 'line_transition',
        'certificate', 'sensor_range', 'seal', 'lot_spend', 'lane_record',
        -- A permit is compared with its own signature when somebody uses it.
        'gate_decision', 'permit_redemption',
        'approval_flow', 'delegation', 'delegation_end', 'approval', 'signature',
        'approval_escalation', 'disposition',
        'restriction', 'restriction_lift', 'document_withdrawal', 'document_vouch',
        'document_key', 'document_requirement', 'carrier_qualification', 'shelf_life_agreement',
        'admission', 'scan', 'scan_dismissal',
        'deviation', 'deviation_subject', 'deviation_evidence', 'deviation_recurrence',
        'capa', 'capa_action', 'capa_transition', 'capa_deviation',
        'quality_note', 'quality_revision'
    ] LOOP
        IF to_regclass(name) IS NOT NULL THEN
            PERFORM keep_in_ledger(name::regclass);
        END IF;
    END LOOP;
    PERFORM keep_in_ledger('gateway', 'secret_hash');
    PERFORM keep_in_ledger('evaluation', 'body');  -- has an entry of its own, byte for byte
    IF to_regclass('document') IS NOT NULL THEN
        PERFORM keep_in_ledger('document', 'content');
    END IF;
END
$$;

-- 4. The messages behind an evaluation ------------------------------------------------------------

-- One row for each channel of each message that was looked at: whether its signature holds, and
-- whether what is stored is what it says.
CREATE TABLE audited_block (
    channel_id integer NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    message_id bigint NOT NULL,
    signed boolean NOT NULL,
    broken boolean NOT NULL,
    PRIMARY KEY (channel_id, last_at, message_id)
);
CREATE TABLE audited_message (
    message_id bigint PRIMARY KEY,
    problem text,  -- NULL: all is as it was sent
    audited_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX audited_message_broken ON audited_message (message_id) WHERE problem IS NOT NULL;

-- Every message up to this number was audited, or never came to be.
CREATE TABLE audit_progress (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    through_message bigint NOT NULL DEFAULT 0,
    through_at timestamptz NOT NULL DEFAULT '-infinity'  -- all that came before is among them
);
INSERT INTO audit_progress DEFAULT VALUES;

CREATE TABLE evidence_audit (
    evaluation_id bigint PRIMARY KEY REFERENCES evaluation,
    messages integer NOT NULL,
    broken integer NOT NULL,  -- problems, of a message or of the evaluation itself
    unsigned integer NOT NULL,
    problems jsonb NOT NULL DEFAULT '[]',  -- the first of them, in words
    audited_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Final evaluations whose evidence nobody has looked at.
CREATE TABLE audit_due (
    evaluation_id bigint PRIMARY KEY REFERENCES evaluation,
    consignment_id text NOT NULL
);
INSERT INTO audit_due (evaluation_id, consignment_id)
SELECT id, consignment_id FROM evaluation WHERE NOT provisional;

CREATE FUNCTION queue_audit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO audit_due (evaluation_id, consignment_id) VALUES (NEW.id, NEW.consignment_id);
    RETURN NEW;
END
$$;
CREATE TRIGGER evaluation_wants_an_audit AFTER INSERT ON evaluation
    FOR EACH ROW WHEN (NOT NEW.provisional) EXECUTE FUNCTION queue_audit();

-- Goods that go without asking wait for the audit as everybody does; here it says that it is done.
CREATE TABLE release_due (consignment_id text PRIMARY KEY REFERENCES consignment);

CREATE FUNCTION queue_release() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    audited text;
BEGIN
    SELECT consignment.id INTO audited
    FROM evaluation JOIN consignment ON consignment.id = evaluation.consignment_id
    WHERE evaluation.id = NEW.evaluation_id AND consignment.release_policy = 'automatic';
    IF FOUND THEN
        INSERT INTO release_due (consignment_id) VALUES (audited) ON CONFLICT DO NOTHING;
        PERFORM pg_notify('coldgate_evaluation', audited);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER audit_may_let_goods_go AFTER INSERT ON evidence_audit
    FOR EACH ROW EXECUTE FUNCTION queue_release();

-- Whether a consignor takes goods on the word of messages that nobody signed; the newest counts.
CREATE TABLE unsigned_consent (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    party_id text NOT NULL REFERENCES party,
    accepted boolean NOT NULL,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX unsigned_consent_newest ON unsigned_consent (party_id, id);
SELECT keep_in_ledger('unsigned_consent');

-- In PL/pgSQL, which keeps its plan: the gate asks with every decision.
CREATE FUNCTION accepts_unsigned(party text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce((SELECT accepted FROM unsigned_consent
                     WHERE party_id = $1 ORDER BY id DESC LIMIT 1), false);
END
$$;

-- 5. Who may what ---------------------------------------------------------------------------------

SELECT make_append_only('ledger_entry');
SELECT make_append_only('ledger_tile');
SELECT make_append_only('ledger_checkpoint');
SELECT make_append_only('audited_block');
SELECT make_append_only('audited_message');
SELECT make_append_only('evidence_audit');
SELECT make_append_only('unsigned_consent');

SELECT guard_rows('ledger_entry', $$sees_party(party_id) OR (
    consignment_id IS NOT NULL AND sees_consignment(consignment_id))$$);
SELECT guard_rows('ledger',
    $$acting_party() = '*' OR EXISTS (SELECT FROM ledger_entry WHERE id = entry_id)$$);
SELECT guard_rows('ledger_due', $$acting_party() = '*'$$);
SELECT guard_rows('ledger_tile', $$acting_party() = '*'$$);
SELECT guard_rows('ledger_checkpoint', $$acting_party() IS NOT NULL$$);  -- published
SELECT guard_rows('ledger_state', $$acting_party() = '*'$$);
SELECT guard_rows('evidence_audit', $$EXISTS (SELECT FROM evaluation WHERE id = evaluation_id)$$);
SELECT guard_rows('unsigned_consent', $$sees_party(party_id)$$);
SELECT guard_rows('release_due', $$acting_party() = '*'$$);

REVOKE INSERT ON ledger FROM coldgate_analytics;
GRANT SELECT ON ledger_entry TO coldgate_analytics, coldgate_api;
GRANT SELECT, DELETE ON ledger_due TO coldgate_api;
GRANT SELECT, INSERT ON ledger_tile, ledger_checkpoint TO coldgate_api;
GRANT SELECT, UPDATE ON ledger_state TO coldgate_api;
GRANT SELECT, INSERT ON audited_block, audited_message, evidence_audit TO coldgate_analytics;
GRANT SELECT, UPDATE ON audit_progress TO coldgate_analytics;
GRANT SELECT, DELETE ON audit_due TO coldgate_analytics;
GRANT SELECT ON stream, quarantine TO coldgate_analytics;
GRANT SELECT ON SEQUENCE message_id_seq TO coldgate_analytics;
GRANT SELECT ON evidence_audit TO coldgate_api;
GRANT SELECT, DELETE ON release_due TO coldgate_api;
GRANT SELECT, INSERT ON unsigned_consent TO coldgate_api;
GRANT SELECT ON unsigned_consent TO coldgate_analytics;
