-- name: logger
SELECT id, party_id FROM logger
WHERE serial = %(serial)s AND party_id = ANY (%(parties)s)
ORDER BY id

-- name: lock_logger
SELECT FROM logger WHERE id = %(logger)s FOR UPDATE

-- name: overlapping
SELECT p.consignment_id FROM placement p
WHERE p.logger_id = %(logger)s
  AND tstzrange(p.placed_at, p.removed_at) && tstzrange(%(placed_at)s, %(removed_at)s)
LIMIT 1

-- name: insert
WITH added AS (
    INSERT INTO placement (consignment_id, logger_id, zone, role, placed_at, removed_at)
    VALUES (%(consignment)s, %(logger)s, %(zone)s, %(role)s, %(placed_at)s, %(removed_at)s)
    RETURNING id, logger_id, zone, role, placed_at, removed_at
)
SELECT added.id, added.logger_id, logger.serial, logger.party_id, added.zone, added.role,
    added.placed_at, added.removed_at
FROM added JOIN logger ON logger.id = added.logger_id

-- name: placements
SELECT p.id, p.logger_id, l.serial, l.party_id, p.zone, p.role, p.placed_at, p.removed_at
FROM placement p JOIN logger l ON l.id = p.logger_id
WHERE p.consignment_id = %(consignment)s AND (%(id)s::bigint IS NULL OR p.id = %(id)s)
ORDER BY p.placed_at, p.id

-- name: remove
UPDATE placement SET removed_at = %(removed_at)s
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
SELECT (extract(epoch FROM r.taken_at) * 1000)::bigint, r.value, r.flags
FROM reading r
WHERE r.channel_id = %(channel)s
  AND r.taken_at >= coalesce(%(from_at)s::timestamptz, '-infinity')
  AND r.taken_at < coalesce(%(to_at)s::timestamptz, 'infinity')
  AND r.taken_at > coalesce(%(after)s::timestamptz, '-infinity')
  AND EXISTS (
      SELECT FROM placement p JOIN channel c ON c.logger_id = p.logger_id
      WHERE c.id = r.channel_id AND p.consignment_id = %(consignment)s
        AND tstzrange(p.placed_at, p.removed_at) @> r.taken_at)
ORDER BY r.taken_at LIMIT %(limit)s
