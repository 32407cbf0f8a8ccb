-- name: permit
SELECT id, decision_id, consignment_id, purpose, audience, lines, issued_at, expires_at
FROM permit WHERE id = %(id)s

-- name: standing
-- Read under the consignment's lock, by the database's clock; one set back lengthens no life.
SELECT clock_timestamp() < permit.issued_at OR clock_timestamp() >= permit.expires_at AS expired, used.redeemed_at
FROM permit LEFT JOIN permit_redemption AS used ON used.permit_id = permit.id
WHERE permit.id = %(id)s

-- name: taken
SELECT position, quantity FROM taken_units(%(consignment)s, %(purpose)s, %(id)s)

-- name: promised
SELECT named.position, sum(named.quantity)
FROM permit
CROSS JOIN LATERAL jsonb_to_recordset(permit.lines) AS named (position integer, quantity integer)
WHERE permit.consignment_id = %(consignment)s AND permit.purpose = %(purpose)s
  AND clock_timestamp() < permit.expires_at
  AND NOT EXISTS (SELECT FROM permit_redemption AS used WHERE used.permit_id = permit.id)
GROUP BY named.position

-- name: redeem
INSERT INTO permit_redemption (permit_id, redeemed_by) VALUES (%(id)s, %(actor)s)
RETURNING redeemed_at
