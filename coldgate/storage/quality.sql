-- name: open_deviation
WITH opened AS (
    INSERT INTO deviation (consignment_id, cause, verdict, evaluation_id, gate_decision_id, facts,
        party_id, source, trend_code, due_on)
    SELECT id, %(cause)s, %(verdict)s, %(evaluation_id)s, %(gate_decision_id)s, %(facts)s,
        consignor_id, 'gate', %(cause)s, (clock_timestamp() AT TIME ZONE 'UTC')::date + 30
    FROM consignment WHERE id = %(consignment)s
    ON CONFLICT (consignment_id, cause) WHERE closed_at IS NULL AND began_at IS NULL DO NOTHING
    RETURNING id, consignment_id
), subject AS (
    INSERT INTO deviation_subject (deviation_id, consignment_id, goods, custody)
    SELECT id, consignment_id, '[]', '[]' FROM opened
)
SELECT id FROM opened

-- name: open_deviation_id
SELECT id FROM deviation
WHERE consignment_id = %(consignment)s AND cause = %(cause)s AND closed_at IS NULL
ORDER BY id LIMIT 1

-- name: deviations
SELECT d.id, d.consignment_id, d.cause, d.verdict, d.evaluation_id, d.gate_decision_id, d.facts,
    d.opened_at, d.closed_at
FROM deviation d JOIN consignment c ON c.id = d.consignment_id
WHERE (%(consignment)s::text IS NULL OR d.consignment_id = %(consignment)s)
  AND (%(scope)s::text IS NULL OR %(scope)s IN (c.consignor_id, c.consignee_id)
       OR EXISTS (SELECT FROM leg WHERE leg.consignment_id = c.id AND leg.carrier_id = %(scope)s))
  AND d.id > %(after)s
ORDER BY d.id LIMIT %(limit)s

-- name: announce
INSERT INTO outbox (kind, consignment_id, party_id, body)
VALUES (%(kind)s, %(consignment)s, %(party)s, %(body)s)

-- name: evaluations
SELECT id, version, verdict, provisional, with_excursions, profile_id, profile_version, engine,
    input_digest, evaluated_at
FROM evaluation WHERE consignment_id = %(consignment)s AND version > %(after)s
ORDER BY version LIMIT %(limit)s

-- name: evaluation_body
SELECT body FROM evaluation WHERE consignment_id = %(consignment)s AND version = %(version)s

-- name: excursions
SELECT x.channel, x.rule_id, x.action, x.started_at, x.ended_at, x.start_bound, x.end_bound,
    x.lin_ms, x.hold_ms, x.upper_ms, x.peak_milli, x.peak_at, x.readings,
    e.version AS evaluation_version
FROM excursion x JOIN evaluation e ON e.id = x.evaluation_id
WHERE e.consignment_id = %(consignment)s
  AND e.version = coalesce(%(version)s, (
      SELECT max(version) FROM evaluation WHERE consignment_id = %(consignment)s))
ORDER BY x.started_at, x.channel, x.rule_id, x.id
