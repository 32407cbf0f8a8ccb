"""What a signed disposition does, in the transaction of the last signature."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from api.approvals.requests import Effect
from api.gate.decision_release import release_by_disposition
from api.gate.disposition_rules import (
    choose,
    needs_statement,
    require_final,
    require_statement,
)
from api.gate.disposition_schemas import Choice
from api.gate.dispositions import record_now, tell_closed, waits
from api.restrictions.effects import refuse
from coldgate.model import LineState, Verdict
from coldgate.storage import consignments, dispositions, quality, stability, visibility
from coldgate.storage.restrictions import NewRefusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from coldgate.storage.approvals import ApprovalRow
    from coldgate.storage.connection import Connection
    from coldgate.storage.consignments import LineRow
    from coldgate.storage.dispositions import DispositionRow

_REFUSED_TO: Final = {Choice.REJECT: LineState.REJECTED, Choice.RETURN: LineState.RETURNED}


def _granted(connection: Connection, approval: ApprovalRow, actor: str) -> None:
    """Let the goods go through the gate, or out of use; who signs holds the consignment's lock."""
    row = dispositions.by_id(connection, int(approval.subject_id))
    decision = Choice(row.decision)
    _require_current(connection, row, decision)
    row = dispositions.close(connection, row.id, "granted")
    tell_closed(connection, row, actor)
    if decision is Choice.RELEASE:
        release_by_disposition(connection, actor, row)
    else:
        _refuse(connection, row, _REFUSED_TO[decision], actor)


def _closed(connection: Connection, approval: ApprovalRow, actor: str) -> None:
    """The approval was refused, expired or withdrawn, and the disposition with it."""
    row = dispositions.close(connection, int(approval.subject_id), approval.state)
    tell_closed(connection, row, actor)


def _require_current(connection: Connection, row: DispositionRow, decision: Choice) -> None:
    """Return if what was proposed is still to be decided; an error undoes the signature."""
    consignment = consignments.visible(connection, row.consignment_id, scope=None)
    lines = choose(consignments.lines(connection, consignment.id), row.positions)
    judged = dispositions.judged(connection, consignment.id, row.evaluation_version)
    release = decision is Choice.RELEASE
    require_final(judged, waiting=release and waits(connection, consignment.id, decision))
    if needs_statement(decision, Verdict(row.verdict)):
        document = row.statement_document_id
        statement = None if document is None else dispositions.statement(connection, document)
        makers = dispositions.makers(connection, consignment.id, row.positions)
        require_statement(statement, makers=makers, consignment=consignment.id, lines=lines)


def _refuse(connection: Connection, row: DispositionRow, to_state: LineState, actor: str) -> None:
    """Move the lines out of use, by quarantine, say so of each, and hold where they may go next."""
    consignments.move_lines(
        connection,
        row.consignment_id,
        from_states=[LineState.REVOKED],
        to_state=LineState.QUARANTINED,
        positions=row.positions,
    )
    moved = consignments.move_lines(
        connection,
        row.consignment_id,
        from_states=[LineState.QUARANTINED],
        to_state=to_state,
        positions=row.positions,
    )
    if to_state is LineState.REJECTED:  # what goes nowhere spends nothing for the rest of its lot
        with visibility.everything(connection):
            stability.touch_lots(connection, row.consignment_id)
    for line in sorted(moved, key=lambda line: line.position):
        body = {
            "disposition": row.id,
            "position": line.position,
            "product": line.product_id,
            "lot": line.lot_number,
        }
        kind = f"lot.{to_state.value}"
        quality.announce(connection, kind=kind, consignment=row.consignment_id, body=body)
    for refused in refusals(row.consignment_id, moved, actor):
        refuse(connection, refused)


def refusals(consignment: str, lines: Iterable[LineRow], actor: str) -> Iterator[NewRefusal]:
    """What each lot of the lines may not do; without all serials it is not known which units."""
    lots: dict[tuple[str, str], list[LineRow]] = defaultdict(list)
    for line in lines:
        lots[line.product_id, line.lot_number].append(line)
    for (product, lot), refused in sorted(lots.items()):
        named = [serial for line in refused for serial in line.serials or ()]
        units = sum(line.quantity for line in refused)
        yield NewRefusal(
            consignment=consignment,
            product=product,
            lot=lot,
            serials=named if len(named) == units else None,
            reason=f"{units} of the lot were refused; say by signature what became of them",
            actor=actor,
        )


DISPOSITION_EFFECT: Final = Effect(record_now=record_now, granted=_granted, refused=_closed)
