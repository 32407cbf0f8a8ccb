-- name: ensure
INSERT INTO signing_key (id, public_key) VALUES (%(id)s, %(public_key)s) ON CONFLICT DO NOTHING

-- name: public_key
SELECT public_key FROM signing_key WHERE id = %(id)s

-- name: keys
SELECT id, public_key, added_at FROM signing_key ORDER BY added_at, id
