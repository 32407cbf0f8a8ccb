-- name: detect
SELECT
    (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),
    current_setting('timescaledb.license', true),
    EXISTS (SELECT FROM pg_class WHERE relname LIKE '\_compressed\_hypertable\_%')

-- name: loader_is_there
SELECT current_setting('timescaledb.disable_load', true) IS NOT NULL
   AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')

-- name: create_extension
CREATE EXTENSION IF NOT EXISTS timescaledb

-- name: compress_readings
ALTER TABLE reading SET (
    timescaledb.compress,
    timescaledb.compress_segmentby = 'channel_id',
    timescaledb.compress_orderby = 'taken_at'
)

-- name: compress_policy
SELECT add_compression_policy('reading', INTERVAL '14 days', if_not_exists => true)

-- name: guard_chunks
SELECT guard_chunks()

-- name: make_partitions
SELECT make_partitions(%s, %s, %s)
