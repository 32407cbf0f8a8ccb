-- name: pending
SELECT touched.id, touched.consignment_id, concerned.id
FROM (SELECT * FROM touched ORDER BY id LIMIT %s) AS touched
LEFT JOIN LATERAL concerned_consignments(
    touched.channel_id, touched.first_at, touched.last_at
) AS concerned (id) ON true
ORDER BY touched.id

-- name: lock_consignment
SELECT profile_id, profile_version FROM consignment
WHERE id = %s FOR NO KEY UPDATE SKIP LOCKED

-- name: still_touched
SELECT count(*) FROM touched WHERE id = ANY(%s)

-- name: settle
DELETE FROM touched WHERE id = ANY(%s)

-- name: snapshot
SELECT pg_current_snapshot()::text

-- name: look_back
-- The views of `past` carry the names of the tables that they stand before.
SELECT set_config('search_path', 'past, public', true), set_config('coldgate.snapshot', %s, true)

-- name: profile
SELECT body FROM profile WHERE id = %s AND version = %s

-- name: lines
-- What a manufacturer or the operator says harms the goods harms them under every article of the
-- number.
SELECT line.zone, coalesce(said.freeze_sensitive, true), coalesce(said.shock_sensitive, true)
FROM consignment_line AS line
LEFT JOIN LATERAL (
    SELECT bool_or(article.freeze_sensitive) AS freeze_sensitive,
           bool_or(article.shock_sensitive) AS shock_sensitive
    FROM same_article(line.product_id) AS same (id)
    JOIN product AS article ON article.id = same.id
    JOIN party AS owner ON owner.id = article.party_id
    WHERE article.id = line.product_id OR owner.kind IN ('manufacturer', 'operator')
) AS said ON true
WHERE line.consignment_id = %s

-- name: events
SELECT kind, happened_at FROM custody_event WHERE consignment_id = %(id)s
UNION ALL
-- They left when the gate let them, unless who answers for them had said when they were packed.
SELECT 'departed', gone.let_at
FROM (SELECT min(line_transition.changed_at) AS let_at
      FROM line_transition
      JOIN consignment_line AS line ON line.id = line_transition.line_id
      WHERE line.consignment_id = %(id)s AND to_state = 'in_transit') AS gone
WHERE gone.let_at IS NOT NULL
  AND NOT EXISTS (
      SELECT FROM custody_event AS event
      JOIN party ON party.id = event.party_id
      JOIN consignment ON consignment.id = event.consignment_id
      WHERE event.consignment_id = %(id)s AND event.kind = 'packed'
        AND event.recorded_at < gone.let_at
        AND (party.id = consignment.consignor_id OR party.kind = 'operator'))
ORDER BY happened_at

-- name: placed_loggers
SELECT placement.id, placement.zone, placement.role, placement.placed_at,
       placement.removed_at, logger.id, logger.serial, logger.interval_ms
FROM placement
JOIN logger ON logger.id = placement.logger_id
WHERE placement.consignment_id = %s
ORDER BY placement.id

-- name: channels
SELECT id, logger_id, sensor, quantity FROM channel WHERE logger_id = ANY(%s) ORDER BY id

-- name: clock_pairs
SELECT clock_pair.logger_id, logger_ms, gateway_ms
FROM unnest(%s::integer[], %s::bigint[], %s::bigint[]) AS wanted (logger_id, first_ms, last_ms)
JOIN clock_pair ON clock_pair.logger_id = wanted.logger_id
    AND gateway_ms BETWEEN wanted.first_ms AND wanted.last_ms

-- name: copy_readings
-- One packed row for each span: a row for each reading costs four times as much to hand over.
COPY (
    SELECT wanted.ordinal::integer, points.packed
    FROM unnest(%s::integer[], %s::timestamptz[], %s::timestamptz[])
        WITH ORDINALITY AS wanted (channel_id, first_at, last_at, ordinal)
    CROSS JOIN LATERAL (
        SELECT string_agg(timestamptz_send(taken_at) || int4send(value) || int2send(flags), '')
        FROM reading
        WHERE reading.channel_id = wanted.channel_id
          AND reading.taken_at BETWEEN wanted.first_at AND wanted.last_at
          AND reading.taken_at BETWEEN %s AND %s
    ) AS points (packed)
) TO STDOUT (FORMAT BINARY)

-- name: copy_conflicts
COPY (
    SELECT wanted.ordinal::integer, points.packed
    FROM unnest(%s::integer[], %s::timestamptz[], %s::timestamptz[])
        WITH ORDINALITY AS wanted (channel_id, first_at, last_at, ordinal)
    CROSS JOIN LATERAL (
        SELECT string_agg(timestamptz_send(taken_at) || int4send(value) || int2send(flags), '')
        FROM conflict
        WHERE conflict.channel_id = wanted.channel_id
          AND conflict.taken_at BETWEEN wanted.first_at AND wanted.last_at
          AND conflict.taken_at BETWEEN %s AND %s
    ) AS points (packed)
) TO STDOUT (FORMAT BINARY)

-- name: newest
SELECT version, body, evaluated_at FROM evaluation
WHERE consignment_id = %s ORDER BY version DESC LIMIT 1

-- name: add_evaluation
INSERT INTO evaluation (consignment_id, version, verdict, provisional, with_excursions,
                        profile_id, profile_version, engine, input_digest, reason_codes, zones,
                        body, snapshot)
VALUES (%(consignment_id)s, %(version)s, %(verdict)s, %(provisional)s, %(with_excursions)s,
        %(profile_id)s, %(profile_version)s, %(engine)s, %(input_digest)s, %(reason_codes)s,
        %(zones)s, %(body)s, %(snapshot)s)
RETURNING id

-- name: add_excursion
INSERT INTO excursion (evaluation_id, consignment_id, channel, rule_id, action, started_at,
                       ended_at, start_bound, end_bound, lin_ms, hold_ms, upper_ms, peak_milli,
                       peak_at, readings)
VALUES (%(evaluation_id)s, %(consignment_id)s, %(channel)s, %(rule_id)s, %(action)s, %(started_at)s,
        %(ended_at)s, %(start_bound)s, %(end_bound)s, %(lin_ms)s, %(hold_ms)s, %(upper_ms)s,
        %(peak_milli)s, %(peak_at)s, %(readings)s)

-- name: append_ledger
SELECT append_ledger('analytics', 'evaluation', %s, %s)

-- name: listen
LISTEN coldgate_touched

-- name: notify
SELECT pg_notify('coldgate_evaluation', %s)
