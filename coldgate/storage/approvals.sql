-- name: manufacturers
SELECT DISTINCT product.party_id
FROM consignment_line line
JOIN product ON product.id = line.product_id
JOIN party ON party.id = product.party_id AND party.kind = 'manufacturer'
WHERE line.consignment_id = %(consignment)s

-- name: insert
INSERT INTO approval (party_id, consignment_id, subject_kind, subject_id, flow_id, flow,
    flow_version, manufacturer_id, record, record_digest, author, author_user_id,
    barred_user_ids, opened_at, due_at)
SELECT %(party)s, %(consignment)s, %(subject_kind)s, %(subject_id)s, flow.id, flow.name,
    flow.version, %(manufacturer)s, %(record)s, sha256(%(record)s), %(author)s,
    %(author_user_id)s, %(barred)s, opened.at, opened.at + %(expires)s
FROM approval_flow AS flow, clock_timestamp() AS opened (at)
WHERE flow.id = %(flow_id)s
RETURNING id

-- name: approvals
SELECT id, party_id, consignment_id, subject_kind, subject_id, flow_id, flow, flow_version,
    manufacturer_id, record, record_digest, author, author_user_id, barred_user_ids, opened_at,
    due_at, state, closed_at
FROM approval
WHERE id > %(after)s
  AND (%(id)s::bigint IS NULL OR id = %(id)s)
  AND (%(party)s::text IS NULL OR %(party)s IN (party_id, manufacturer_id))
  AND (%(state)s::text IS NULL OR state = %(state)s)
  AND (%(subject_kind)s::text IS NULL OR subject_kind = %(subject_kind)s)
  AND (%(subject_ids)s::text[] IS NULL OR subject_id = ANY (%(subject_ids)s))
ORDER BY id LIMIT %(limit)s

-- name: lock
SELECT FROM approval WHERE id = %(id)s FOR UPDATE

-- name: try_lock
SELECT FROM approval WHERE id = %(id)s AND state = 'open' FOR UPDATE SKIP LOCKED

-- name: close
UPDATE approval SET state = %(state)s, closed_at = clock_timestamp() WHERE id = %(id)s

-- name: insert_signature
INSERT INTO signature (approval_id, step, user_id, party_id, printed_name, login, role,
    delegation_id, for_user_id, for_name, meaning, reason, method, signed_at, record_digest,
    key_id, seal)
VALUES (%(approval_id)s, %(step)s, %(user_id)s, %(party_id)s, %(printed_name)s, %(login)s,
    %(role)s, %(delegation_id)s, %(for_user_id)s, %(for_name)s, %(meaning)s, %(reason)s,
    %(method)s, %(signed_at)s, %(record_digest)s, %(key_id)s, %(seal)s)

-- name: signatures
SELECT approval_id, step, user_id, party_id, printed_name, login, role, delegation_id,
    for_user_id, for_name, meaning, reason, method, signed_at, record_digest, key_id, seal
FROM signature WHERE approval_id = ANY (%(approvals)s) ORDER BY id

-- name: lock_person
-- In one order for all who sign, together with those who lend a role.
SELECT FROM app_user
WHERE id = %(user)s
   OR id IN (SELECT from_user_id FROM delegation
             WHERE to_user_id = %(user)s AND valid_until > clock_timestamp())
ORDER BY id FOR UPDATE

-- name: people
SELECT u.id AS user_id, u.party_id, u.login, u.printed_name,
    ARRAY(SELECT role FROM user_role
          WHERE user_role.user_id = u.id AND u.disabled_at IS NULL ORDER BY role) AS roles
FROM app_user u WHERE u.id = ANY (%(users)s)

-- name: escalate
INSERT INTO approval_escalation (approval_id, step) VALUES (%(approval)s, %(step)s)
ON CONFLICT DO NOTHING

-- name: escalated
SELECT approval_id, step FROM approval_escalation WHERE approval_id = ANY (%(approvals)s)
