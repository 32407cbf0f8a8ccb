-- A lot's last day of use is corrected by who registered it, and what was said before stays readable.

CREATE TABLE lot_correction (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lot_id bigint NOT NULL REFERENCES lot,
    expired_on date NOT NULL,  -- the last day of use until then; whatever is entered here
    expires_on date NOT NULL CHECK (expires_on <> expired_on),
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 2000),
    corrected_by text NOT NULL,
    corrected_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX lot_correction_by_lot ON lot_correction (lot_id, id);

-- The lot itself has the newest value, so that nobody who asks for it needs to know of corrections;
-- no process may write it otherwise. Goods that may be used again have their evidence looked at
-- again (0103).
CREATE FUNCTION correct_lot() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    corrected lot%ROWTYPE;
BEGIN
    SELECT * INTO corrected FROM lot WHERE id = NEW.lot_id FOR NO KEY UPDATE;
    NEW.expired_on := corrected.expires_on;
    UPDATE lot SET expires_on = NEW.expires_on WHERE id = NEW.lot_id;
    IF NEW.expires_on > NEW.expired_on THEN
        INSERT INTO evidence_watch (consignment_id, audited_at, due_at)
        SELECT line.consignment_id, max(audit.audited_at), clock_timestamp()
        FROM consignment_line AS line
        JOIN evaluation ON evaluation.consignment_id = line.consignment_id
        JOIN evidence_audit AS audit ON audit.evaluation_id = evaluation.id
        WHERE line.product_id = corrected.product_id AND line.lot_number = corrected.number
        GROUP BY line.consignment_id
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NEW;
END
$$;
REVOKE EXECUTE ON FUNCTION correct_lot() FROM PUBLIC;
CREATE TRIGGER lot_is_corrected BEFORE INSERT ON lot_correction
    FOR EACH ROW EXECUTE FUNCTION correct_lot();

SELECT make_append_only('lot_correction');
SELECT keep_in_ledger('lot_correction');
-- The lot stands behind its own policy: it is corrected by who sees it, its owner.
SELECT guard_rows('lot_correction', $$EXISTS (SELECT FROM lot WHERE lot.id = lot_id)$$);
GRANT SELECT, INSERT ON lot_correction TO coldgate_api;
