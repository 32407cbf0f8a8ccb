-- What every request and every entry costs beside what it says.

-- The first statement of a request that may come twice: from now on the transaction shows what
-- `scope` may see; whoever answers under the same key at this moment is waited for; and what was
-- answered under it is told.
CREATE FUNCTION answer_before(scope text, party text, key text)
RETURNS TABLE (request_digest text, status integer, response bytea)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('coldgate.party', $1, true),
        pg_advisory_xact_lock(hashtextextended($2 || ' ' || $3, 0));
    RETURN QUERY
    SELECT kept.request_digest, kept.status::integer, kept.response
    FROM idempotency AS kept WHERE kept.party_id = $2 AND kept.key = $3;
END
$$;
REVOKE EXECUTE ON FUNCTION answer_before(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION answer_before(text, text, text) TO coldgate_api;

-- In PL/pgSQL, which keeps its plan: one in SQL is read and planned by every statement that adds an
-- entry.
CREATE OR REPLACE FUNCTION entry_consignment(kind text, subject text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE
        WHEN kind LIKE 'row.%' THEN NULL
        WHEN subject LIKE 'consignment/%' THEN split_part(subject, '/', 2)
        WHEN kind LIKE ANY (ARRAY['consignment.%', 'gate.%', 'logger.placed', 'logger.removed',
            'log.sealed', 'event.%', 'release.%', 'lot.blocked', 'scan.%', 'permit.%',
            'disposition.%']) THEN split_part(subject, '/', 1)
    END;
END
$$;

-- What a decision leaves behind is packed to some two kilobytes: not set apart from its row for the
-- last few of them, which took a row and an index entry more each time.
ALTER TABLE gate_decision SET (toast_tuple_target = 4080);
ALTER TABLE ledger_entry SET (toast_tuple_target = 4080);
ALTER TABLE idempotency SET (toast_tuple_target = 4080);
