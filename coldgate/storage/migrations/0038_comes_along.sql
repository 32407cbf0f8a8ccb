-- What older versions stored, and older processes that still run, under the rules of today.

-- 1. Goods that were refused ----------------------------------------------------------------------

-- Since 0025 a signed rejection or return holds what may be these units wherever somebody sends them
-- next. What was refused before is held as well, until somebody signs what became of it; `since` is
-- that of restrictions.sql.
INSERT INTO restriction (kind, product_id, lot_number, reason, placed_by, actor, consignment_id,
    serials, since)
SELECT 'refusal', refused.product_id, refused.lot_number,
    refused.units || ' of the lot were refused; say by signature what became of them',
    sent.consignor_id, 'database/migration', sent.id,
    CASE WHEN cardinality(refused.named) = refused.units THEN refused.named END,
    coalesce(least(
        (SELECT min(happened_at) FROM custody_event
         WHERE consignment_id = sent.id AND kind IN ('received', 'opened')),
        (SELECT min(changed_at) FROM line_transition
         JOIN consignment_line AS line ON line.id = line_transition.line_id
         WHERE line.consignment_id = sent.id AND to_state = 'quarantined')), sent.created_at)
FROM (
    SELECT line.consignment_id, line.product_id, line.lot_number, sum(line.quantity) AS units,
        ARRAY(SELECT serial FROM consignment_line AS own CROSS JOIN unnest(own.serials) AS serial
              WHERE (own.consignment_id, own.product_id, own.lot_number)
                  = (line.consignment_id, line.product_id, line.lot_number)
                AND own.state IN ('rejected', 'returned')
              ORDER BY own.position, serial) AS named
    FROM consignment_line AS line
    WHERE line.state IN ('rejected', 'returned')
    GROUP BY line.consignment_id, line.product_id, line.lot_number
) AS refused
JOIN consignment AS sent ON sent.id = refused.consignment_id
JOIN product ON product.id = refused.product_id  -- what nobody lists nobody can restrict
WHERE NOT EXISTS (
    SELECT FROM restriction AS placed
    WHERE placed.kind = 'refusal'
      AND (placed.consignment_id, placed.product_id, placed.lot_number)
          = (refused.consignment_id, refused.product_id, refused.lot_number))
ORDER BY sent.id, refused.product_id, refused.lot_number;

-- 2. Processes of before --------------------------------------------------------------------------

-- Every session says by which migration its process was made (`coldgate.schema`). One that is older
-- would let goods go by the rules of its time: it is told so instead, as a database that is not
-- there yet would tell it, and its callers come again.
CREATE FUNCTION refuse_older_process() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'this process is older than the database: end it, and start the new version'
        USING ERRCODE = 'cannot_connect_now';
END
$$;
REVOKE EXECUTE ON FUNCTION refuse_older_process() FROM PUBLIC;

-- Moves nothing any more for processes from before a migration that brings rules which they lack.
CREATE FUNCTION refuse_processes_before(migration integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT * FROM (VALUES
        ('gate_decision', 'INSERT'), ('permit_redemption', 'INSERT'), ('consignment_line', 'UPDATE')
    ) AS fenced (target, act)
    LOOP
        EXECUTE format($trigger$
            CREATE OR REPLACE TRIGGER older_processes_wait BEFORE %s ON %I FOR EACH STATEMENT
            WHEN (current_user = 'coldgate_api'
                  AND coalesce(current_setting('coldgate.schema', true), '') < %L)
            EXECUTE FUNCTION refuse_older_process()
            $trigger$, one.act, one.target, lpad(migration::text, 4, '0'));
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION refuse_processes_before(integer) FROM PUBLIC;
SELECT refuse_processes_before(38);
