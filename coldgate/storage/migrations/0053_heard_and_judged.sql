-- Who is heard, and what is judged again, beyond 0043 and 0037.

-- As in 0043, and by asking the gate for the goods as well: a manufacturer that wants them released
-- says that they came.
CREATE OR REPLACE FUNCTION came_home(journey consignment, product text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT journey.consignee_id IN (SELECT makers_of($2))
       AND (EXISTS (SELECT FROM custody_event AS told JOIN party ON party.id = told.party_id
                    WHERE told.consignment_id = journey.id AND told.kind IN ('received', 'opened')
                      AND (party.id = journey.consignee_id OR party.kind = 'operator'))
            OR EXISTS (SELECT FROM gate_decision AS asked
                       WHERE asked.consignment_id = journey.id
                         AND asked.purpose = 'receipt_release'
                         AND split_part(asked.actor, '/', 1) = journey.consignee_id))
$$;

-- The patrol of the evidence asks whether an end of a placement was told behind an evaluation.
GRANT SELECT ON placement_removal TO coldgate_analytics;

-- As in 0022, but that each row is written out once, not once for the body and once for its digest.
CREATE OR REPLACE FUNCTION enter_rows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET bytea_output = 'hex' AS $$
DECLARE
    writer text := 'database/' || coalesce(nullif(current_setting('role'), 'none'), session_user);
    deed text := CASE TG_OP WHEN 'INSERT' THEN 'row.added' WHEN 'UPDATE' THEN 'row.changed'
                            ELSE 'row.removed' END;
    keys text[] := string_to_array(TG_ARGV[0], ',');
    omitted text[] := string_to_array(TG_ARGV[1], ',');
BEGIN
    WITH told AS MATERIALIZED (
        SELECT TG_TABLE_NAME || '/' || array_to_string(
                ARRAY(SELECT fields ->> name FROM unnest(keys) AS name), '/') AS subject,
            convert_to((fields - omitted)::text, 'UTF8') AS body
        FROM (SELECT to_jsonb(written) AS fields FROM written OFFSET 0) AS rows_written
    ), entered AS (
        INSERT INTO ledger_entry (actor, kind, subject, body, digest)
        SELECT writer, deed, subject, body, sha256(body) FROM told
        RETURNING id
    )
    INSERT INTO ledger_due (entry_id) SELECT id FROM entered;
    RETURN NULL;
END
$$;

-- As in 0028, likewise.
CREATE OR REPLACE FUNCTION enter_decisions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET bytea_output = 'hex' AS $$
DECLARE
    writer text := 'database/' || coalesce(nullif(current_setting('role'), 'none'), session_user);
BEGIN
    WITH told AS MATERIALIZED (
        SELECT writer AS actor, 'row.added' AS kind, 'gate_decision/' || id AS subject,
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
