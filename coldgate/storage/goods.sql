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
SELECT product_id, number, expires_on, created_at FROM lot WHERE product_id = %(product)s
ORDER BY number
