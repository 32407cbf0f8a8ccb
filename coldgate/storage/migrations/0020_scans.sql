-- What was read off the labels of the goods, and how an article is named on them.

ALTER TABLE product ADD COLUMN hibc text  -- labeler, catalogue number and unit of measure
    CHECK (hibc ~ '^[A-Z][A-Z0-9]{3}[A-Z0-9]{1,18}[0-9]$');
ALTER TABLE product ADD COLUMN scan_required boolean NOT NULL DEFAULT false;
CREATE OR REPLACE VIEW past.product AS SELECT * FROM product WHERE past.knows(transaction);

-- One code as it was delivered. What it says is kept beside it, but not whether it fits: lots and
-- articles may be registered or corrected later, so that the gate compares anew each time.
CREATE TABLE scan (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consignment_id text NOT NULL REFERENCES consignment,
    purpose text NOT NULL CHECK (purpose IN ('dispatch', 'receipt_release')),
    raw text NOT NULL CHECK (length(raw) BETWEEN 1 AND 4096),
    parsed jsonb,  -- NULL: unreadable, and `problem` says why
    problem jsonb,
    scanned_by text NOT NULL,
    scanned_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (num_nonnulls(parsed, problem) = 1)
);
CREATE INDEX scan_by_consignment ON scan (consignment_id, id);

-- A dismissed scan counts neither against the goods nor for them.
CREATE TABLE scan_dismissal (
    scan_id bigint PRIMARY KEY REFERENCES scan,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 200),
    dismissed_by text NOT NULL,
    dismissed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

SELECT make_append_only('scan');
SELECT make_append_only('scan_dismissal');
SELECT guard_rows('scan', $$sees_consignment(consignment_id)$$);
-- The scan stands behind its own policy: who does not see it does not see its dismissal.
SELECT guard_rows('scan_dismissal', $$EXISTS (SELECT FROM scan WHERE scan.id = scan_id)$$);

-- The lines of a consignment with all that a scan is compared with.
CREATE FUNCTION scan_lines(consignment text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'position', line.position, 'product', line.product_id, 'lot', line.lot_number,
        'serials', line.serials, 'sscc', line.sscc, 'gtin', product.gtin, 'hibc', product.hibc,
        'scan_required', coalesce(product.scan_required, false),
        'expires_on', lot.expires_on) ORDER BY line.position), '[]')
    FROM consignment_line line
    LEFT JOIN product ON product.id = line.product_id
    LEFT JOIN lot ON lot.product_id = line.product_id AND lot.number = line.lot_number
    WHERE line.consignment_id = $1
$$;

-- What the gate asks of the scans of a consignment, in one value; NULL where nothing was scanned
-- and no article asks for it.
CREATE FUNCTION scan_facts(consignment text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN counted.scans IS NOT NULL OR EXISTS (
            SELECT FROM consignment_line line JOIN product ON product.id = line.product_id
            WHERE line.consignment_id = $1 AND product.scan_required)
        THEN jsonb_build_object(
            'scans', coalesce(counted.scans, '[]'), 'lines', scan_lines($1)) END
    FROM (
        SELECT jsonb_agg(jsonb_build_object(
            'id', scan.id, 'purpose', scan.purpose, 'parsed', scan.parsed,
            'problem', scan.problem) ORDER BY scan.id) AS scans
        FROM scan
        WHERE scan.consignment_id = $1
          AND NOT EXISTS (SELECT FROM scan_dismissal WHERE scan_id = scan.id)
    ) AS counted
$$;

GRANT SELECT, INSERT ON scan, scan_dismissal TO coldgate_api;
GRANT UPDATE (gtin, hibc, scan_required) ON product TO coldgate_api;
