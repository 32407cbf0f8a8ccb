-- name: facts
SELECT gate_facts(%(id)s, %(purpose)s, %(scope)s)::text

-- name: judgement
SELECT id, version, verdict, provisional, with_excursions, profile_id, profile_version,
    reason_codes, zones
FROM evaluation WHERE consignment_id = %(id)s ORDER BY version DESC LIMIT 1

-- name: unjudged
SELECT unjudged_facts(%(id)s)

-- name: waits_elsewhere
SELECT EXISTS (SELECT FROM unjudged_elsewhere(%(id)s))

-- name: seen
-- By policies, of those that the transaction may see.
SELECT id FROM consignment WHERE id = ANY(%(ids)s) ORDER BY id

-- name: unverified
SELECT EXISTS (
    SELECT FROM evaluation
    WHERE consignment_id = %(id)s AND NOT provisional
      AND version = (SELECT max(version) FROM evaluation
                     WHERE consignment_id = %(id)s AND NOT provisional)
      AND NOT EXISTS (SELECT FROM evidence_audit WHERE evaluation_id = evaluation.id))

-- name: audited
SELECT EXISTS (
    SELECT FROM evidence_audit WHERE evaluation_id = (
        SELECT id FROM evaluation WHERE consignment_id = %(id)s AND NOT provisional
        ORDER BY version DESC LIMIT 1))

-- name: insert_decision
-- With its permit, where one is given.
WITH decided AS (
    INSERT INTO gate_decision (consignment_id, purpose, verdict, permitted, evaluation_id, checks,
        actor, lines, partial, dispositions, request_digest)
    VALUES (%(consignment)s, %(purpose)s, %(verdict)s, %(permitted)s, %(evaluation_id)s,
        %(checks)s, %(actor)s, %(lines)s, %(partial)s, %(dispositions)s, %(request_digest)s)
    RETURNING id, decided_at
), given AS (
    INSERT INTO permit (decision_id, consignment_id, purpose, audience, lines, issued_at,
        expires_at)
    SELECT id, %(consignment)s, %(purpose)s, %(audience)s, %(permit_lines)s, decided_at,
        decided_at + %(lifetime)s
    FROM decided WHERE %(audience)s::text IS NOT NULL
    RETURNING id, expires_at
)
SELECT decided.id, decided.decided_at, given.id, given.expires_at
FROM decided LEFT JOIN given ON true

-- name: decisions
SELECT id, consignment_id, purpose, verdict, permitted, evaluation_id, checks, actor, lines,
    partial, dispositions, request_digest, decided_at
FROM gate_decision
WHERE (%(consignment)s::text IS NULL OR consignment_id = %(consignment)s)
  AND (%(id)s::bigint IS NULL OR id = %(id)s) AND id > %(after)s
ORDER BY id LIMIT %(limit)s

-- name: awaiting_release
-- Goods that came, whose consignment lets them go by itself, and of which no final judgement was
-- ever worse than PASS (S34: a better one releases nothing). A FAIL is final at once.
SELECT consignment.id
FROM consignment
JOIN consignment_line AS line ON line.consignment_id = consignment.id
JOIN LATERAL (
    SELECT verdict, provisional, with_excursions FROM evaluation
    WHERE consignment_id = consignment.id ORDER BY version DESC LIMIT 1
) AS newest ON newest.verdict = 'PASS' AND NOT newest.provisional AND NOT newest.with_excursions
WHERE consignment.release_policy = 'automatic' AND line.state = 'quarantined'
  AND (%(id)s::text IS NULL OR consignment.id = %(id)s)
  AND NOT EXISTS (SELECT FROM evaluation AS earlier
                  WHERE earlier.consignment_id = consignment.id
                    AND (earlier.verdict = 'FAIL' OR NOT earlier.provisional
                         AND (earlier.verdict <> 'PASS' OR earlier.with_excursions)))
  AND NOT EXISTS (SELECT FROM line_transition
                  JOIN consignment_line AS moved ON moved.id = line_transition.line_id
                  WHERE moved.consignment_id = consignment.id AND to_state = 'revoked')
GROUP BY consignment.id
ORDER BY consignment.id
