-- name: spend
INSERT INTO daily_use (party_id, kind, uses, bytes)
VALUES (%(party)s, %(kind)s, 1, %(size)s)
ON CONFLICT (party_id, day, kind) DO UPDATE
SET uses = daily_use.uses + 1, bytes = daily_use.bytes + excluded.bytes
WHERE daily_use.uses < %(most_uses)s AND daily_use.bytes + excluded.bytes <= %(most_bytes)s

-- name: purge
DELETE FROM daily_use WHERE day < %(before)s

-- name: placements
SELECT count(*) FROM placement JOIN logger ON logger.id = placement.logger_id
WHERE placement.consignment_id = %(id)s AND logger.party_id = %(party)s

-- name: events
SELECT count(*) FROM custody_event WHERE consignment_id = %(id)s AND party_id = %(party)s

-- name: seals
SELECT count(*) FROM seal WHERE consignment_id = %(id)s AND declared_by = %(party)s

-- name: scans
SELECT count(*) FROM scan
WHERE consignment_id = %(id)s AND split_part(scanned_by, '/', 1) = %(party)s

-- name: documents
SELECT count(*) FROM document WHERE consignment_id = %(id)s AND party_id = %(party)s

-- name: permits
SELECT count(*) FROM permit WHERE consignment_id = %(id)s AND audience = %(party)s
