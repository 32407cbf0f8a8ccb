-- name: insert
INSERT INTO session (user_id, token_sha256, method)
VALUES (%(user_id)s, %(sha256)s, %(method)s)
RETURNING id, user_id, method, created_at, last_used_at, revoked_at

-- name: holder
-- A session that began in the future was begun by a clock that has been set back since.
SELECT s.id AS session_id, s.last_used_at < now() - %(touch)s AS stale, u.id AS user_id, u.party_id,
    p.kind, u.login, u.printed_name,
    ARRAY(SELECT role FROM user_role r WHERE r.user_id = u.id) AS roles
FROM session s JOIN app_user u ON u.id = s.user_id JOIN party p ON p.id = u.party_id
WHERE s.token_sha256 = %(sha256)s AND s.revoked_at IS NULL AND u.disabled_at IS NULL
  AND s.last_used_at > now() - %(idle)s
  AND s.created_at BETWEEN now() - %(lifetime)s AND now() + interval '1 minute'

-- name: touch
UPDATE session SET last_used_at = now() WHERE id = %(id)s AND last_used_at < now()

-- name: of_user
SELECT id, user_id, method, created_at, last_used_at, revoked_at
FROM session
WHERE user_id = %(user_id)s AND revoked_at IS NULL
  AND last_used_at > now() - %(idle)s AND created_at > now() - %(lifetime)s
ORDER BY id

-- name: revoke
UPDATE session SET revoked_at = now()
WHERE user_id = %(user_id)s AND id = %(id)s AND revoked_at IS NULL
RETURNING id, user_id, method, created_at, last_used_at, revoked_at

-- name: revoke_all
UPDATE session SET revoked_at = now() WHERE user_id = %(user_id)s AND revoked_at IS NULL

-- name: purge
DELETE FROM session WHERE created_at < %(before)s
