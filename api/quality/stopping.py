"""What the newest evaluation stops: goods on their way, and releases that stood on a better one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from api.gate.rules import condition_cause
from api.quality.capa_opening import open_capa_by_rule
from api.quality.cases import Found, cases
from api.quality.grades import Grade, Judged, Place, grade, worse
from api.quality.impact import reasons
from api.quality.opening import Case, open_deviation
from coldgate.model import LineState, Verdict
from coldgate.storage import consignments, deviations, evidence, quality, reactions, records
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from api.quality.opening import Opening
    from coldgate.storage.connection import Connection
    from coldgate.storage.consignments import LineRow
    from coldgate.storage.evidence import AuditRow
    from coldgate.storage.gate import Judgement
    from coldgate.storage.reactions import JudgedRow, ReleasedLine

ACTOR: Final = "coldgate"
BROKEN: Final = "EVIDENCE_BROKEN"


def apply_judgement(connection: Connection, consignment: str, newest: Judgement) -> None:
    """Stop or revoke what the newest judgement does not let go; the caller holds the lock."""
    cause = condition_cause(newest)
    if cause is None or not _is_final(newest):
        return  # S19: an open event may still end well; the gate stays shut meanwhile
    with everything(connection):
        judged = reactions.judged(connection, newest.id)
        body = _body(judged)
        stopped = _stop(connection, consignment, _grader(judged, body))
        revoked = _revoke(connection, consignment, judged, body)
        openings = _open_deviations(connection, consignment, judged, body)
        facts = {
            "evaluation": newest.version,
            "cause": cause,
            "deviation": openings[0].id,
            "deviations": [opening.id for opening in openings],
        }
        opened = any(opening.opened for opening in openings)
        if stopped or (opened and not revoked):
            _announce(connection, consignment, "lot.blocked", facts, stopped)
        if revoked:
            _announce(connection, consignment, "release.revoked", facts, revoked)


def revoke_unproven(connection: Connection, consignment: str) -> bool:
    """Revoke releases whose evidence no longer verifies; whether there were any.

    No signature covers that. What was not released is held by the gate. The caller's transaction
    holds the lock from now on; of two processes the second finds nothing to do.
    """
    consignments.locked(connection, consignment, scope=None)
    if not reactions.claim_relapse(connection, consignment):
        return False
    with everything(connection):
        revoked = consignments.move_lines(
            connection,
            consignment,
            from_states=[LineState.RELEASED],
            to_state=LineState.REVOKED,
        )
        audit = evidence.fetch_audit(connection, consignment)
        if not revoked or audit is None:
            return False
        opening = open_deviation(connection, _broken(consignment, audit))
        facts = {"evaluation": audit.version, "cause": BROKEN, "deviation": opening.id}
        _announce(connection, consignment, "release.revoked", facts, revoked)
    return True


def _broken(consignment: str, audit: AuditRow) -> Case:
    return Case(
        consignment=consignment,
        cause=BROKEN,
        verdict=Verdict.FAIL,
        source="judge",
        trend_code=BROKEN,
        found_at=datetime.now(UTC),
        facts={"broken": audit.broken, "problems": audit.problems},
        evaluation_id=audit.evaluation_id,
    )


def _is_final(judgement: Judgement) -> bool:
    """Whether more readings cannot mend it: exposure only grows, so that a FAIL is final."""
    return judgement.verdict == Verdict.FAIL.value or not judgement.provisional


def _body(judged: JudgedRow) -> dict[str, object]:
    body = json.loads(judged.body)
    return body if isinstance(body, dict) else {}


def _grader(judged: JudgedRow, body: Mapping[str, object]) -> Callable[[Place], Grade]:
    parts = Judged(
        verdict=judged.verdict,
        with_excursions=judged.with_excursions,
        reason_codes=tuple(judged.reason_codes),
        zones=judged.zones,
        reasons=reasons(body),
    )
    return lambda place: grade(parts, place)


def _stop(
    connection: Connection, consignment: str, graded: Callable[[Place], Grade]
) -> list[LineRow]:
    """Quarantine what is on its way; a PASS with excursions is for QA to sign on arrival."""
    positions = [
        line.position
        for line in consignments.lines(connection, consignment)
        if line.state == LineState.IN_TRANSIT.value
        and graded(_place(line)).verdict is not Verdict.PASS
    ]
    return consignments.move_lines(
        connection,
        consignment,
        from_states=[LineState.IN_TRANSIT],
        to_state=LineState.QUARANTINED,
        positions=positions,
    )


def _revoke(
    connection: Connection, consignment: str, judged: JudgedRow, body: Mapping[str, object]
) -> list[LineRow]:
    """Revoke the lines for which it is worse than what their release stood on.

    That was a clean PASS, or what QA signed for. Where nobody knows, only a clean PASS will do.
    """
    now = _grader(judged, body)
    stood: dict[int, Callable[[Place], Grade]] = {}
    positions = []
    for line in reactions.released(connection, consignment):
        then = _standing(connection, line, stood)
        place = _place(line)
        if not now(place).is_clean if then is None else worse(now(place), then(place)):
            positions.append(line.position)
    return consignments.move_lines(
        connection,
        consignment,
        from_states=[LineState.RELEASED],
        to_state=LineState.REVOKED,
        positions=positions,
    )


def _standing(
    connection: Connection, line: ReleasedLine, known: dict[int, Callable[[Place], Grade]]
) -> Callable[[Place], Grade] | None:
    """What the evaluation that the line was released on says; ``known`` are those read before."""
    if line.evaluation_id is None:
        return None
    if line.evaluation_id not in known:
        judged = reactions.judged(connection, line.evaluation_id)
        known[line.evaluation_id] = _grader(judged, _body(judged))
    return known[line.evaluation_id]


def _place(line: LineRow | ReleasedLine) -> Place:
    return Place(zone=line.zone, product=line.product_id, lot=line.lot_number)


def _open_deviations(
    connection: Connection, consignment: str, judged: JudgedRow, body: Mapping[str, object]
) -> list[Opening]:
    found = Found(
        consignment=consignment,
        judged=judged,
        body=body,
        events=reactions.events(connection, judged.id),
        spent=deviations.spent(connection, consignment),
        at=datetime.now(UTC),
    )
    openings = []
    for case in cases(found):
        opening = open_deviation(connection, case)
        open_capa_by_rule(connection, opening, case)
        openings.append(opening)
    return openings


def _announce(
    connection: Connection,
    consignment: str,
    kind: str,
    facts: Mapping[str, object],
    lines: Sequence[LineRow],
) -> None:
    lots = [
        {"position": line.position, "product": line.product_id, "lot": line.lot_number}
        for line in sorted(lines, key=lambda line: line.position)
    ]
    body = {**facts, "lines": lots}
    quality.announce(connection, kind=kind, consignment=consignment, body=body)
    records.append_ledger(connection, actor=ACTOR, kind=kind, subject=consignment, body=body)
