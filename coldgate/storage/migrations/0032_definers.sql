-- Functions with the rights of their owner are for whom they are meant, and broken evidence stays so.

-- 1. Rights of the owner --------------------------------------------------------------------------

-- Names were written out in these, but a type is looked for among the session's own first, and a
-- domain of that name checks its values with a function of whoever made it.
ALTER FUNCTION sees_consignment(text) SET search_path = public, pg_temp;
ALTER FUNCTION travels_where_seen(integer) SET search_path = public, pg_temp;
ALTER FUNCTION is_operator(text) SET search_path = public, pg_temp;
ALTER FUNCTION vouches_for(text, text) SET search_path = public, pg_temp;

-- A trigger on a table of one's own would write what only the real one may have written; triggers
-- that are there ask nobody's right. What was anybody's to ask is the api's, whose policies ask it.
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT oid::regprocedure AS signature, prorettype = 'trigger'::regtype AS is_trigger
        FROM pg_proc
        WHERE prosecdef AND pronamespace = 'public'::regnamespace
          AND has_function_privilege('public', oid, 'EXECUTE')
          AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one.signature);
        IF NOT one.is_trigger THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO coldgate_api', one.signature);
        END IF;
    END LOOP;
END
$$;
GRANT EXECUTE ON FUNCTION vouches_for(text, text) TO coldgate_analytics;

-- 2. Evidence -------------------------------------------------------------------------------------

-- What a first audit found beside the messages, every later one forgot. It is of the newest from now
-- on, and a release that stood on that falls.
INSERT INTO evidence_relapse (evaluation_id, problem)
SELECT DISTINCT newest.id, problem
FROM evidence_audit AS earlier
JOIN evaluation AS seen ON seen.id = earlier.evaluation_id
CROSS JOIN LATERAL jsonb_array_elements_text(earlier.problems) AS problem
CROSS JOIN LATERAL (
    SELECT evaluation.id FROM evaluation
    JOIN evidence_audit ON evaluation_id = evaluation.id
    WHERE evaluation.consignment_id = seen.consignment_id ORDER BY version DESC LIMIT 1
) AS newest
WHERE problem LIKE 'channel %, which never came'
ON CONFLICT DO NOTHING;
