-- name: due
SELECT DISTINCT consignment_id FROM reaction_due

-- name: claim
WITH due AS (
    DELETE FROM reaction_due WHERE consignment_id = %(consignment)s RETURNING evaluation_id
)
INSERT INTO reaction (evaluation_id) SELECT evaluation_id FROM due
ON CONFLICT DO NOTHING
RETURNING evaluation_id

-- name: listen
LISTEN coldgate_evaluation

-- name: judged
SELECT id, version, verdict, provisional, with_excursions, coalesce(reason_codes, '{}') AS
    reason_codes, zones, body
FROM evaluation WHERE id = %(evaluation)s

-- name: events
-- The side of a rule stands in the profile that judged; those that only note ask for nothing.
SELECT x.id, x.channel, x.action, x.rule_id, x.started_at AS began_at, x.ended_at, x.peak_milli,
    coalesce(split_part(rule.body ->> 'when', ' ', 1), '') AS symbol,
    CASE WHEN rule.body ->> 'when' LIKE '%%<%%' THEN 'low' ELSE 'high' END AS side
FROM excursion x
JOIN evaluation e ON e.id = x.evaluation_id
JOIN profile p ON (p.id, p.version) = (e.profile_id, e.profile_version)
LEFT JOIN LATERAL (
    SELECT listed.body FROM jsonb_path_query(p.body, '$.rules[*]') AS listed (body)
    WHERE listed.body ->> 'id' = x.rule_id LIMIT 1
) rule ON true
WHERE x.evaluation_id = %(evaluation)s
  AND x.action NOT IN ('NOTE', 'HOLD_IF_SHOCK_SENSITIVE')
ORDER BY x.started_at, x.id

-- name: released
-- Released lines, and the evaluation that the newest release of each stood on.
SELECT l.position, l.product_id, l.lot_number, l.zone, stood.evaluation_id
FROM consignment_line l
LEFT JOIN LATERAL (
    SELECT said.evaluation_id
    FROM (
        SELECT d.evaluation_id, d.decided_at
        FROM gate_decision d
        WHERE d.consignment_id = l.consignment_id AND d.purpose = 'receipt_release'
          AND d.permitted
          AND (d.lines = '[]' OR EXISTS (
                SELECT FROM jsonb_array_elements(d.lines) AS part
                WHERE (part ->> 'position')::integer = l.position
                  AND part ->> 'verdict' = 'PASS'))
        UNION ALL
        SELECT s.evaluation_id, s.granted_at
        FROM disposition s
        WHERE s.consignment_id = l.consignment_id AND s.decision = 'release'
          AND s.state = 'granted' AND l.position = ANY (s.positions)
    ) AS said (evaluation_id, said_at)
    ORDER BY said.said_at DESC LIMIT 1
) stood ON true
WHERE l.consignment_id = %(consignment)s AND l.state = 'released'
ORDER BY l.position

-- name: release_due
SELECT consignment_id FROM release_due ORDER BY consignment_id

-- name: relapses_due
SELECT consignment_id FROM relapse_due ORDER BY consignment_id

-- name: claim_relapse
DELETE FROM relapse_due WHERE consignment_id = %(consignment)s RETURNING consignment_id

-- name: settle_release
DELETE FROM release_due WHERE consignment_id = %(consignment)s
