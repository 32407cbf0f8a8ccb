-- name: lead
SELECT pg_try_advisory_xact_lock(hashtext('coldgate.ledger'))

-- name: due
SELECT entry.id, (extract(epoch FROM entry.entered_at) * 1000000)::bigint,
    entry.actor, entry.kind, entry.subject, entry.digest
FROM ledger_due
JOIN ledger_entry AS entry ON entry.id = ledger_due.entry_id
ORDER BY ledger_due.entry_id LIMIT %(most)s

-- name: settle
DELETE FROM ledger_due WHERE entry_id = ANY(%(entries)s)

-- name: head
SELECT sequence, hash FROM ledger ORDER BY sequence DESC LIMIT 1

-- name: hash_at
SELECT hash FROM ledger WHERE sequence = %(sequence)s

-- name: add_links
INSERT INTO ledger
    (sequence, entry_id, entered_at, actor, kind, subject, digest, previous, hash, leaf)
SELECT place.sequence, entry.id, entry.entered_at, entry.actor, entry.kind, entry.subject,
    entry.digest, place.previous, place.hash, place.leaf
FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[], %s::bytea[], %s::bytea[])
    AS place (sequence, entry_id, previous, hash, leaf)
JOIN ledger_entry AS entry ON entry.id = place.entry_id

-- name: leaves
SELECT leaf FROM ledger WHERE sequence > %(first)s AND sequence <= %(stop)s ORDER BY sequence

-- name: tiles
SELECT root FROM ledger_tile
WHERE level = %(level)s AND position >= %(first)s AND position < %(stop)s ORDER BY position

-- name: tile_count
SELECT coalesce((SELECT position + 1 FROM ledger_tile
                 WHERE level = %(level)s ORDER BY position DESC LIMIT 1), 0)

-- name: add_tiles
INSERT INTO ledger_tile (level, position, root)
SELECT %s, position, root FROM unnest(%s::bigint[], %s::bytea[]) AS made (position, root)

-- name: lock_checkpoints
SELECT pg_advisory_xact_lock(hashtext('coldgate.checkpoint'))

-- name: newest_checkpoint
SELECT size, root, note, key_id, made_at FROM ledger_checkpoint ORDER BY size DESC LIMIT 1

-- name: checkpoints
SELECT size, root, note, key_id, made_at FROM ledger_checkpoint
WHERE size > %(after)s ORDER BY size LIMIT %(limit)s

-- name: add_checkpoint
INSERT INTO ledger_checkpoint (size, root, note, key_id, made_at)
VALUES (%(size)s, %(root)s, %(note)s, %(key_id)s, %(made_at)s)

-- name: state
SELECT verified_upto, broken, broken_at FROM ledger_state

-- name: keep_state
UPDATE ledger_state
SET verified_upto = %(verified_upto)s, broken = %(broken)s, broken_at = %(broken_at)s,
    checked_at = clock_timestamp()

-- name: rows
-- What is chained beside what was entered. Instants in microseconds, as they are hashed. OFFSET 0
-- has each entry looked up by its number: a stretch is never worth a look at all of them.
SELECT place.sequence, (extract(epoch FROM place.entered_at) * 1000000)::bigint,
    place.actor, place.kind, place.subject, place.digest, place.previous, place.hash, place.leaf,
    place.entry_id,
    (entry.entered_at, entry.actor, entry.kind, entry.subject, entry.digest)
        = (place.entered_at, place.actor, place.kind, place.subject, place.digest),
    entry.body,
    -- Entries without a body came before all others; later ones cannot lose theirs.
    entry.transaction IS NULL AND entry.id < coalesce(
        (SELECT id FROM ledger_entry WHERE transaction IS NOT NULL ORDER BY id LIMIT 1),
        9223372036854775807)
FROM ledger AS place
LEFT JOIN LATERAL (SELECT * FROM ledger_entry WHERE id = place.entry_id OFFSET 0) AS entry ON true
WHERE place.sequence > %(after)s AND place.sequence <= %(upto)s
ORDER BY place.sequence

-- name: entries
SELECT place.sequence, entry.entered_at, entry.actor, entry.kind, entry.subject,
    encode(entry.digest, 'hex') AS digest, encode(place.previous, 'hex') AS previous,
    encode(place.hash, 'hex') AS hash
FROM ledger_entry AS entry
JOIN ledger AS place ON place.entry_id = entry.id
WHERE place.sequence > %(after)s
  AND (%(scope)s::text IS NULL OR entry.party_id = %(scope)s OR entry.consignment_id IN (
      SELECT id FROM consignment WHERE %(scope)s IN (consignor_id, consignee_id)
      UNION SELECT leg.consignment_id FROM leg WHERE leg.carrier_id = %(scope)s))
  AND (%(subject)s::text IS NULL OR entry.subject = %(subject)s)
  AND (%(kind)s::text IS NULL OR entry.kind = %(kind)s)
ORDER BY place.sequence LIMIT %(limit)s

-- name: entry
SELECT place.sequence, entry.entered_at, entry.actor, entry.kind, entry.subject,
    encode(entry.digest, 'hex') AS digest, encode(place.previous, 'hex') AS previous,
    encode(place.hash, 'hex') AS hash, encode(place.leaf, 'hex') AS leaf, entry.body
FROM ledger_entry AS entry
JOIN ledger AS place ON place.entry_id = entry.id
WHERE place.sequence = %(sequence)s
  AND (%(scope)s::text IS NULL OR entry.party_id = %(scope)s OR entry.consignment_id IN (
      SELECT id FROM consignment WHERE %(scope)s IN (consignor_id, consignee_id)
      UNION SELECT leg.consignment_id FROM leg WHERE leg.carrier_id = %(scope)s))

-- name: read_strictly
-- Nothing that the database's owner made stands before what PostgreSQL brings along, no row is
-- hidden, and values are written as they are hashed.
SELECT set_config('search_path', 'pg_catalog, public, pg_temp', false),
    set_config('row_security', 'off', false), set_config('timezone', 'UTC', false),
    set_config('bytea_output', 'hex', false)

-- name: tile_roots
SELECT position, root FROM ledger_tile
WHERE level = %(level)s AND position >= %(first)s AND position < %(stop)s ORDER BY position

-- name: overdue
-- What has no place in the chain must have come just now, and wait for one: its word counts.
SELECT id, kind, subject, entered_at::text FROM ledger_entry
WHERE NOT EXISTS (SELECT FROM ledger WHERE entry_id = ledger_entry.id AND sequence > 0)
  AND (entered_at NOT BETWEEN clock_timestamp() - %(age)s AND clock_timestamp() + %(age)s
       OR NOT EXISTS (SELECT FROM ledger_due WHERE entry_id = ledger_entry.id))
ORDER BY id LIMIT %(limit)s

-- name: evaluation_bodies
-- Each evaluation beside the entry that was made with it.
SELECT subject, CASE
    WHEN entered IS NULL THEN 'is in the table, and the ledger does not know of it'
    WHEN found IS NULL THEN 'was entered in the ledger, and is gone from the table'
    ELSE 'has another body than the one entered in the ledger' END
FROM (
    SELECT concat('consignment/', consignment_id, '/evaluation/', version) AS subject,
        sha256(body) AS found
    FROM evaluation
) AS stored
FULL JOIN (
    SELECT subject, digest AS entered FROM ledger_entry WHERE kind = 'evaluation'
) AS told USING (subject)
WHERE found IS DISTINCT FROM entered ORDER BY subject LIMIT %(limit)s

-- name: document_contents
SELECT concat('document/', id), 'has other content than its digest says'
FROM document WHERE sha256(content) <> sha256 ORDER BY id LIMIT %(limit)s

-- name: line_states
SELECT concat('consignment_line/', line.id), concat('is ', line.state, ', and nothing moved it there')
FROM consignment_line AS line
LEFT JOIN (
    SELECT DISTINCT ON (line_id) line_id, to_state FROM line_transition ORDER BY line_id, id DESC
) AS moved ON moved.line_id = line.id
WHERE line.state <> coalesce(moved.to_state, 'planned') ORDER BY line.id LIMIT %(limit)s
