-- name: append_ledger
SELECT append_ledger(%(actor)s, %(kind)s, %(subject)s, %(body)s)

-- name: lock_key
SELECT pg_advisory_xact_lock(hashtextextended(%(party)s || ' ' || %(key)s, 0))

-- name: answer
SELECT request_digest, status, response FROM idempotency
WHERE party_id = %(party)s AND key = %(key)s

-- name: store_answer
INSERT INTO idempotency (party_id, key, request_digest, status, response)
VALUES (%(party)s, %(key)s, %(request_digest)s, %(status)s, %(response)s)

-- name: alive
SELECT 1
