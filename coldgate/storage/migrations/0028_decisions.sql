-- A decision in one statement: its row, its permit, and both of the ledger's words on it.

-- Parties, consignments and decisions are never removed, and a permit is given by the statement
-- that makes its decision: to look each of them up again cost a tenth of a decision.
ALTER TABLE permit
    DROP CONSTRAINT permit_audience_fkey,
    DROP CONSTRAINT permit_consignment_id_fkey,
    DROP CONSTRAINT permit_decision_id_fkey;
DROP INDEX permit_by_decision;
-- Likewise the answers that are kept for whoever has just been found in `party`.
ALTER TABLE idempotency DROP CONSTRAINT idempotency_party_id_fkey;

-- Enters the row of a decision as every kept row is, and beside it what its parties may read.
CREATE FUNCTION enter_decisions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET bytea_output = 'hex' AS $$
BEGIN
    WITH told AS (
        SELECT 'database/' || coalesce(nullif(current_setting('role'), 'none'), session_user)
                AS actor,
            'row.added' AS kind, 'gate_decision/' || id AS subject,
            convert_to(to_jsonb(written)::text, 'UTF8') AS body
        FROM written
        UNION ALL
        SELECT actor, 'gate.decided', consignment_id, convert_to(
            format('{"decision":%s,"permitted":%s,"verdict":"%s"}', id, permitted::text, verdict),
            'UTF8')
        FROM written
    ), entered AS (
        INSERT INTO ledger_entry (actor, kind, subject, body, digest)
        SELECT actor, kind, subject, body, sha256(body) FROM told
        RETURNING id
    )
    INSERT INTO ledger_due (entry_id) SELECT id FROM entered;
    RETURN NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION enter_decisions() FROM PUBLIC;

DROP TRIGGER added_rows_enter_the_ledger ON gate_decision;
CREATE TRIGGER added_rows_enter_the_ledger AFTER INSERT ON gate_decision
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION enter_decisions('id', '');

-- What is answered and what is entered is text of some kilobytes, packed three times for each
-- decision: by the quicker method where this PostgreSQL has it.
DO $$
BEGIN
    IF 'lz4' = ANY (SELECT unnest(enumvals) FROM pg_settings
                    WHERE name = 'default_toast_compression') THEN
        ALTER TABLE gate_decision ALTER COLUMN checks SET COMPRESSION lz4;
        ALTER TABLE ledger_entry ALTER COLUMN body SET COMPRESSION lz4;
        ALTER TABLE idempotency ALTER COLUMN response SET COMPRESSION lz4;
    END IF;
END
$$;
