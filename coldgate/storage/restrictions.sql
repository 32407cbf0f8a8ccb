-- name: lock_lot
SELECT pg_advisory_xact_lock(lot_lock(%(product)s, %(lot)s))

-- name: lock_consignments
SELECT sent.id FROM consignment AS sent
WHERE sent.id IN (
    SELECT line.consignment_id FROM consignment_line AS line
    WHERE line.product_id IN (SELECT same_article(%(product)s)) AND line.lot_number = %(lot)s
      AND line.state NOT IN ('rejected', 'returned'))
ORDER BY sent.id
FOR NO KEY UPDATE

-- name: insert
INSERT INTO restriction (kind, product_id, lot_number, reason, reference, placed_by, actor)
VALUES (%(kind)s, %(product)s, %(lot)s, %(reason)s, %(reference)s, %(placed_by)s, %(actor)s)
RETURNING id

-- name: insert_refusal
-- Whatever left before the goods had come, by what anybody told of it, are other units. Who sent the
-- goods settles it; of what came home to a manufacturer of the number, that one.
INSERT INTO restriction (kind, product_id, lot_number, reason, placed_by, actor, consignment_id,
    serials, since)
SELECT 'refusal', %(product)s, %(lot)s, %(reason)s,
    CASE WHEN came_home(sent, %(product)s) THEN consignee_id ELSE consignor_id END,
    %(actor)s, id, %(serials)s,
    least(
        (SELECT min(happened_at) FROM custody_event
         WHERE consignment_id = sent.id AND kind IN ('received', 'opened')),
        (SELECT min(changed_at) FROM line_transition
         JOIN consignment_line AS line ON line.id = line_transition.line_id
         WHERE line.consignment_id = sent.id AND to_state = 'quarantined'))
FROM consignment AS sent WHERE id = %(consignment)s
RETURNING id

-- name: concerned
SELECT line.consignment_id, line.position, line.product_id, line.quantity, line.state,
    sent.consignor_id, sent.consignee_id,
    ARRAY(SELECT DISTINCT leg.carrier_id FROM leg WHERE leg.consignment_id = sent.id
          ORDER BY leg.carrier_id) AS carrier_ids
FROM restriction AS placed
JOIN consignment_line AS line
    ON line.product_id IN (SELECT same_article(placed.product_id))
    AND line.lot_number = placed.lot_number
JOIN consignment AS sent ON sent.id = line.consignment_id
WHERE placed.id = %(restriction)s AND meets_line(placed.id, line.id)
ORDER BY line.consignment_id, line.position

-- name: restriction
SELECT * FROM restriction_shown WHERE id = %(id)s

-- name: restrictions
SELECT shown.*
FROM (SELECT id FROM restrictions_in_reach() AS id WHERE id > %(after)s ORDER BY id) AS reach
JOIN restriction_shown AS shown ON shown.id = reach.id
WHERE (%(product)s::text IS NULL OR shown.product_id = %(product)s)
  AND (%(lot)s::text IS NULL OR shown.lot_number = %(lot)s)
  AND (NOT %(open)s OR shown.lifted_at IS NULL)
ORDER BY reach.id LIMIT %(limit)s

-- name: lift
INSERT INTO restriction_lift (restriction_id, lifted_by, reason, approval_id)
VALUES (%(id)s, %(lifted_by)s, %(reason)s, %(approval_id)s)
ON CONFLICT DO NOTHING
RETURNING restriction_id

-- name: ask_lift
INSERT INTO restriction_lift_request (restriction_id, reason, requested_by)
VALUES (%(restriction)s, %(reason)s, %(requested_by)s)
RETURNING id, restriction_id, reason, requested_by, requested_at

-- name: lift_requests
SELECT id, restriction_id, reason, requested_by, requested_at FROM restriction_lift_request
WHERE (%(id)s::bigint IS NULL OR id = %(id)s)
  AND (%(restriction)s::bigint IS NULL OR restriction_id = %(restriction)s)
ORDER BY id
