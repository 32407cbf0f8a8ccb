-- name: pages
SELECT placement_id, channel_id, day, basis, seal, body
FROM summary_page
WHERE placement_id IN (SELECT id FROM placement WHERE consignment_id = %s)
ORDER BY placement_id, channel_id, day

-- name: touched
SELECT channel_id, first_at, last_at FROM touched WHERE channel_id = ANY(%s)

-- name: put
INSERT INTO summary_page (placement_id, channel_id, day, basis, seal, body)
SELECT * FROM unnest(%s::bigint[], %s::integer[], %s::integer[], %s::bytea[], %s::bytea[], %s::bytea[])
ON CONFLICT (placement_id, channel_id, day) DO UPDATE
SET basis = excluded.basis, seal = excluded.seal, body = excluded.body

-- name: remove
DELETE FROM summary_page
USING unnest(%s::bigint[], %s::integer[], %s::integer[]) AS gone (placement_id, channel_id, day)
WHERE (summary_page.placement_id, summary_page.channel_id, summary_page.day)
    = (gone.placement_id, gone.channel_id, gone.day)

-- name: clear
DELETE FROM summary_page
WHERE placement_id IN (SELECT id FROM placement WHERE consignment_id = %s)
