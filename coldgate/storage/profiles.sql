-- name: insert
INSERT INTO profile (id, version, digest, body, party_id, valid_from, valid_until)
VALUES (%(id)s, %(version)s, %(digest)s, %(body)s, %(party)s, %(valid_from)s, %(valid_until)s)

-- name: ensure
INSERT INTO profile (id, version, digest, body, party_id, valid_from, valid_until)
VALUES (%(id)s, %(version)s, %(digest)s, %(body)s, %(party)s, %(valid_from)s, %(valid_until)s)
ON CONFLICT DO NOTHING

-- name: profiles
SELECT id, version, digest, body, party_id, valid_from, valid_until, created_at FROM profile
WHERE (%(id)s::text IS NULL OR id = %(id)s)
  AND (%(version)s::integer IS NULL OR version = %(version)s)
ORDER BY id, version DESC
