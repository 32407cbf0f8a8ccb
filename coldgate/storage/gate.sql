-- name: lines
SELECT l.position, l.product_id, l.lot_number, l.zone, l.state,
    lot.id IS NOT NULL AS registered, lot.expires_on
FROM consignment_line l
LEFT JOIN lot ON lot.product_id = l.product_id AND lot.number = l.lot_number
WHERE l.consignment_id = %(id)s
  AND (%(product)s::text IS NULL OR (l.product_id = %(product)s AND l.lot_number = %(lot)s))
ORDER BY l.position

-- name: judgement
SELECT id, version, verdict, provisional, with_excursions, profile_id, profile_version
FROM evaluation WHERE consignment_id = %(id)s ORDER BY version DESC LIMIT 1

-- name: circumstances
SELECT
    (clock_timestamp() AT TIME ZONE 'UTC')::date AS today,
    ARRAY(SELECT DISTINCT zone FROM placement
          WHERE consignment_id = %(id)s AND role = 'goods') AS logged_zones,
    (SELECT count(*) FROM touched t
     WHERE t.consignment_id = %(id)s
        OR (t.channel_id IN (
                SELECT c.id FROM placement p JOIN channel c ON c.logger_id = p.logger_id
                WHERE p.consignment_id = %(id)s)
            AND %(id)s IN (SELECT concerned_consignments(t.channel_id, t.first_at, t.last_at)))
    ) AS unjudged,
    EXISTS (SELECT FROM custody_event
            WHERE consignment_id = %(id)s AND kind = 'received') AS received,
    profile.valid_from AS profile_from, profile.valid_until AS profile_until
FROM consignment c
LEFT JOIN profile ON profile.id = c.profile_id AND profile.version = c.profile_version
    AND NOT EXISTS (SELECT FROM consignment_line l
                    WHERE l.consignment_id = c.id AND l.state <> 'planned')
WHERE c.id = %(id)s

-- name: insert_decision
INSERT INTO gate_decision
    (consignment_id, purpose, verdict, permitted, evaluation_id, checks, actor)
VALUES (%(consignment)s, %(purpose)s, %(verdict)s, %(permitted)s, %(evaluation_id)s,
        %(checks)s, %(actor)s)
RETURNING id, consignment_id, purpose, verdict, permitted, evaluation_id, checks, actor, decided_at

-- name: decisions
SELECT id, consignment_id, purpose, verdict, permitted, evaluation_id, checks, actor, decided_at
FROM gate_decision WHERE consignment_id = %(id)s AND id > %(after)s
ORDER BY id LIMIT %(limit)s
