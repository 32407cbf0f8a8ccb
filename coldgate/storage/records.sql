-- name: append_ledger
SELECT append_ledger(%(actor)s, %(kind)s, %(subject)s, %(body)s)

-- name: answer
SELECT request_digest, status, response
FROM answer_before(%(scope)s, %(party)s, %(key)s)

-- name: store_answer
INSERT INTO idempotency (party_id, key, request_digest, status, response)
VALUES (%(party)s, %(key)s, %(request_digest)s, %(status)s, %(response)s)

-- name: alive
SELECT 1
