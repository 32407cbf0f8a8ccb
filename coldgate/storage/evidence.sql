-- name: take_turn
SELECT pg_advisory_xact_lock(hashtext('coldgate.audit'))

-- name: tide
-- What is settled about the numbers of messages: whoever got one has a transaction by then.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
    (SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM message_id_seq),
    clock_timestamp()

-- name: unaudited
-- A day is far longer than ingest keeps a message before it commits it.
SELECT message.id, message.number, message.received_at, message.signed, message.payload,
    stream.name AS stream, gateway.name AS gateway, gateway.party_id, gateway.public_key
FROM audit_progress
JOIN message ON message.id > audit_progress.through_message
    AND message.received_at >= audit_progress.through_at - interval '1 day'
LEFT JOIN stream ON stream.id = message.stream_id
LEFT JOIN gateway ON gateway.id = stream.gateway_id
WHERE NOT EXISTS (SELECT FROM audited_message WHERE message_id = message.id)
ORDER BY message.id LIMIT %(most)s

-- name: channels
SELECT logger.party_id, logger.serial, channel.sensor, channel.quantity, channel.id
FROM unnest(%s::text[], %s::text[]) AS wanted (party_id, serial)
JOIN logger USING (party_id, serial)
JOIN channel ON channel.logger_id = logger.id

-- name: copy_stored
COPY (
    SELECT wanted.ordinal::integer, points.packed
    FROM unnest(%s::integer[], %s::timestamptz[], %s::timestamptz[])
        WITH ORDINALITY AS wanted (channel_id, first_at, last_at, ordinal)
    CROSS JOIN LATERAL (
        SELECT string_agg(timestamptz_send(taken_at) || int4send(value) || int2send(flags)
                          || int8send(sequence) || int8send(message_id), '')
        FROM reading
        WHERE reading.channel_id = wanted.channel_id
          AND reading.taken_at BETWEEN wanted.first_at AND wanted.last_at
          AND reading.taken_at BETWEEN %s AND %s
    ) AS points (packed)
) TO STDOUT (FORMAT BINARY)

-- name: conflicts
SELECT (extract(epoch FROM taken_at) * 1000)::bigint, value, flags::integer FROM conflict
WHERE channel_id = %(channel)s AND taken_at BETWEEN %(first)s AND %(last)s

-- name: clock_pairs
-- Those that are stored as these messages', and those that they tell, whoever told them first.
SELECT logger.party_id, logger.serial, pair.logger_ms, pair.gateway_ms, pair.message_id
FROM clock_pair AS pair JOIN logger ON logger.id = pair.logger_id
WHERE pair.message_id = ANY(%s::bigint[])
UNION
SELECT logger.party_id, logger.serial, pair.logger_ms, pair.gateway_ms, pair.message_id
FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[])
    AS told (party_id, serial, logger_ms, gateway_ms)
JOIN logger USING (party_id, serial)
JOIN clock_pair AS pair ON (pair.logger_id, pair.logger_ms, pair.gateway_ms)
    = (logger.id, told.logger_ms, told.gateway_ms)

-- name: refused_serials
SELECT serial FROM quarantine WHERE sha256 = sha256(%(payload)s)

-- name: told_by
-- Without an index, for it is asked of messages that cannot be read any more: there are none.
SELECT message_id, channel_id, min(taken_at), max(taken_at) FROM reading
WHERE message_id = ANY(%(messages)s) GROUP BY message_id, channel_id

-- name: add_messages
INSERT INTO audited_message (message_id, problem)
SELECT * FROM unnest(%s::bigint[], %s::text[]) ON CONFLICT DO NOTHING

-- name: add_blocks
INSERT INTO audited_block (channel_id, first_at, last_at, message_id, signed, broken)
SELECT * FROM unnest(%s::integer[], %s::timestamptz[], %s::timestamptz[], %s::bigint[],
                     %s::boolean[], %s::boolean[])
ON CONFLICT DO NOTHING

-- name: advance
UPDATE audit_progress SET through_message = %(message)s, through_at = %(at)s
WHERE through_message < %(message)s

-- name: due
SELECT evaluation_id, consignment_id FROM audit_due ORDER BY evaluation_id

-- name: settle
DELETE FROM audit_due WHERE evaluation_id = %(evaluation)s RETURNING evaluation_id

-- name: is_first_audit
SELECT NOT EXISTS (
    SELECT FROM evidence_audit JOIN evaluation ON evaluation.id = evidence_audit.evaluation_id
    WHERE evaluation.consignment_id = %(consignment)s)

-- name: messages_behind
-- The slack around a placement is the judge's.
SELECT count(DISTINCT message_id), count(DISTINCT message_id) FILTER (WHERE NOT signed),
    array_agg(DISTINCT message_id) FILTER (WHERE broken OR EXISTS (
        SELECT FROM evidence_relapse AS relapse WHERE relapse.message_id = block.message_id))
FROM placement
JOIN channel ON channel.logger_id = placement.logger_id
JOIN audited_block AS block ON block.channel_id = channel.id
    AND block.last_at >= placement.placed_at - interval '1 hour'
    AND block.first_at <= coalesce(placement.removed_at, 'infinity') + interval '1 hour'
WHERE placement.consignment_id = %(consignment)s

-- name: next_watched
-- Whoever takes one and is killed leaves it for an hour.
UPDATE evidence_watch SET due_at = clock_timestamp() + interval '1 hour'
WHERE consignment_id = (
    SELECT consignment_id FROM evidence_watch WHERE due_at <= clock_timestamp()
    ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING consignment_id

-- name: judge_again
-- Nobody can tell whether the queue of work was emptied by the judge or by the database's owner. What
-- came after the newest evaluation, and waits for nobody, is judged once more: mostly it says the same.
INSERT INTO touched (consignment_id)
SELECT %(consignment)s
FROM (SELECT snapshot FROM evaluation
      WHERE consignment_id = %(consignment)s ORDER BY version DESC LIMIT 1) AS newest
WHERE NOT EXISTS (SELECT FROM touched WHERE consignment_id = %(consignment)s) AND EXISTS (
    SELECT FROM (
        SELECT transaction FROM message WHERE id = ANY(%(messages)s)
        UNION ALL
        SELECT transaction FROM custody_event WHERE consignment_id = %(consignment)s
        UNION ALL
        SELECT transaction FROM seal WHERE consignment_id = %(consignment)s
        UNION ALL
        SELECT transaction FROM placement WHERE consignment_id = %(consignment)s
        UNION ALL
        SELECT told.transaction
        FROM placement JOIN placement_removal AS told ON told.placement_id = placement.id
        WHERE consignment_id = %(consignment)s
        UNION ALL
        SELECT certificate.transaction FROM placement JOIN certificate USING (logger_id)
        WHERE consignment_id = %(consignment)s
    ) AS fact
    WHERE NOT pg_visible_in_snapshot(transaction, snapshot))

-- name: watch_on
-- As long again as it is since the audit, a day at least and a month at most.
UPDATE evidence_watch SET due_at = clock_timestamp() + least(
    greatest(clock_timestamp() - audited_at, interval '1 day'), interval '30 days')
WHERE consignment_id = %(consignment)s

-- name: watch_no_more
-- Goods that went back, or are past their date, or of which nothing is left.
DELETE FROM evidence_watch
WHERE consignment_id = %(consignment)s AND NOT EXISTS (
    SELECT FROM consignment_line AS line
    LEFT JOIN lot ON lot.product_id = line.product_id AND lot.number = line.lot_number
    WHERE line.consignment_id = evidence_watch.consignment_id
      AND line.state NOT IN ('rejected', 'returned')
      AND coalesce(lot.expires_on >= (clock_timestamp() AT TIME ZONE 'UTC')::date, true))

-- name: watched_messages
-- As in messages_behind, without what is known to be broken.
SELECT DISTINCT message_id
FROM placement
JOIN channel ON channel.logger_id = placement.logger_id
JOIN audited_block AS block ON block.channel_id = channel.id
    AND block.last_at >= placement.placed_at - interval '1 hour'
    AND block.first_at <= coalesce(placement.removed_at, 'infinity') + interval '1 hour'
WHERE placement.consignment_id = %(consignment)s AND NOT broken AND message_id > %(after)s
ORDER BY message_id LIMIT %(most)s

-- name: stored_messages
SELECT message.id, message.number, message.received_at, message.signed, message.payload,
    stream.name AS stream, gateway.name AS gateway, gateway.party_id, gateway.public_key
FROM message
LEFT JOIN stream ON stream.id = message.stream_id
LEFT JOIN gateway ON gateway.id = stream.gateway_id
WHERE message.id = ANY(%(messages)s)
ORDER BY message.id

-- name: add_relapses
INSERT INTO evidence_relapse (evaluation_id, message_id, problem)
SELECT newest.id, found.message_id, found.problem
FROM (
    SELECT evaluation.id FROM evaluation
    JOIN evidence_audit ON evaluation_id = evaluation.id
    WHERE consignment_id = %(consignment)s ORDER BY version DESC LIMIT 1
) AS newest
CROSS JOIN unnest(%(messages)s::bigint[], %(problems)s::text[]) AS found (message_id, problem)
ON CONFLICT DO NOTHING

-- name: known_strays
SELECT DISTINCT problem FROM evidence_relapse
JOIN evaluation ON evaluation.id = evaluation_id
WHERE consignment_id = %(consignment)s AND message_id IS NULL
ORDER BY problem LIMIT %(limit)s

-- name: problems
SELECT concat('message ', message_id, ': ', problem)
FROM (SELECT message_id, problem FROM audited_message WHERE problem IS NOT NULL
      UNION SELECT message_id, problem FROM evidence_relapse) AS found
WHERE message_id = ANY(%(messages)s) ORDER BY message_id LIMIT %(limit)s

-- name: strays
-- Readings, and comparisons of clocks, that no message brought: told by channel or logger and by
-- message, for those are far fewer; within the judge's slack around a placement. Not those
-- of a message that came a moment ago and is still to be audited, as `unaudited` has it.
WITH stay AS (
    SELECT channel.id AS channel_id, placement.placed_at - interval '1 hour' AS first_at,
        coalesce(placement.removed_at, 'infinity') AS last_at
    FROM placement JOIN channel ON channel.logger_id = placement.logger_id
    WHERE placement.consignment_id = %(consignment)s
), stored AS MATERIALIZED (
    SELECT DISTINCT reading.channel_id, reading.message_id
    FROM stay JOIN reading ON reading.channel_id = stay.channel_id
        AND reading.taken_at BETWEEN stay.first_at AND stay.last_at
), orphan AS (
    SELECT channel_id, message_id FROM stored
    EXCEPT
    SELECT channel_id, message_id FROM audited_block
    WHERE channel_id IN (SELECT channel_id FROM stay)
), clocks AS (
    SELECT DISTINCT logger.serial, pair.message_id
    FROM placement
    JOIN logger ON logger.id = placement.logger_id
    JOIN clock_pair AS pair ON pair.logger_id = logger.id
    WHERE placement.consignment_id = %(consignment)s
      AND pair.gateway_ms >= extract(epoch FROM placement.placed_at - interval '1 hour') * 1000
      AND pair.gateway_ms <= coalesce(
          extract(epoch FROM placement.removed_at + interval '1 hour') * 1000, pair.gateway_ms)
      AND NOT EXISTS (SELECT FROM audited_message
                      WHERE audited_message.message_id = pair.message_id)
)
SELECT concat(found.what, ' of message ', message_id, ', which never came')
FROM (SELECT concat('channel ', channel_id, ': readings') AS what, message_id FROM orphan
      UNION ALL
      SELECT concat('logger ', serial, ': comparisons of clocks'), message_id FROM clocks) AS found
WHERE NOT EXISTS (
    SELECT FROM audit_progress
    JOIN message ON message.id = found.message_id AND message.id > audit_progress.through_message
        AND message.received_at >= audit_progress.through_at - interval '1 day'
    WHERE NOT EXISTS (SELECT FROM audited_message
                      WHERE audited_message.message_id = found.message_id))
ORDER BY found.what, message_id LIMIT %(limit)s

-- name: body_is_entered
SELECT EXISTS (
    SELECT FROM ledger_entry
    WHERE ledger_entry.kind = 'evaluation'
      AND ledger_entry.subject = concat('consignment/', evaluation.consignment_id,
                                        '/evaluation/', evaluation.version)
      AND ledger_entry.digest = sha256(evaluation.body))
FROM evaluation WHERE id = %(evaluation)s

-- name: add_audit
INSERT INTO evidence_audit (evaluation_id, messages, broken, unsigned, problems)
VALUES (%(evaluation_id)s, %(messages)s, %(broken)s, %(unsigned)s, %(problems)s)

-- name: add_consent
INSERT INTO unsigned_consent (party_id, accepted, reason, recorded_by)
VALUES (%(party)s, %(accepted)s, %(reason)s, %(recorded_by)s)
RETURNING id, party_id, accepted, reason, recorded_by, recorded_at

-- name: consents
SELECT id, party_id, accepted, reason, recorded_by, recorded_at FROM unsigned_consent
WHERE (%(scope)s::text IS NULL OR party_id = %(scope)s) AND id > %(after)s
ORDER BY id LIMIT %(limit)s

-- name: audit
SELECT audit.evaluation_id, evaluation.version, audit.messages,
    audit.broken + later.broken AS broken, audit.unsigned, audit.problems || later.problems AS problems,
    audit.audited_at
FROM evidence_audit AS audit
JOIN evaluation ON evaluation.id = audit.evaluation_id
CROSS JOIN LATERAL (
    SELECT count(*)::integer AS broken,
        coalesce(jsonb_agg(concat('message ' || message_id || ': ', problem) ORDER BY id), '[]')
            AS problems
    FROM evidence_relapse WHERE evaluation_id = audit.evaluation_id
) AS later
WHERE evaluation.consignment_id = %(consignment)s
  AND (%(version)s::integer IS NULL OR evaluation.version = %(version)s)
ORDER BY evaluation.version DESC LIMIT 1
