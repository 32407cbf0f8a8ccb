-- name: announce
INSERT INTO outbox (kind, consignment_id, party_id, body)
VALUES (%(kind)s, %(consignment)s, %(party)s, %(body)s)

-- name: announced
SELECT kind FROM outbox WHERE consignment_id = %(consignment)s ORDER BY id

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
