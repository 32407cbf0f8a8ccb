-- name: lock
SELECT pg_advisory_lock(hashtext('coldgate.migrate'))

-- name: unlock
SELECT pg_advisory_unlock(hashtext('coldgate.migrate'))

-- name: create_table
CREATE TABLE IF NOT EXISTS schema_migration (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)

-- name: applied
SELECT number, sha256 FROM schema_migration

-- name: record
INSERT INTO schema_migration (number, name, sha256) VALUES (%s, %s, %s)
