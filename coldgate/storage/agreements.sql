-- name: insert
INSERT INTO shelf_life_agreement
    (consignor_id, consignee_id, product_id, min_days, party_id, entered_by)
VALUES (%(consignor)s, %(consignee)s, %(product)s, %(min_days)s, %(party)s, %(entered_by)s)
RETURNING id, consignor_id, consignee_id, product_id, min_days, party_id, recorded_at

-- name: agreements
SELECT id, consignor_id, consignee_id, product_id, min_days, party_id, recorded_at
FROM shelf_life_agreement WHERE id > %(after)s
ORDER BY id LIMIT %(limit)s

-- name: minimum
SELECT * FROM agreed_shelf_life(%(consignment)s)
