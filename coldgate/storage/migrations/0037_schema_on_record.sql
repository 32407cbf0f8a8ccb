-- What decides in this database is on record: the migration step enters it, and nobody else does.

CREATE OR REPLACE FUNCTION append_ledger(actor text, kind text, subject text, body bytea)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    entry bigint;
BEGIN
    IF $2 = 'schema.recorded' THEN
        RAISE EXCEPTION 'only the migration step records the schema'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO ledger_entry (actor, kind, subject, body, digest)
    VALUES ($1, $2, $3, $4, sha256($4)) RETURNING id INTO entry;
    INSERT INTO ledger_due (entry_id) VALUES (entry);
    RETURN entry;
END
$$;
