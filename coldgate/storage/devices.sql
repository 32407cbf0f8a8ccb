-- name: insert_gateway
INSERT INTO gateway (name, party_id, partition, public_key, secret_hash)
VALUES (%(name)s, %(party)s, %(partition)s, %(public_key)s, %(secret_hash)s)
RETURNING name, party_id, partition, public_key, created_at, revoked_at,
    NULL::timestamptz AS last_seen_at, NULL::jsonb AS status, 0 AS cut_today

-- name: gateways
SELECT g.name, g.party_id, g.partition, g.public_key, g.created_at, g.revoked_at,
    s.received_at AS last_seen_at, s.body AS status, coalesce(refused.cut, 0) AS cut_today
FROM gateway g LEFT JOIN gateway_status s ON s.gateway_id = g.id
LEFT JOIN quarantine_share AS refused
    ON refused.sender = g.name AND refused.day = (now() AT TIME ZONE 'UTC')::date
WHERE (%(scope)s::text IS NULL OR g.party_id = %(scope)s) AND g.name > %(after)s
ORDER BY g.name LIMIT %(limit)s

-- name: gateway
SELECT g.name, g.party_id, g.partition, g.public_key, g.created_at, g.revoked_at,
    s.received_at AS last_seen_at, s.body AS status, coalesce(refused.cut, 0) AS cut_today
FROM gateway g LEFT JOIN gateway_status s ON s.gateway_id = g.id
LEFT JOIN quarantine_share AS refused
    ON refused.sender = g.name AND refused.day = (now() AT TIME ZONE 'UTC')::date
WHERE (%(scope)s::text IS NULL OR g.party_id = %(scope)s) AND g.name = %(name)s

-- name: revoke_gateway
UPDATE gateway SET revoked_at = coalesce(revoked_at, now()) WHERE name = %(name)s

-- name: set_secret
UPDATE gateway SET secret_hash = %(secret_hash)s WHERE name = %(name)s

-- name: credentials
SELECT partition, secret_hash FROM gateway WHERE name = %(name)s AND revoked_at IS NULL

-- name: stored_secrets
SELECT name, secret_hash FROM gateway WHERE revoked_at IS NULL

-- name: listen
LISTEN coldgate_gateway

-- name: notify
NOTIFY coldgate_gateway

-- name: insert_logger
INSERT INTO logger (serial, party_id, model, interval_ms)
VALUES (%(serial)s, %(party)s, %(model)s, %(interval_ms)s)
RETURNING id, serial, party_id, model, interval_ms, created_at, revoked_at

-- name: loggers
SELECT id, serial, party_id, model, interval_ms, created_at, revoked_at FROM logger
WHERE (%(scope)s::text IS NULL OR party_id = %(scope)s) AND id > %(after)s
ORDER BY id LIMIT %(limit)s

-- name: logger
SELECT id, serial, party_id, model, interval_ms, created_at, revoked_at FROM logger
WHERE id = %(id)s
  AND (%(scope)s::text IS NULL OR party_id = %(scope)s
       OR EXISTS (SELECT FROM placement p JOIN consignment c ON c.id = p.consignment_id
                  WHERE p.logger_id = logger.id AND c.consignor_id = %(scope)s))

-- name: revoke_logger
UPDATE logger SET revoked_at = coalesce(revoked_at, now())
WHERE id = %(id)s AND (%(scope)s::text IS NULL OR party_id = %(scope)s)
RETURNING id, serial, party_id, model, interval_ms, created_at, revoked_at

-- name: quarantine
SELECT q.id, q.received_at, q.topic, q.sender, q.code, q.problem, q.serial,
    encode(q.sha256, 'hex') AS sha256, coalesce(q.cut_from, length(q.payload)) AS payload_bytes,
    length(q.payload) AS kept_bytes
FROM quarantine q
WHERE (%(scope)s::text IS NULL
       OR q.sender IN (SELECT name FROM gateway WHERE party_id = %(scope)s))
  AND (%(before)s::bigint IS NULL OR q.id < %(before)s)
ORDER BY q.id DESC LIMIT %(limit)s
