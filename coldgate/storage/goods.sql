-- name: insert_product
INSERT INTO product
    (id, party_id, name, gtin, hibc, scan_required, freeze_sensitive, shock_sensitive)
VALUES (%(id)s, %(party)s, %(name)s, %(gtin)s, %(hibc)s, %(scan_required)s, %(freeze_sensitive)s,
        %(shock_sensitive)s)
RETURNING id, party_id, name, gtin, hibc, scan_required, freeze_sensitive, shock_sensitive,
    created_at

-- name: products
SELECT id, party_id, name, gtin, hibc, scan_required, freeze_sensitive, shock_sensitive,
    created_at FROM product
WHERE (%(scope)s::text IS NULL OR party_id = %(scope)s)
  AND (%(id)s::text IS NULL OR id = %(id)s) AND id > %(after)s
ORDER BY id LIMIT %(limit)s

-- name: identify_product
UPDATE product SET gtin = %(gtin)s, hibc = %(hibc)s, scan_required = %(scan_required)s
WHERE id = %(id)s
RETURNING id, party_id, name, gtin, hibc, scan_required, freeze_sensitive, shock_sensitive,
    created_at

-- name: insert_lot
INSERT INTO lot (product_id, number, expires_on) VALUES (%(product)s, %(number)s, %(expires_on)s)
RETURNING product_id, number, expires_on, created_at

-- name: lots
SELECT product_id, number, expires_on, created_at FROM lot
WHERE product_id = %(product)s AND (%(number)s::text IS NULL OR number = %(number)s)
ORDER BY number

-- name: correct_lot
-- What it was until now is looked up, and the lot changed, as the row is entered.
WITH corrected AS (
    INSERT INTO lot_correction (lot_id, expires_on, reason, corrected_by)
    SELECT id, %(expires_on)s, %(reason)s, %(actor)s FROM lot
    WHERE product_id = %(product)s AND number = %(number)s
    RETURNING *
)
SELECT corrected.id, lot.product_id, lot.number, corrected.expired_on, corrected.expires_on,
    corrected.reason, corrected.corrected_by, corrected.corrected_at
FROM corrected JOIN lot ON lot.id = corrected.lot_id

-- name: corrections
SELECT said.id, lot.product_id, lot.number, said.expired_on, said.expires_on, said.reason,
    said.corrected_by, said.corrected_at
FROM lot JOIN lot_correction AS said ON said.lot_id = lot.id
WHERE lot.product_id = %(product)s AND lot.number = %(number)s
ORDER BY said.id

-- name: bound_lines
-- Of who has the lot: under the article, and where a manufacturer or the operator lists that, under
-- every article of the number.
SELECT line.consignment_id, line.position, line.product_id, line.quantity, line.state,
    sent.consignor_id, sent.consignee_id,
    ARRAY(SELECT DISTINCT leg.carrier_id FROM leg WHERE leg.consignment_id = sent.id
          ORDER BY leg.carrier_id) AS carrier_ids
FROM same_article(%(product)s) AS article (id)
CROSS JOIN LATERAL counted_consignments(article.id, %(number)s) AS journey (id)
JOIN consignment AS sent ON sent.id = journey.id
JOIN consignment_line AS line
    ON (line.consignment_id, line.product_id, line.lot_number)
       = (sent.id, article.id, %(number)s)
WHERE article.id = %(product)s OR EXISTS (
    SELECT FROM lot_owners(%(product)s) AS owner
    WHERE owner.is_listed AND owner.kind IN ('manufacturer', 'operator'))
ORDER BY line.consignment_id, line.position
