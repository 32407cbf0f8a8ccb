-- name: commit_durably
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') = 'off'

-- name: gateways
SELECT name, id, party_id, partition, public_key, revoked_at IS NOT NULL
FROM gateway WHERE name = ANY(%s)

-- name: loggers
SELECT logger.party_id, logger.serial, logger.id, logger.revoked_at IS NOT NULL
FROM unnest(%s::text[], %s::text[]) AS wanted (party_id, serial)
JOIN logger USING (party_id, serial)

-- name: add_channels
INSERT INTO channel (logger_id, sensor, quantity)
SELECT * FROM unnest(%s::integer[], %s::smallint[], %s::smallint[])
ON CONFLICT DO NOTHING

-- name: channels
SELECT logger_id, sensor, quantity, id
FROM unnest(%s::integer[], %s::smallint[], %s::smallint[]) AS wanted (logger_id, sensor, quantity)
JOIN channel USING (logger_id, sensor, quantity)

-- name: add_streams
INSERT INTO stream (gateway_id, name)
SELECT * FROM unnest(%s::integer[], %s::text[])
ON CONFLICT DO NOTHING

-- name: lock_streams
SELECT stream.gateway_id, stream.name, stream.id
FROM unnest(%s::integer[], %s::text[]) AS wanted (gateway_id, name)
JOIN stream USING (gateway_id, name)
ORDER BY stream.id
FOR UPDATE OF stream

-- name: known_numbers
SELECT wanted.stream_id, wanted.number
FROM unnest(%s::integer[], %s::bigint[]) AS wanted (stream_id, number)
JOIN stream ON stream.id = wanted.stream_id
WHERE stream.received @> wanted.number

-- name: message_digests
SELECT wanted.stream_id, wanted.number, encode(sha256(message.payload), 'hex')
FROM unnest(%s::integer[], %s::bigint[]) AS wanted (stream_id, number)
JOIN message USING (stream_id, number)

-- name: message_ids
SELECT nextval('message_id_seq') FROM generate_series(1, %s)

-- name: copy_messages
COPY message (id, stream_id, number, received_at, signed, payload) FROM STDIN (FORMAT BINARY)

-- name: copy_readings
COPY reading (channel_id, taken_at, value, flags, sequence, message_id)
FROM STDIN (FORMAT BINARY)

-- name: create_incoming
CREATE TEMPORARY TABLE IF NOT EXISTS incoming (
    ordinal bigint GENERATED ALWAYS AS IDENTITY,
    channel_id integer NOT NULL,
    taken_at timestamptz NOT NULL,
    value integer NOT NULL,
    flags smallint NOT NULL,
    sequence bigint NOT NULL,
    message_id bigint NOT NULL
) ON COMMIT DELETE ROWS

-- name: copy_incoming
COPY incoming (channel_id, taken_at, value, flags, sequence, message_id)
FROM STDIN (FORMAT BINARY)

-- name: merge_incoming
INSERT INTO reading (channel_id, taken_at, value, flags, sequence, message_id)
SELECT channel_id, taken_at, value, flags, sequence, message_id FROM incoming ORDER BY ordinal
ON CONFLICT DO NOTHING

-- name: keep_conflicts
INSERT INTO conflict (channel_id, taken_at, value, flags, sequence, message_id)
SELECT incoming.channel_id, incoming.taken_at, incoming.value, incoming.flags,
       incoming.sequence, incoming.message_id
FROM incoming
JOIN reading USING (channel_id, taken_at)
WHERE reading.taken_at BETWEEN %s AND %s
  AND (reading.value, reading.flags) IS DISTINCT FROM (incoming.value, incoming.flags)
ORDER BY incoming.ordinal
ON CONFLICT DO NOTHING

-- name: add_clock_pairs
INSERT INTO clock_pair (logger_id, logger_ms, gateway_ms, message_id)
SELECT * FROM unnest(%s::integer[], %s::bigint[], %s::bigint[], %s::bigint[])
ON CONFLICT DO NOTHING

-- name: kept_today
SELECT sender, kept_bytes FROM quarantine_share
WHERE sender = ANY(%s) AND day = (now() AT TIME ZONE 'UTC')::date

-- name: add_quarantine
WITH added AS (
    INSERT INTO quarantine (received_at, topic, sender, code, problem, serial, sha256, payload,
                            cut_from)
    SELECT received_at, topic, sender, code, problem, serial, decode(sha256, 'hex'), payload,
        cut_from
    FROM unnest(%s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                %s::text[], %s::bytea[], %s::integer[])
        AS refused (received_at, topic, sender, code, problem, serial, sha256, payload, cut_from)
    ON CONFLICT DO NOTHING
    RETURNING sender, length(payload) AS kept_bytes, cut_from
)
INSERT INTO quarantine_share AS share (sender, day, kept_bytes, cut)
SELECT sender, (now() AT TIME ZONE 'UTC')::date, sum(kept_bytes), count(cut_from)
FROM added GROUP BY sender ORDER BY sender
ON CONFLICT (sender) DO UPDATE
SET day = excluded.day,
    kept_bytes = excluded.kept_bytes
        + CASE WHEN share.day = excluded.day THEN share.kept_bytes ELSE 0 END,
    cut = excluded.cut + CASE WHEN share.day = excluded.day THEN share.cut ELSE 0 END

-- name: add_touched
INSERT INTO touched (channel_id, first_at, last_at)
SELECT * FROM unnest(%s::integer[], %s::timestamptz[], %s::timestamptz[])

-- name: advance_streams
UPDATE stream
SET received = stream.received + fresh.numbers
FROM (
    SELECT stream_id, range_agg(int8range(number, number, '[]')) AS numbers
    FROM unnest(%s::integer[], %s::bigint[]) AS committed (stream_id, number)
    GROUP BY stream_id
) AS fresh
WHERE stream.id = fresh.stream_id

-- name: positions
SELECT stream.id, coalesce((
    SELECT upper(span) - 1 FROM unnest(stream.received) AS span WHERE lower(span) = 1
), 0)
FROM stream WHERE stream.id = ANY(%s)

-- name: keep_status
INSERT INTO gateway_status (gateway_id, received_at, body) VALUES (%s, %s, %s)
ON CONFLICT (gateway_id) DO UPDATE
SET received_at = excluded.received_at, body = excluded.body
WHERE gateway_status.received_at <= excluded.received_at

-- name: notify
SELECT pg_notify('coldgate_touched', '')
