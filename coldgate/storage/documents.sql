-- name: insert
INSERT INTO document (party_id, kind, product_id, lot_number, consignment_id, carrier_id, title,
    media_type, sha256, size, content, valid_until, signature, signing_key, uploaded_by)
VALUES (%(party)s, %(kind)s, %(product)s, %(lot)s, %(consignment)s, %(carrier)s, %(title)s,
    %(media_type)s, %(sha256)s, %(size)s, %(content)s, %(valid_until)s, %(signature)s,
    %(signing_key)s, %(uploaded_by)s)
RETURNING id

-- name: document
SELECT * FROM document_shown WHERE id = %(id)s

-- name: documents
SELECT shown.*
FROM (SELECT id FROM documents_in_reach() AS id WHERE id > %(after)s ORDER BY id) AS reach
JOIN document_shown AS shown ON shown.id = reach.id
WHERE (%(kind)s::text IS NULL OR shown.kind = %(kind)s)
  AND (%(product)s::text IS NULL OR shown.product_id = %(product)s)
  AND (%(lot)s::text IS NULL OR shown.lot_number = %(lot)s)
  AND (%(consignment)s::text IS NULL OR shown.consignment_id = %(consignment)s)
  AND (%(carrier)s::text IS NULL OR shown.carrier_id = %(carrier)s)
ORDER BY reach.id LIMIT %(limit)s

-- name: content
SELECT media_type, content FROM document WHERE id = %(id)s

-- name: withdraw
INSERT INTO document_withdrawal (document_id, reason, withdrawn_by)
VALUES (%(id)s, %(reason)s, %(withdrawn_by)s)
ON CONFLICT DO NOTHING
RETURNING document_id

-- name: vouch
INSERT INTO document_vouch (document_id, party_id, vouched_by)
VALUES (%(id)s, %(party)s, %(vouched_by)s)
ON CONFLICT DO NOTHING
RETURNING document_id

-- name: insert_key
INSERT INTO document_key (party_id, public_key, label)
VALUES (%(party)s, %(public_key)s, %(label)s)
RETURNING id, party_id, public_key, label, added_at, revoked_at

-- name: keys
SELECT id, party_id, public_key, label, added_at, revoked_at FROM document_key
WHERE (%(scope)s::text IS NULL OR party_id = %(scope)s)
  AND (%(id)s::bigint IS NULL OR id = %(id)s) AND id > %(after)s
ORDER BY id LIMIT %(limit)s

-- name: is_key_in_force
SELECT EXISTS (SELECT FROM document_key
               WHERE party_id = %(party)s AND public_key = %(public_key)s AND revoked_at IS NULL)

-- name: revoke_key
UPDATE document_key SET revoked_at = coalesce(revoked_at, now())
WHERE id = %(id)s AND (%(scope)s::text IS NULL OR party_id = %(scope)s)
RETURNING id, party_id, public_key, label, added_at, revoked_at

-- name: sees_product
SELECT sees_goods(id, NULL) FROM (VALUES (%(product)s::text)) AS product (id)

-- name: insert_requirement
INSERT INTO document_requirement (product_id, kind, per, purpose, signed)
VALUES (%(product)s, %(kind)s, %(per)s, %(purpose)s, %(signed)s)
RETURNING id, product_id, kind, per, purpose, signed, added_at, removed_at

-- name: requirements
SELECT id, product_id, kind, per, purpose, signed, added_at, removed_at FROM document_requirement
WHERE product_id = %(product)s ORDER BY id

-- name: remove_requirement
UPDATE document_requirement SET removed_at = coalesce(removed_at, now())
WHERE id = %(id)s AND product_id = %(product)s
RETURNING id, product_id, kind, per, purpose, signed, added_at, removed_at

-- name: signed_contents
SELECT signed.id, signed.content, signed.signature, signed.signing_key
FROM document AS signed
JOIN document_key AS known
    ON known.party_id = signed.party_id AND known.public_key = signed.signing_key
WHERE signed.id = ANY (%(ids)s) AND known.revoked_at IS NULL
