-- name: insert
INSERT INTO scan (consignment_id, purpose, raw, parsed, problem, scanned_by)
VALUES (%(consignment)s, %(purpose)s, %(raw)s, %(parsed)s, %(problem)s, %(scanned_by)s)
RETURNING id, purpose, raw, parsed, problem, scanned_by, scanned_at,
    NULL AS reason, NULL AS dismissed_by, NULL AS dismissed_at

-- name: scans
SELECT scan.id, purpose, raw, parsed, problem, scanned_by, scanned_at,
    reason, dismissed_by, dismissed_at
FROM scan LEFT JOIN scan_dismissal ON scan_id = scan.id
WHERE consignment_id = %(consignment)s AND (%(id)s::bigint IS NULL OR scan.id = %(id)s)
  AND scan.id > %(after)s
ORDER BY scan.id LIMIT %(limit)s

-- name: dismiss
INSERT INTO scan_dismissal (scan_id, reason, dismissed_by)
VALUES (%(id)s, %(reason)s, %(dismissed_by)s)

-- name: lines
SELECT scan_lines(%(consignment)s)

-- name: for_gate
SELECT scan_facts(%(consignment)s)
