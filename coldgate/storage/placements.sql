-- name: logger
SELECT id, party_id FROM logger
WHERE serial = %(serial)s AND party_id = ANY (%(parties)s)
ORDER BY id

-- name: lock_logger
SELECT FROM logger WHERE id = %(logger)s FOR NO KEY UPDATE

-- name: overlapping
SELECT p.consignment_id FROM placement p
WHERE p.logger_id = %(logger)s
  AND tstzrange(p.placed_at, p.removed_at) && tstzrange(%(placed_at)s, %(removed_at)s)
LIMIT 1

-- name: insert
WITH added AS (
    INSERT INTO placement (consignment_id, logger_id, zone, role, placed_at, removed_at)
    VALUES (%(consignment)s, %(logger)s, %(zone)s, %(role)s, %(placed_at)s, %(removed_at)s)
    RETURNING id, logger_id, zone, role, placed_at, removed_at, removal_reason
)
SELECT added.id, added.logger_id, logger.serial, logger.party_id, added.zone, added.role,
    added.placed_at, added.removed_at, added.removal_reason
FROM added JOIN logger ON logger.id = added.logger_id

-- name: placements
SELECT p.id, p.logger_id, l.serial, l.party_id, p.zone, p.role, p.placed_at, p.removed_at,
    p.removal_reason
FROM placement p JOIN logger l ON l.id = p.logger_id
WHERE p.consignment_id = %(consignment)s AND (%(id)s::bigint IS NULL OR p.id = %(id)s)
ORDER BY p.placed_at, p.id

-- name: remove
UPDATE placement SET removed_at = %(removed_at)s, removal_reason = %(reason)s
WHERE id = %(id)s AND consignment_id = %(consignment)s

-- name: channels
SELECT DISTINCT c.id AS channel_id, l.party_id
FROM placement p
JOIN logger l ON l.id = p.logger_id
JOIN channel c ON c.logger_id = l.id
WHERE p.consignment_id = %(consignment)s AND l.serial = %(serial)s
  AND c.quantity = %(quantity)s AND c.sensor = %(sensor)s
  AND (%(party)s::text IS NULL OR l.party_id = %(party)s)

-- name: readings
SELECT (extract(epoch FROM taken_at) * 1000)::bigint, value, flags
FROM readings_in(%(consignment)s, %(channel)s, %(from_at)s, %(to_at)s, %(after)s, %(limit)s)
