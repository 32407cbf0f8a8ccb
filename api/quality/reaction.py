"""What an evaluation does to goods that are on their way or released already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.gate.rules import condition_cause
from coldgate.model import LineState, Verdict
from coldgate.storage import consignments, gate, quality, records
from coldgate.storage.quality import NewDeviation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coldgate.storage.connection import Connection
    from coldgate.storage.consignments import LineRow
    from coldgate.storage.gate import Judgement

ACTOR: Final = "coldgate"


def react(connection: Connection, consignment: str) -> int:
    """Act on the evaluations of ``consignment`` that nobody acted on; how many there were.

    Only the newest decides, for it judged everything that the others did; all are marked. States,
    deviation, announcements and the marks commit together: a crash leaves the work to the next
    attempt, and of two processes the second finds nothing to do.
    """
    consignments.locked(connection, consignment, scope=None)
    claimed = quality.claim(connection, consignment)
    newest = gate.judgement(connection, consignment)
    if newest is not None and newest.id in claimed:
        apply_judgement(connection, consignment, newest)
    return len(claimed)


def apply_judgement(connection: Connection, consignment: str, newest: Judgement) -> None:
    """Stop or revoke what the newest judgement does not let go; the caller holds the lock."""
    cause = condition_cause(newest)
    if cause is None or not _is_final(newest):
        return  # S19: an open event may still end well; the gate stays shut meanwhile
    stopped = _stop(connection, consignment, newest)
    revoked = consignments.move_lines(
        connection,
        consignment,
        from_states=[LineState.RELEASED],
        to_state=LineState.REVOKED,
    )
    deviation, opened = _open_deviation(connection, consignment, newest, cause)
    facts = {"evaluation": newest.version, "cause": cause, "deviation": deviation}
    if stopped or (opened and not revoked):
        _announce(connection, consignment, "lot.blocked", facts, stopped)
    if revoked:
        _announce(connection, consignment, "release.revoked", facts, revoked)


def _is_final(judgement: Judgement) -> bool:
    """Whether more readings cannot mend it: exposure only grows, so that a FAIL is final."""
    return judgement.verdict == Verdict.FAIL.value or not judgement.provisional


def _stop(connection: Connection, consignment: str, newest: Judgement) -> list[LineRow]:
    """Quarantine what is on its way; a PASS with excursions is for QA to sign on arrival."""
    if newest.verdict == Verdict.PASS.value:
        return []
    return consignments.move_lines(
        connection,
        consignment,
        from_states=[LineState.IN_TRANSIT],
        to_state=LineState.QUARANTINED,
    )


def _open_deviation(
    connection: Connection, consignment: str, newest: Judgement, cause: str
) -> tuple[int, bool]:
    verdict = Verdict.FAIL if newest.verdict == Verdict.FAIL.value else Verdict.HOLD
    return quality.open_deviation(
        connection,
        NewDeviation(
            consignment=consignment,
            cause=cause,
            verdict=verdict.value,
            evaluation_id=newest.id,
            gate_decision_id=None,
            facts={"evaluation": newest.version, "with_excursions": newest.with_excursions},
        ),
    )


def _announce(
    connection: Connection,
    consignment: str,
    kind: str,
    facts: dict[str, object],
    lines: Sequence[LineRow],
) -> None:
    lots = [
        {"position": line.position, "product": line.product_id, "lot": line.lot_number}
        for line in sorted(lines, key=lambda line: line.position)
    ]
    body = {**facts, "lines": lots}
    quality.announce(connection, kind=kind, consignment=consignment, body=body)
    records.append_ledger(connection, actor=ACTOR, kind=kind, subject=consignment, body=body)
