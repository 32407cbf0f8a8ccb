-- name: lock_vehicles
-- One at a time looks for, or opens, a deviation of these vehicles on their legs. All of them are
-- locked at once and in one order: who opened one deviation waits for nobody on the way to the next.
SELECT pg_advisory_xact_lock(vehicle) FROM (
    SELECT DISTINCT hashtextextended(concat_ws(E'\x1f', 'coldgate.vehicle', sent.consignor_id,
        leg.carrier_id, leg.vehicle, leg.origin, leg.destination), 0) AS vehicle
    FROM consignment AS sent JOIN leg ON leg.consignment_id = sent.id
    WHERE sent.id = %(consignment)s AND leg.vehicle <> ''
    ORDER BY vehicle) AS vehicles

-- name: of_event
-- The open one before any that is closed, and the oldest of several.
SELECT id, cause, verdict, closed_at
FROM deviation d
WHERE d.party_id = %(party)s AND d.quantity = %(quantity)s
  AND d.side IS NOT DISTINCT FROM %(side)s
  AND d.began_at <= %(ended_at)s::timestamptz + %(nearness)s::interval
  AND d.ended_at >= %(began_at)s::timestamptz - %(nearness)s::interval
  AND (EXISTS (SELECT FROM deviation_subject s
               WHERE s.deviation_id = d.id AND s.consignment_id = %(consignment)s)
       OR (%(vehicle)s <> ''
           AND (d.carrier_id, d.vehicle, d.origin, d.destination)
             = (%(carrier)s, %(vehicle)s, %(origin)s, %(destination)s)))
ORDER BY d.closed_at IS NOT NULL, d.id LIMIT 1
FOR NO KEY UPDATE

-- name: of_cause
-- What the judge found and what the gate says of it are one.
SELECT id, cause, verdict, closed_at
FROM deviation d
WHERE d.closed_at IS NULL
  AND EXISTS (SELECT FROM deviation_subject s
              WHERE s.deviation_id = d.id AND s.consignment_id = %(consignment)s)
  AND (d.cause = %(cause)s
       OR (d.cause = ANY (%(conditions)s) AND %(cause)s = ANY (%(conditions)s)))
  AND (%(with_events)s OR d.began_at IS NULL)
ORDER BY d.cause <> %(cause)s, d.id LIMIT 1
FOR NO KEY UPDATE

-- name: insert
INSERT INTO deviation (consignment_id, cause, verdict, evaluation_id, gate_decision_id, facts,
    party_id, source, trend_code, quantity, side, began_at, ended_at, carrier_id, vehicle, origin,
    destination, due_on)
VALUES (%(consignment)s, %(cause)s, %(verdict)s, %(evaluation_id)s, %(gate_decision_id)s,
    %(facts)s, %(party)s, %(source)s, %(trend_code)s, %(quantity)s, %(side)s, %(began_at)s,
    %(ended_at)s, %(carrier)s, %(vehicle)s, %(origin)s, %(destination)s, %(due_on)s)
RETURNING id

-- name: worsen
UPDATE deviation
SET cause = %(cause)s, verdict = %(verdict)s, changed_by = 'coldgate'
WHERE id = %(id)s

-- name: widen
UPDATE deviation
SET began_at = least(began_at, %(began_at)s), ended_at = greatest(ended_at, %(ended_at)s),
    changed_by = 'coldgate'
WHERE id = %(id)s AND closed_at IS NULL
  AND (began_at > %(began_at)s OR ended_at < %(ended_at)s)

-- name: insert_subject
INSERT INTO deviation_subject (deviation_id, consignment_id, goods, custody)
VALUES (%(deviation)s, %(consignment)s, %(goods)s, %(custody)s)
ON CONFLICT DO NOTHING

-- name: insert_evidence
INSERT INTO deviation_evidence (deviation_id, consignment_id, evaluation_id, verdict, began_at,
    ended_at, excursions, impact)
VALUES (%(deviation)s, %(consignment)s, %(evaluation)s, %(verdict)s, %(began_at)s, %(ended_at)s,
    %(excursions)s, %(impact)s)
ON CONFLICT DO NOTHING

-- name: insert_recurrence
-- The newest of the same party's earlier deviations that are like this one in any respect. Going
-- back from the newest ends the search where there are many.
WITH own AS MATERIALIZED (
    SELECT deviation.id, deviation.party_id, deviation.opened_at, deviation.consignment_id,
        array_agg(leg.carrier_id) AS carriers,
        array_agg(leg.carrier_id || ' ' || leg.vehicle) FILTER (WHERE leg.vehicle <> '')
            AS vehicles,
        (array_agg(leg.origin ORDER BY leg.position))[1] AS origin,
        (array_agg(leg.destination ORDER BY leg.position DESC))[1] AS destination
    FROM deviation JOIN leg ON leg.consignment_id = deviation.consignment_id
    WHERE deviation.id = %(deviation)s
    GROUP BY deviation.id
)
INSERT INTO deviation_recurrence
    (deviation_id, earlier_id, consignment_id, same_lane, same_carrier, same_vehicle)
SELECT own.id, earlier.id, earlier.consignment_id, alike.lane, alike.carrier,
    coalesce(alike.vehicle, false)
FROM own
JOIN deviation earlier ON earlier.party_id = own.party_id AND earlier.id < own.id
    AND earlier.opened_at > own.opened_at - interval '12 months'
    AND earlier.consignment_id <> own.consignment_id
CROSS JOIN LATERAL (
    SELECT (array_agg(leg.origin ORDER BY leg.position))[1] = own.origin
            AND (array_agg(leg.destination ORDER BY leg.position DESC))[1] = own.destination
            AS lane,
        bool_or(leg.carrier_id = ANY (own.carriers)) AS carrier,
        bool_or(leg.carrier_id || ' ' || leg.vehicle = ANY (own.vehicles)) AS vehicle
    FROM leg WHERE leg.consignment_id = earlier.consignment_id
) alike
WHERE alike.lane OR alike.carrier OR alike.vehicle
ORDER BY earlier.id DESC LIMIT 200
ON CONFLICT DO NOTHING

-- name: goods
SELECT coalesce(jsonb_agg(jsonb_build_object(
        'position', l.position, 'product', l.product_id, 'gtin', product.gtin,
        'lot', l.lot_number, 'expires_on', lot.expires_on, 'quantity', l.quantity,
        'serials', l.serials, 'sscc', l.sscc, 'zone', l.zone, 'state', l.state
    ) ORDER BY l.position), '[]')
FROM consignment_line l
LEFT JOIN product ON product.id = l.product_id
LEFT JOIN lot ON lot.product_id = l.product_id AND lot.number = l.lot_number
WHERE l.consignment_id = %(consignment)s

-- name: told
SELECT id, kind, happened_at FROM custody_event WHERE consignment_id = %(consignment)s
UNION ALL
SELECT NULL, 'departed', min(changed_at)
FROM line_transition JOIN consignment_line line ON line.id = line_transition.line_id
WHERE line.consignment_id = %(consignment)s AND to_state = 'in_transit'
  AND NOT EXISTS (SELECT FROM custody_event
                  WHERE consignment_id = %(consignment)s AND kind = 'departed')
HAVING min(changed_at) IS NOT NULL
ORDER BY happened_at, id

-- name: spent
SELECT DISTINCT ON (product_id, lot_number, serial)
    product_id, lot_number, serial, before_optimistic_ppb, before_measured_ppb,
    before_pessimistic_ppb, optimistic_ppb, measured_ppb, pessimistic_ppb
FROM lot_spend WHERE consignment_id = %(consignment)s
ORDER BY product_id, lot_number, serial, id DESC

-- name: earlier_on_lane
SELECT count(*)
FROM lane own
JOIN LATERAL (
    SELECT DISTINCT ON (lane_record.consignment_id) lane_record.began_at, with_excursions
    FROM lane_record
    WHERE (consignor_id, origin, destination)
        = (own.consignor_id, own.origin, own.destination)
      AND lane_record.consignment_id <> %(consignment)s
    ORDER BY lane_record.consignment_id, evaluation_id DESC
) other ON true
WHERE own.consignment_id = %(consignment)s AND other.with_excursions
  AND other.began_at BETWEEN %(began_at)s::timestamptz - interval '12 months' AND %(began_at)s

-- name: lane
SELECT origin, destination FROM lane WHERE consignment_id = %(consignment)s

-- name: deviations
-- Only consignments that the caller sees are told of.
SELECT d.id, subject.consignments[1] AS consignment_id, subject.consignments, d.party_id, d.cause,
    d.verdict, d.source, d.trend_code, d.evaluation_id, d.gate_decision_id, d.facts, d.quantity,
    d.side, d.began_at, d.ended_at, d.carrier_id, d.vehicle, d.origin, d.destination,
    d.classification, d.rationale, d.containment, d.impact_assessment, d.packaging_state,
    d.manufacturer_answer, d.manufacturer_document_id, d.root_cause, d.root_cause_method,
    d.root_cause_category, d.notifications, d.owner_user_id, d.due_on, d.capa_id,
    d.no_capa_reason, d.approval_id, d.revision, d.opened_at, d.closed_at
FROM deviation d
CROSS JOIN LATERAL (
    SELECT array_agg(s.consignment_id ORDER BY s.consignment_id) AS consignments
    FROM deviation_subject s JOIN consignment c ON c.id = s.consignment_id
    WHERE s.deviation_id = d.id
      AND (%(scope)s::text IS NULL OR %(scope)s IN (c.consignor_id, c.consignee_id)
           OR EXISTS (SELECT FROM leg
                      WHERE leg.consignment_id = c.id AND leg.carrier_id = %(scope)s))
) subject
WHERE subject.consignments IS NOT NULL
  AND (%(ids)s::bigint[] IS NULL OR d.id = ANY (%(ids)s))
  AND d.id > %(after)s
ORDER BY d.id LIMIT %(limit)s

-- name: of_consignment
SELECT deviation_id FROM deviation_subject WHERE consignment_id = %(consignment)s

-- name: lock
SELECT FROM deviation WHERE id = %(id)s FOR NO KEY UPDATE

-- name: subjects
SELECT s.consignment_id, s.goods, s.custody, s.added_at,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'position', l.position, 'product', l.product_id, 'lot', l.lot_number,
            'quantity', l.quantity, 'state', l.state, 'transition', newest.id,
            'since', newest.changed_at) ORDER BY l.position), '[]')
     FROM consignment_line l
     LEFT JOIN LATERAL (SELECT t.id, t.changed_at FROM line_transition t
                        WHERE t.line_id = l.id ORDER BY t.id DESC LIMIT 1) newest ON true
     WHERE l.consignment_id = s.consignment_id) AS whereabouts
FROM deviation_subject s JOIN consignment c ON c.id = s.consignment_id
WHERE s.deviation_id = %(id)s
ORDER BY s.consignment_id

-- name: evidence
SELECT e.consignment_id, e.evaluation_id, v.version AS evaluation_version, v.input_digest,
    e.verdict, e.began_at, e.ended_at, e.excursions, e.impact, e.recorded_at
FROM deviation_evidence e JOIN evaluation v ON v.id = e.evaluation_id
WHERE e.deviation_id = %(id)s ORDER BY e.id

-- name: recurrence
SELECT earlier_id, consignment_id, same_lane, same_carrier, same_vehicle
FROM deviation_recurrence WHERE deviation_id = %(id)s ORDER BY earlier_id

-- name: revise
UPDATE deviation SET classification = %(classification)s, rationale = %(rationale)s,
    containment = %(containment)s, impact_assessment = %(impact_assessment)s,
    packaging_state = %(packaging_state)s, manufacturer_answer = %(manufacturer_answer)s,
    manufacturer_document_id = %(manufacturer_document_id)s, root_cause = %(root_cause)s,
    root_cause_method = %(root_cause_method)s, root_cause_category = %(root_cause_category)s,
    notifications = %(notifications)s, owner_user_id = %(owner_user_id)s, due_on = %(due_on)s,
    capa_id = %(capa_id)s, no_capa_reason = %(no_capa_reason)s, changed_by = %(changed_by)s
WHERE id = %(id)s

-- name: await_signature
UPDATE deviation SET approval_id = %(approval)s, changed_by = %(changed_by)s WHERE id = %(id)s

-- name: close
UPDATE deviation SET closed_at = clock_timestamp(), changed_by = %(changed_by)s WHERE id = %(id)s
RETURNING closed_at
