-- name: add
INSERT INTO quality_note (subject_kind, subject_id, kind, body, document_id, author)
VALUES (%(subject_kind)s, %(subject_id)s, %(kind)s, %(body)s, %(document)s, %(author)s)
ON CONFLICT (subject_kind, subject_id, author) WHERE kind = 'acknowledgement' DO NOTHING

-- name: notes
SELECT id, kind, body, document_id, author, written_at FROM quality_note
WHERE subject_kind = %(subject_kind)s AND subject_id = %(subject_id)s ORDER BY id

-- name: revisions
SELECT number, content, author, recorded_at FROM quality_revision
WHERE subject_kind = %(subject_kind)s AND subject_id = %(subject_id)s AND number > %(after)s
ORDER BY number LIMIT %(limit)s

-- name: documents
SELECT id FROM document WHERE id = ANY (%(documents)s)

-- name: users_of
SELECT id FROM app_user
WHERE id = ANY (%(users)s) AND party_id = %(party)s AND disabled_at IS NULL
