-- name: create_stream
INSERT INTO stream (only_row, id, gateway) VALUES (1, ?, ?) ON CONFLICT DO NOTHING

-- name: stream
SELECT id, gateway, next_number, acknowledged, rejected_pruned FROM stream

-- name: totals
SELECT (SELECT coalesce(sum(readings), 0) FROM block),
       (SELECT coalesce(sum(readings), 0) FROM message),
       (SELECT count(*) FROM message)

-- name: oldest
SELECT min(stored_ms) FROM (
    SELECT stored_ms FROM (SELECT stored_ms FROM message ORDER BY number LIMIT 1)
    UNION ALL
    SELECT stored_ms FROM (SELECT stored_ms FROM block ORDER BY id LIMIT 1)
)

-- name: oldest_block
SELECT stored_ms FROM block ORDER BY id LIMIT 1

-- name: meet_logger
INSERT INTO logger (serial) VALUES (?) ON CONFLICT DO NOTHING

-- name: logger
SELECT id, next_sequence, known_readings FROM logger WHERE serial = ?

-- name: advance_logger
UPDATE logger SET next_sequence = ?, known_readings = known_readings + ? WHERE id = ?

-- name: known_between
SELECT taken_ms, fingerprint FROM known WHERE logger = ? AND taken_ms BETWEEN ? AND ?

-- name: remember
INSERT INTO known (logger, taken_ms, fingerprint) VALUES (?, ?, ?) ON CONFLICT DO NOTHING

-- name: forget
DELETE FROM known WHERE logger = ?1 AND taken_ms < (
    SELECT taken_ms FROM known WHERE logger = ?1 ORDER BY taken_ms DESC LIMIT 1 OFFSET ?2
)

-- name: count_forgotten
UPDATE logger SET known_readings = known_readings - ? WHERE id = ?

-- name: add_block
INSERT INTO block (stored_ms, readings, body) VALUES (?, ?, ?)

-- name: blocks
SELECT id, stored_ms, readings, body FROM block ORDER BY id

-- name: drop_blocks
DELETE FROM block WHERE id <= ?

-- name: add_message
INSERT INTO message (number, stored_ms, readings, sha256, payload) VALUES (?, ?, ?, ?, ?)

-- name: advance_stream
UPDATE stream SET next_number = ?

-- name: messages
SELECT stored_ms, payload FROM message ORDER BY number

-- name: drop_all_messages
DELETE FROM message

-- name: restart_stream
UPDATE stream SET id = ?, next_number = 1, acknowledged = 0

-- name: next_message
SELECT number, payload FROM message WHERE number > ? ORDER BY number LIMIT 1

-- name: readings_upto
SELECT coalesce(sum(readings), 0), count(*) FROM message WHERE number <= ?

-- name: drop_messages
DELETE FROM message WHERE number <= ?

-- name: acknowledged
UPDATE stream SET acknowledged = max(acknowledged, ?)

-- name: message_by_number
SELECT number, payload FROM message WHERE number = ?

-- name: message_by_digest
SELECT number, payload FROM message WHERE sha256 = ?

-- name: mark_refused
UPDATE message SET refused_code = ? WHERE number = ?

-- name: unsettled
SELECT refused_code, count(*) FROM message WHERE refused_code IS NOT NULL GROUP BY refused_code

-- name: add_rejected
INSERT INTO rejected (rejected_ms, number, code, serial, payload) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING

-- name: prune_rejected
DELETE FROM rejected WHERE id NOT IN (SELECT id FROM rejected ORDER BY id DESC LIMIT ?)

-- name: count_pruned
UPDATE stream SET rejected_pruned = rejected_pruned + ?

-- name: rejected
SELECT code, count(*) FROM rejected GROUP BY code

-- name: count_hour
INSERT INTO stored_hour (hour, readings) VALUES (?, ?)
ON CONFLICT (hour) DO UPDATE SET readings = readings + excluded.readings

-- name: drop_hours
DELETE FROM stored_hour WHERE hour < ?

-- name: busiest_hour
SELECT coalesce(max(readings), 0) FROM stored_hour

-- name: file
SELECT problem FROM file WHERE digest = ?

-- name: remember_file
INSERT INTO file (digest, name, seen_ms, problem, report) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (digest) DO NOTHING

-- name: pages
SELECT page_count - freelist_count, page_size
FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()
