-- What was refused has spent what it spent, once it may travel again; what a party may make in a day.

-- As of other facts of a judgement (0010): what is here already is known to every evaluation.
ALTER TABLE restriction_lift ADD COLUMN transaction xid8;
ALTER TABLE restriction_lift ALTER COLUMN transaction SET DEFAULT pg_current_xact_id();
CREATE VIEW past.restriction_lift AS
SELECT * FROM restriction_lift WHERE past.knows(transaction);
GRANT SELECT ON restriction, restriction_lift, past.restriction_lift TO coldgate_analytics;

CREATE INDEX restriction_by_refusal ON restriction (consignment_id) WHERE kind = 'refusal';

-- Whether a line was rejected, and nobody signed that its units may travel again. Of a refusal that
-- did not name its units a lift may be about any. Names are those of the caller's search path, so
-- that a replay asks the past.
CREATE FUNCTION goes_nowhere(line bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM line_transition WHERE line_id = $1 AND to_state = 'rejected')
       AND NOT EXISTS (
           SELECT FROM consignment_line AS carried
           JOIN restriction AS refusal
               ON refusal.kind = 'refusal'
               AND (refusal.consignment_id, refusal.product_id, refusal.lot_number)
                   = (carried.consignment_id, carried.product_id, carried.lot_number)
           JOIN restriction_lift AS lift ON lift.restriction_id = refusal.id
           WHERE carried.id = $1 AND coalesce(carried.serials && refusal.serials, true))
$$;

ALTER TABLE daily_use
    DROP CONSTRAINT daily_use_kind_check,
    ADD CONSTRAINT daily_use_kind_check
        CHECK (kind IN ('upload', 'scan', 'refusal', 'consignment', 'thing'));
