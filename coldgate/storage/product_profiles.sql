-- name: insert
INSERT INTO product_profile (product_id, profile_id, profile_version, stated_by)
VALUES (%(product)s, %(profile_id)s, %(profile_version)s, %(stated_by)s)
RETURNING id

-- name: statements
SELECT id, product_id, profile_id, profile_version, stated_at, withdrawal_reason, withdrawn_at
FROM product_profile_shown
WHERE product_id = %(product)s AND (%(id)s::bigint IS NULL OR id = %(id)s)
ORDER BY id

-- name: withdraw
INSERT INTO product_profile_withdrawal (statement_id, reason, withdrawn_by)
VALUES (%(id)s, %(reason)s, %(withdrawn_by)s)
ON CONFLICT DO NOTHING
RETURNING statement_id
