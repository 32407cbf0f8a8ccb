-- name: insert
INSERT INTO approval_flow (name, version, party_id, digest, body)
VALUES (%(name)s, %(version)s, %(party)s, %(digest)s, %(body)s)
RETURNING id, name, version, party_id, digest, body, created_at

-- name: ensure
INSERT INTO approval_flow (name, version, party_id, digest, body)
VALUES (%(name)s, %(version)s, NULL, %(digest)s, %(body)s)
ON CONFLICT (name, party_id, version) DO NOTHING

-- name: versions
SELECT id, name, version, party_id, digest, body, created_at FROM approval_flow
WHERE (%(name)s::text IS NULL OR name = %(name)s)
  AND (%(scope)s::text IS NULL OR party_id IS NULL OR party_id = %(scope)s)
ORDER BY name, party_id NULLS LAST, version DESC

-- name: in_force
SELECT id, name, version, party_id, digest, body, created_at FROM approval_flow
WHERE name = %(name)s AND (party_id IS NULL OR party_id = %(party)s)
ORDER BY party_id NULLS LAST, version DESC LIMIT 1

-- name: of_ids
SELECT id, name, version, party_id, digest, body, created_at FROM approval_flow
WHERE id = ANY (%(ids)s)
