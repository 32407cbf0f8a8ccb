-- name: insert_party
INSERT INTO party (id, name, kind) VALUES (%(id)s, %(name)s, %(kind)s)
RETURNING id, name, kind, created_at

-- name: ensure_party
INSERT INTO party (id, name, kind) VALUES (%(id)s, %(name)s, %(kind)s) ON CONFLICT DO NOTHING

-- name: parties
SELECT id, name, kind, created_at FROM party
WHERE (%(scope)s::text IS NULL OR id = %(scope)s) AND id > %(after)s
ORDER BY id LIMIT %(limit)s

-- name: exists
SELECT EXISTS (SELECT FROM party WHERE id = %(id)s)

-- name: kind
SELECT kind FROM party WHERE id = %(id)s

-- name: insert_key
INSERT INTO api_key (party_id, label, key_sha256, scopes, expires_at)
VALUES (%(party)s, %(label)s, %(sha256)s, %(scopes)s, %(expires_at)s)
RETURNING id, party_id, label, scopes, created_at, expires_at, last_used_on, revoked_at

-- name: ensure_key
INSERT INTO api_key (party_id, label, key_sha256) VALUES (%(party)s, %(label)s, %(sha256)s)
ON CONFLICT DO NOTHING

-- name: keys
SELECT id, party_id, label, scopes, created_at, expires_at, last_used_on, revoked_at
FROM api_key WHERE party_id = %(party)s
ORDER BY id

-- name: revoke_key
UPDATE api_key SET revoked_at = coalesce(revoked_at, now())
WHERE id = %(id)s AND party_id = %(party)s
RETURNING id, party_id, label, scopes, created_at, expires_at, last_used_on, revoked_at

-- name: key_holder
SELECT k.id AS key_id, k.party_id, p.kind, k.scopes,
    k.last_used_on IS DISTINCT FROM current_date AS stale
FROM api_key k JOIN party p ON p.id = k.party_id
WHERE k.key_sha256 = %(sha256)s AND k.revoked_at IS NULL
  AND (k.expires_at IS NULL OR k.expires_at > now())

-- name: touch_key
UPDATE api_key SET last_used_on = current_date
WHERE id = %(id)s AND last_used_on IS DISTINCT FROM current_date
