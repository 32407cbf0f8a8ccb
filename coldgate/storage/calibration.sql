-- name: insert_certificate
INSERT INTO certificate
    (logger_id, sensor, quantity, number, valid_from, valid_to, expanded_milli, resolution_milli,
     drift_milli, corrections, document_sha256, supersedes, entered_by)
VALUES (%(logger_id)s, %(sensor)s, %(quantity)s, %(number)s, %(valid_from)s, %(valid_to)s,
        %(expanded_milli)s, %(resolution_milli)s, %(drift_milli)s, %(corrections)s,
        %(document_sha256)s, %(supersedes)s, %(entered_by)s)
RETURNING id

-- name: certificates
SELECT c.id, c.logger_id, c.sensor, c.quantity, c.number, c.valid_from, c.valid_to,
    c.expanded_milli, c.resolution_milli, c.drift_milli, c.corrections,
    encode(c.document_sha256, 'hex') AS document_sha256, c.supersedes, later.id AS superseded_by,
    c.entered_by, c.recorded_at
FROM certificate c
JOIN logger ON logger.id = c.logger_id
LEFT JOIN certificate later ON later.supersedes = c.id
WHERE c.logger_id = %(logger)s AND (%(id)s::bigint IS NULL OR c.id = %(id)s)
  AND (%(scope)s::text IS NULL OR %(scope)s IN (c.entered_by, logger.party_id)
       OR is_operator(c.entered_by))
ORDER BY c.valid_from, c.id

-- name: insert_range
INSERT INTO sensor_range (logger_id, quantity, low_milli, high_milli, entered_by)
VALUES (%(logger_id)s, %(quantity)s, %(low_milli)s, %(high_milli)s, %(entered_by)s)
RETURNING id, logger_id, quantity, low_milli, high_milli, entered_by, recorded_at

-- name: ranges
SELECT r.id, r.logger_id, r.quantity, r.low_milli, r.high_milli, r.entered_by, r.recorded_at
FROM sensor_range r
JOIN logger ON logger.id = r.logger_id
WHERE r.logger_id = %(logger)s
  AND (%(scope)s::text IS NULL OR %(scope)s IN (r.entered_by, logger.party_id)
       OR is_operator(r.entered_by))
ORDER BY r.id

-- name: touch
INSERT INTO touched (consignment_id)
SELECT DISTINCT placement.consignment_id
FROM placement
JOIN consignment ON consignment.id = placement.consignment_id
WHERE placement.logger_id = %(logger)s
  AND vouches_for(%(voucher)s, consignment.consignor_id)
  AND tstzrange(placement.placed_at, placement.removed_at)
      && tstzrange(%(from_at)s::timestamptz, %(to_at)s::timestamptz, '[]')

-- name: wake_judge
NOTIFY coldgate_touched

-- name: counting_certificates
SELECT certificate.logger_id, sensor, quantity, number, valid_from, valid_to, expanded_milli,
    resolution_milli, drift_milli, corrections
FROM certificate
JOIN consignment ON consignment.id = %(consignment)s
WHERE certificate.logger_id IN (
        SELECT logger_id FROM placement WHERE consignment_id = %(consignment)s)
  AND vouches_for(certificate.entered_by, consignment.consignor_id)
  AND NOT EXISTS (SELECT FROM certificate AS later WHERE later.supersedes = certificate.id)
ORDER BY certificate.logger_id, valid_from, number, expanded_milli, resolution_milli, drift_milli,
    corrections::text, valid_to

-- name: counting_ranges
SELECT DISTINCT ON (sensor_range.logger_id, quantity)
    sensor_range.logger_id, quantity, low_milli, high_milli
FROM sensor_range
JOIN consignment ON consignment.id = %(consignment)s
WHERE sensor_range.logger_id IN (
        SELECT logger_id FROM placement WHERE consignment_id = %(consignment)s)
  AND vouches_for(sensor_range.entered_by, consignment.consignor_id)
ORDER BY sensor_range.logger_id, quantity, sensor_range.id DESC
