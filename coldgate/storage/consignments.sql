-- name: insert
INSERT INTO consignment (id, consignor_id, consignee_id, profile_id, profile_version,
    planned_departure_at, planned_arrival_at, release_policy)
VALUES (%(id)s, %(consignor)s, %(consignee)s, %(profile_id)s, %(profile_version)s,
    %(planned_departure_at)s, %(planned_arrival_at)s, %(release_policy)s)

-- name: insert_line
INSERT INTO consignment_line
    (consignment_id, position, product_id, lot_number, quantity, zone, sscc, serials)
VALUES (%(consignment)s, %(position)s, %(product)s, %(lot)s, %(quantity)s, %(zone)s, %(sscc)s,
        %(serials)s)

-- name: insert_leg
INSERT INTO leg (consignment_id, position, carrier_id, origin, destination, vehicle)
VALUES (%(consignment)s, %(position)s, %(carrier)s, %(origin)s, %(destination)s, %(vehicle)s)

-- name: visible
SELECT c.id, c.consignor_id, c.consignee_id, c.profile_id, c.profile_version, c.created_at,
    c.planned_departure_at, c.planned_arrival_at, c.release_policy,
    ARRAY(SELECT DISTINCT leg.carrier_id FROM leg WHERE leg.consignment_id = c.id
          ORDER BY leg.carrier_id) AS carrier_ids
FROM consignment c
WHERE (%(id)s::text IS NULL OR c.id = %(id)s)
  AND (%(scope)s::text IS NULL OR %(scope)s IN (c.consignor_id, c.consignee_id)
       OR EXISTS (SELECT FROM leg WHERE leg.consignment_id = c.id AND leg.carrier_id = %(scope)s))
  AND c.id > %(after)s
ORDER BY c.id LIMIT %(limit)s

-- name: lock
-- Not so hard that rows which only name this consignment, as those that have it judged again, wait:
-- who holds one consignment and names another would deadlock with who does it the other way round.
SELECT FROM consignment WHERE id = %(id)s FOR NO KEY UPDATE

-- name: lines
SELECT position, product_id, lot_number, quantity, zone, sscc, serials, state
FROM consignment_line
WHERE consignment_id = %(id)s ORDER BY position

-- name: legs
SELECT position, carrier_id, origin, destination, vehicle FROM leg
WHERE consignment_id = %(id)s ORDER BY position

-- name: set_profile
UPDATE consignment SET profile_id = %(profile_id)s, profile_version = %(profile_version)s
WHERE id = %(id)s

-- name: set_plan
UPDATE consignment SET planned_departure_at = %(planned_departure_at)s,
    planned_arrival_at = %(planned_arrival_at)s, release_policy = %(release_policy)s
WHERE id = %(id)s

-- name: move_lines
UPDATE consignment_line SET state = %(to_state)s
WHERE consignment_id = %(id)s AND state = ANY (%(from_states)s)
  AND (%(positions)s::integer[] IS NULL OR position = ANY (%(positions)s))
RETURNING position, product_id, lot_number, quantity, zone, sscc, serials, state

-- name: insert_event
INSERT INTO custody_event (consignment_id, kind, happened_at, party_id, note)
VALUES (%(consignment)s, %(kind)s, %(happened_at)s, %(party)s, %(note)s)
RETURNING id, kind, happened_at, recorded_at, party_id, note

-- name: events
SELECT id, kind, happened_at, recorded_at, party_id, note FROM custody_event
WHERE consignment_id = %(id)s ORDER BY happened_at, id

-- name: touch
INSERT INTO touched (consignment_id) VALUES (%(id)s)

-- name: wake_judge
NOTIFY coldgate_touched
