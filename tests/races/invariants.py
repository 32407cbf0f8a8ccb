"""What has to hold whatever raced with what, asked of the database from outside.

Each query lists what is wrong. Times that it compares were taken under the consignment's lock, so
that their order is the order in which things happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import psycopg

if TYPE_CHECKING:
    from races.arena import Arena

NEVER: Final = {
    "goods passed a restriction": """
        SELECT d.id FROM gate_decision d
        JOIN jsonb_array_elements(d.lines) AS part ON (part ->> 'permitted')::boolean
        JOIN restriction r
            ON (r.product_id, r.lot_number) = (part ->> 'product', part ->> 'lot')
        LEFT JOIN restriction_lift l ON l.restriction_id = r.id
        WHERE r.placed_at < d.decided_at AND coalesce(l.lifted_at > d.decided_at, true)""",
    "a permit was used under a restriction": """
        SELECT p.id FROM permit p
        JOIN permit_redemption used ON used.permit_id = p.id
        JOIN jsonb_array_elements(p.lines) AS part ON true
        JOIN restriction r
            ON (r.product_id, r.lot_number) = (part ->> 'product', part ->> 'lot')
        LEFT JOIN restriction_lift l ON l.restriction_id = r.id
        WHERE r.placed_at < used.redeemed_at AND coalesce(l.lifted_at > used.redeemed_at, true)""",
    "more passed by permits than there is, and nothing was revoked": """
        SELECT line.id FROM consignment_line line
        JOIN permit p ON p.consignment_id = line.consignment_id
        JOIN permit_redemption used ON used.permit_id = p.id
        JOIN jsonb_to_recordset(p.lines) AS named (position integer, quantity integer)
            ON named.position = line.position
        WHERE NOT EXISTS (SELECT FROM line_transition
                          WHERE line_id = line.id AND to_state = 'revoked')
        GROUP BY line.id, p.purpose HAVING sum(named.quantity) > line.quantity""",
    "a decision did not look at the newest evaluation": """
        SELECT d.id FROM gate_decision d
        WHERE d.evaluation_id IS DISTINCT FROM (
            SELECT max(e.id) FROM evaluation e
            WHERE e.consignment_id = d.consignment_id AND e.evaluated_at < d.decided_at)""",
    "a permit was used after worse was known": """
        SELECT p.id FROM permit p
        JOIN permit_redemption used ON used.permit_id = p.id
        JOIN LATERAL (
            SELECT * FROM evaluation e
            WHERE e.consignment_id = p.consignment_id AND e.evaluated_at < used.redeemed_at
            ORDER BY e.id DESC LIMIT 1) AS newest ON true
        WHERE p.purpose = 'receipt_release'
          AND (newest.verdict <> 'PASS' OR newest.with_excursions OR newest.provisional)
          AND NOT EXISTS (SELECT FROM disposition s
                          WHERE s.consignment_id = p.consignment_id AND s.state = 'granted'
                            AND s.decision = 'release' AND s.granted_at < used.redeemed_at)""",
    "goods left that were proven broken": """
        SELECT d.id FROM gate_decision d JOIN evaluation e ON e.id = d.evaluation_id
        WHERE d.purpose = 'dispatch' AND d.permitted AND e.verdict = 'FAIL' AND e.zones IS NULL
        UNION ALL
        SELECT p.id FROM permit p
        JOIN permit_redemption used ON used.permit_id = p.id
        JOIN LATERAL (
            SELECT verdict, zones FROM evaluation e
            WHERE e.consignment_id = p.consignment_id AND e.evaluated_at < used.redeemed_at
            ORDER BY e.id DESC LIMIT 1) AS newest ON true
        WHERE p.purpose = 'dispatch' AND newest.verdict = 'FAIL' AND newest.zones IS NULL""",
    "goods are released although worse is known": """
        SELECT line.id FROM consignment_line line
        JOIN LATERAL (
            SELECT * FROM evaluation e WHERE e.consignment_id = line.consignment_id
            ORDER BY e.id DESC LIMIT 1) AS newest ON NOT newest.provisional
        WHERE line.state = 'released' AND (newest.verdict <> 'PASS' OR newest.with_excursions)
          AND NOT EXISTS (
              SELECT FROM disposition s JOIN evaluation stood ON stood.id = s.evaluation_id
              WHERE s.consignment_id = line.consignment_id AND s.state = 'granted'
                AND s.decision = 'release' AND line.position = ANY (s.positions)
                AND array_position('{PASS,HOLD,FAIL}', stood.verdict)
                 >= array_position('{PASS,HOLD,FAIL}', newest.verdict))""",
    "a line took a step from where it was not": """
        SELECT id FROM (
            SELECT t.id, t.from_state,
                lag(t.to_state, 1, 'planned') OVER (PARTITION BY line_id ORDER BY t.id) AS stood
            FROM line_transition t) AS steps
        WHERE from_state <> stood
        UNION ALL
        SELECT line.id FROM consignment_line line WHERE line.state <> coalesce(
            (SELECT to_state FROM line_transition
             WHERE line_id = line.id ORDER BY id DESC LIMIT 1), 'planned')""",
    "a release was not announced, or not once": """
        SELECT sent.id FROM consignment sent WHERE
            (SELECT count(*) FROM line_transition t
             JOIN consignment_line line ON line.id = t.line_id
             WHERE line.consignment_id = sent.id AND to_state = 'released')
         <> (SELECT count(*) FROM outbox
             WHERE consignment_id = sent.id AND kind = 'lot.released')""",
    "a revocation was not announced, or not once": """
        SELECT sent.id FROM consignment sent WHERE
            (SELECT count(*) FROM line_transition t
             JOIN consignment_line line ON line.id = t.line_id
             WHERE line.consignment_id = sent.id AND to_state = 'revoked')
         <> (SELECT coalesce(sum(jsonb_array_length(body -> 'lines')), 0) FROM outbox
             WHERE consignment_id = sent.id AND kind = 'release.revoked')""",
    "an evaluation had an effect twice": """
        SELECT consignment_id, kind, body ->> 'evaluation', body -> 'lines' FROM outbox
        WHERE kind IN ('lot.blocked', 'release.revoked')
        GROUP BY 1, 2, 3, 4 HAVING count(*) > 1""",
    "a line was stopped twice": """
        SELECT consignment_id, part ->> 'position' FROM outbox
        JOIN jsonb_array_elements(body -> 'lines') AS part ON true
        WHERE kind = 'lot.blocked' GROUP BY 1, 2 HAVING count(*) > 1""",
    "an evaluation was not acted on": """
        SELECT id FROM evaluation WHERE NOT EXISTS (
            SELECT FROM reaction WHERE evaluation_id = evaluation.id)""",
    "a decision is not in the ledger once": """
        SELECT d.id FROM gate_decision d
        LEFT JOIN ledger_entry l ON l.kind = 'gate.decided' AND l.subject = d.consignment_id
            AND (convert_from(l.body, 'UTF8')::jsonb ->> 'decision')::bigint = d.id
        GROUP BY d.id HAVING count(l.id) <> 1""",
    "a reaction is not in the ledger once": """
        SELECT consignment_id, kind FROM outbox WHERE kind IN ('lot.blocked', 'release.revoked')
        GROUP BY 1, 2 HAVING count(*) <> (
            SELECT count(*) FROM ledger_entry
            WHERE ledger_entry.kind = outbox.kind AND subject = outbox.consignment_id)""",
    "a signature is not in the ledger once": """
        SELECT s.id FROM signature s
        WHERE (SELECT count(*) FROM ledger_entry
               WHERE kind = 'approval.signed' AND subject = 'approval/' || s.approval_id)
           <> (SELECT count(*) FROM signature other WHERE other.approval_id = s.approval_id)""",
    "a request for signatures was not closed once": """
        SELECT a.id FROM approval a
        WHERE (SELECT count(*) FROM ledger_entry
               WHERE subject = 'approval/' || a.id AND kind IN ('approval.granted',
                   'approval.refused', 'approval.expired', 'approval.withdrawn'))
           <> (a.state <> 'open')::integer""",
    "somebody signed after it was closed, or twice": """
        SELECT s.id FROM signature s JOIN approval a ON a.id = s.approval_id
        WHERE s.signed_at > a.closed_at
        UNION ALL
        SELECT min(id) FROM signature GROUP BY approval_id, user_id HAVING count(*) > 1""",
    "somebody signed in a role that was taken": """
        SELECT s.id FROM signature s
        WHERE s.delegation_id IS NULL AND (
            SELECT granted FROM role_change
            WHERE user_id = s.user_id AND role = s.role AND changed_at <= s.signed_at
            ORDER BY id DESC LIMIT 1) IS NOT TRUE""",
    "dispositions of the same lines overlap": """
        SELECT a.id FROM disposition a
        JOIN disposition b ON b.consignment_id = a.consignment_id AND b.id > a.id
            AND b.positions && a.positions
        WHERE (a.state, b.state) = ('proposed', 'proposed')
           OR (a.evaluation_id = b.evaluation_id
               AND (a.state, b.state) = ('granted', 'granted'))""",
    "a disposition and its request do not say the same": """
        SELECT d.id FROM disposition d JOIN approval a ON a.id = d.approval_id
        WHERE (d.state, a.state) NOT IN (('proposed', 'open'), ('granted', 'granted'),
            ('refused', 'refused'), ('superseded', 'withdrawn'), ('expired', 'expired'),
            ('withdrawn', 'withdrawn'))""",
    "a deviation is open twice": """
        SELECT min(d.id) FROM deviation d JOIN deviation_subject s ON s.deviation_id = d.id
        WHERE d.closed_at IS NULL
        GROUP BY s.consignment_id, d.cause, d.quantity, d.side, d.began_at HAVING count(*) > 1""",
    "a CAPA took a step from where it was not": """
        SELECT id FROM (
            SELECT id, from_state,
                lag(to_state, 1, 'OPEN') OVER (PARTITION BY capa_id ORDER BY id) AS stood
            FROM capa_transition) AS steps
        WHERE from_state <> stood""",
    "somebody was reminded twice": """
        SELECT body ->> 'task', body ->> 'id', body ->> 'level', body ->> 'role', body ->> 'due_on'
        FROM outbox WHERE kind LIKE 'task.%'
        GROUP BY 1, 2, 3, 4, 5 HAVING count(*) > 1""",
    "an entry has no place in the ledger, or two": """
        SELECT e.id FROM ledger_entry e LEFT JOIN ledger l ON l.entry_id = e.id
        GROUP BY e.id HAVING count(l.sequence) <> 1""",
    "the ledger has a hole": """
        SELECT max(sequence) FROM ledger HAVING max(sequence) <> count(*)""",
}


def violations(dsn: str) -> dict[str, list[Any]]:
    """What is wrong in the database, by name."""
    with psycopg.connect(dsn) as connection:
        found = {
            name: connection.execute(query).fetchall()  # type: ignore[arg-type]  # written above
            for name, query in NEVER.items()
        }
    return {name: rows for name, rows in found.items() if rows}


def assert_sound(arena: Arena) -> None:
    """Every invariant holds, no client was told of a fault, the database broke no deadlock."""
    arena.settle()
    found = violations(arena.world.dsn)
    assert not found, found
    assert arena.faults() == []
    assert arena.deadlocks() == 0
    findings = arena.ledger_findings()
    assert not findings, findings[:5]
