-- name: lead
-- Held by the connection; who loses it does not lead any more.
SELECT pg_try_advisory_lock(hashtext('coldgate.schedule'))

-- name: take_turn
-- A clock that was set back must not keep a job from its turn.
INSERT INTO schedule_run AS last (job, ran_at) VALUES (%(job)s, clock_timestamp())
ON CONFLICT (job) DO UPDATE SET ran_at = excluded.ran_at, runs = last.runs + 1
WHERE last.ran_at + %(every)s::interval <= excluded.ran_at OR last.ran_at > excluded.ran_at
RETURNING ran_at

-- name: tasks
SELECT 'deviation' AS kind, id, party_id, owner_user_id, due_on, trend_code AS title
FROM deviation WHERE closed_at IS NULL AND due_on <= %(until)s
UNION ALL
SELECT 'capa', id, party_id, owner_user_id, due_on, title
FROM capa WHERE state <> 'CLOSED' AND due_on <= %(until)s
UNION ALL
SELECT 'capa_effectiveness', id, party_id, owner_user_id, effectiveness_due_on, title
FROM capa WHERE state = 'EFFECTIVENESS_DUE' AND effectiveness_due_on <= %(until)s
UNION ALL
SELECT 'capa_action', a.id, c.party_id, a.owner_user_id, a.due_on, left(a.description, 200)
FROM capa_action a JOIN capa c ON c.id = a.capa_id
WHERE a.done_at IS NULL AND c.state <> 'CLOSED' AND a.due_on <= %(until)s
ORDER BY kind, id

-- name: remember
INSERT INTO reminder (key, party_id) VALUES (%(key)s, %(party)s) ON CONFLICT DO NOTHING
RETURNING key
