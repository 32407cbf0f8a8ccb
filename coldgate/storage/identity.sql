-- name: insert_user
INSERT INTO app_user (party_id, login, printed_name, email)
VALUES (%(party)s, %(login)s, %(printed_name)s, %(email)s)
RETURNING id

-- name: insert_credential
INSERT INTO credential (user_id, invitation_sha256, invitation_until)
VALUES (%(user_id)s, %(sha256)s, now() + %(lifetime)s)

-- name: any_user
SELECT EXISTS (SELECT FROM app_user)

-- name: lock_first_user
SELECT pg_advisory_xact_lock(hashtext('coldgate.first_user'))

-- name: users
SELECT u.id, u.party_id, p.kind AS party_kind, u.login, u.printed_name, u.email, u.created_at,
    u.disabled_at, ARRAY(SELECT role FROM user_role r WHERE r.user_id = u.id ORDER BY role) AS roles
FROM app_user u JOIN party p ON p.id = u.party_id
WHERE (%(scope)s::text IS NULL OR u.party_id = %(scope)s)
  AND (%(only)s::bigint IS NULL OR u.id = %(only)s)
  AND u.id > %(after)s
ORDER BY u.id LIMIT %(limit)s

-- name: by_login
SELECT id FROM app_user WHERE login = %(login)s

-- name: lock_user
SELECT FROM app_user WHERE id = %(id)s FOR NO KEY UPDATE

-- name: change_role
INSERT INTO role_change (user_id, role, granted, changed_by)
VALUES (%(user_id)s, %(role)s, %(granted)s, %(changed_by)s)

-- name: role_changes
SELECT id, role, granted, changed_by, changed_at FROM role_change
WHERE user_id = %(user_id)s ORDER BY id

-- name: disable
UPDATE app_user SET disabled_at = coalesce(disabled_at, now()) WHERE id = %(id)s

-- name: enable
UPDATE app_user SET disabled_at = NULL WHERE id = %(id)s

-- name: link
INSERT INTO oidc_link (user_id, issuer, subject) VALUES (%(user_id)s, %(issuer)s, %(subject)s)
ON CONFLICT (user_id) DO UPDATE SET issuer = EXCLUDED.issuer, subject = EXCLUDED.subject

-- name: unlink
DELETE FROM oidc_link WHERE user_id = %(user_id)s

-- name: linked_user
SELECT user_id FROM oidc_link JOIN app_user u ON u.id = user_id
WHERE issuer = %(issuer)s AND subject = %(subject)s AND u.disabled_at IS NULL
