-- name: insert
INSERT INTO capa (party_id, title, problem, trend_code, origin, destination, blocking, product_id,
    lot_number, owner_user_id, due_on, changed_by)
VALUES (%(party)s, %(title)s, %(problem)s, %(trend_code)s, %(origin)s, %(destination)s,
    %(blocking)s, %(product)s, %(lot)s, %(owner_user_id)s, %(due_on)s, %(changed_by)s)
RETURNING id

-- name: insert_by_rule
INSERT INTO capa (party_id, title, problem, rule, trend_code, origin, destination, due_on,
    changed_by)
VALUES (%(party)s, %(title)s, %(problem)s, %(rule)s, %(trend_code)s, %(origin)s, %(destination)s,
    %(due_on)s, 'coldgate')
ON CONFLICT (party_id, origin, destination, trend_code)
    WHERE rule IS NOT NULL AND state <> 'CLOSED' DO NOTHING
RETURNING id

-- name: open_by_rule
SELECT id FROM capa
WHERE (party_id, origin, destination, trend_code)
    = (%(party)s, %(origin)s, %(destination)s, %(trend_code)s)
  AND rule IS NOT NULL AND state <> 'CLOSED'

-- name: link
INSERT INTO capa_deviation (deviation_id, capa_id) VALUES (%(deviation)s, %(capa)s)
ON CONFLICT DO NOTHING

-- name: name_in_deviation
UPDATE deviation SET capa_id = %(capa)s, no_capa_reason = NULL, changed_by = %(changed_by)s
WHERE id = %(deviation)s AND closed_at IS NULL AND capa_id IS DISTINCT FROM %(capa)s

-- name: capas
SELECT c.id, c.party_id, c.title, c.problem, c.rule, c.trend_code, c.origin, c.destination,
    c.blocking, c.product_id, c.lot_number, c.restriction_id, c.state, c.owner_user_id, c.due_on,
    c.containment, c.investigation, c.root_cause, c.root_cause_category, c.need_for_action,
    c.effectiveness_criterion, c.documents_updated, c.verification, c.effectiveness_due_on,
    c.effectiveness_result, c.effectiveness, c.reopened_because, c.plan_approval_id,
    c.close_approval_id, c.opened_at, c.revision,
    ARRAY(SELECT deviation_id FROM capa_deviation
          WHERE capa_deviation.capa_id = c.id ORDER BY deviation_id) AS deviations
FROM capa c
WHERE (%(scope)s::text IS NULL OR c.party_id = %(scope)s)
  AND (%(id)s::bigint IS NULL OR c.id = %(id)s)
  AND (%(state)s::text IS NULL OR c.state = %(state)s)
  AND c.id > %(after)s
ORDER BY c.id LIMIT %(limit)s

-- name: lock
SELECT FROM capa WHERE id = %(id)s FOR NO KEY UPDATE

-- name: revise
UPDATE capa SET title = %(title)s, problem = %(problem)s, owner_user_id = %(owner_user_id)s,
    due_on = %(due_on)s, containment = %(containment)s, investigation = %(investigation)s,
    root_cause = %(root_cause)s, root_cause_category = %(root_cause_category)s,
    need_for_action = %(need_for_action)s,
    effectiveness_criterion = %(effectiveness_criterion)s,
    documents_updated = %(documents_updated)s, verification = %(verification)s,
    effectiveness_due_on = %(effectiveness_due_on)s,
    effectiveness_result = %(effectiveness_result)s, reopened_because = %(reopened_because)s,
    changed_by = %(changed_by)s
WHERE id = %(id)s

-- name: restrict
UPDATE capa SET restriction_id = %(restriction)s, changed_by = %(changed_by)s WHERE id = %(id)s

-- name: move
UPDATE capa SET state = %(state)s, changed_by = %(changed_by)s,
    plan_approval_id = CASE WHEN %(state)s = 'PLANNED' THEN %(approval)s::bigint
                            ELSE plan_approval_id END,
    close_approval_id = CASE WHEN %(state)s = 'CLOSED' THEN %(approval)s::bigint
                             ELSE close_approval_id END
WHERE id = %(id)s

-- name: add_action
INSERT INTO capa_action (capa_id, kind, description, owner_user_id, due_on, changed_by)
VALUES (%(capa)s, %(kind)s, %(description)s, %(owner_user_id)s, %(due_on)s, %(changed_by)s)
RETURNING id

-- name: finish_action
UPDATE capa_action SET result = %(result)s, done_at = clock_timestamp(),
    changed_by = %(changed_by)s
WHERE id = %(id)s AND capa_id = %(capa)s AND done_at IS NULL
RETURNING id

-- name: actions
SELECT id, kind, description, owner_user_id, due_on, result, done_at, added_at
FROM capa_action WHERE capa_id = %(capa)s ORDER BY id

-- name: transitions
SELECT from_state, to_state, approval_id, actor, changed_at
FROM capa_transition WHERE capa_id = %(capa)s ORDER BY id

-- name: signers
SELECT a.state, a.flow, ARRAY(SELECT user_id FROM signature WHERE signature.approval_id = a.id)
FROM approval a WHERE a.id = %(approval)s
