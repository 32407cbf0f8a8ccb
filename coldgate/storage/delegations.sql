-- name: insert
INSERT INTO delegation
    (party_id, from_user_id, to_user_id, role, valid_from, valid_until, reason, recorded_by)
VALUES (%(party)s, %(from_user)s, %(to_user)s, %(role)s, %(valid_from)s, %(valid_until)s,
        %(reason)s, %(recorded_by)s)
RETURNING id

-- name: delegations
SELECT d.id, d.party_id, d.from_user_id, d.to_user_id, d.role, d.valid_from, d.valid_until,
    d.reason, d.recorded_by, d.recorded_at, delegation_end.ended_at, delegation_end.ended_by
FROM delegation d LEFT JOIN delegation_end ON delegation_end.delegation_id = d.id
WHERE d.id > %(after)s
  AND (%(id)s::bigint IS NULL OR d.id = %(id)s)
  AND (%(party)s::text IS NULL OR d.party_id = %(party)s)
ORDER BY d.id LIMIT %(limit)s

-- name: end
INSERT INTO delegation_end (delegation_id, ended_by) VALUES (%(id)s, %(ended_by)s)
ON CONFLICT DO NOTHING

-- name: in_force
SELECT d.id, d.party_id, d.from_user_id, d.to_user_id, d.role, d.valid_from, d.valid_until,
    d.reason, d.recorded_by, d.recorded_at, NULL::timestamptz AS ended_at, NULL::text AS ended_by
FROM delegation d
WHERE d.to_user_id = %(user)s AND d.valid_from <= %(now)s AND %(now)s < d.valid_until
  AND NOT EXISTS (SELECT FROM delegation_end WHERE delegation_id = d.id)
ORDER BY d.id
