-- A judge of before reads journeys by the rules of its time (0106): it waits as the gate's processes do.

CREATE OR REPLACE FUNCTION refuse_processes_before(migration integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT * FROM (VALUES
        ('gate_decision', 'INSERT'), ('permit_redemption', 'INSERT'), ('consignment_line', 'UPDATE'),
        ('evaluation', 'INSERT')
    ) AS fenced (target, act)
    LOOP
        EXECUTE format($trigger$
            CREATE OR REPLACE TRIGGER older_processes_wait BEFORE %s ON %I FOR EACH STATEMENT
            WHEN (current_user IN ('coldgate_api', 'coldgate_analytics')
                  AND coalesce(current_setting('coldgate.schema', true), '') < %L)
            EXECUTE FUNCTION refuse_older_process()
            $trigger$, one.act, one.target, lpad(migration::text, 4, '0'));
    END LOOP;
END
$$;
SELECT refuse_processes_before(49);
