"""What happens to requests that nobody signs in time; for the scheduler."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from api.alone import Cases
from api.approvals import requests, signatures
from api.approvals.cases import dossier, unread
from api.approvals.requests import SYSTEM
from api.approvals.rules import Outcome, progress
from coldgate.storage import approvals, consignments
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from api.approvals.cases import Dossier
    from api.approvals.rules import OpenStep
    from coldgate.storage.approvals import ApprovalRow
    from coldgate.storage.connection import Connection

PART: Final = 500  # requests that are looked at together
LAST: Final = "~"  # behind every id of a consignment


def escalate_due(connection: Connection, now: datetime) -> int:
    """Tell of every step that is overdue, once, and close what has expired; how many failed.

    Consignments are locked in the order of their ids, and a request that somebody signs at this
    moment is left for the next time: this waits for nobody who waits for it.
    """
    with everything(connection):
        cases = Cases(connection)
        rows = _open(connection)
        told = approvals.escalated(connection, [row.id for row in rows])
        due = [
            row
            for row, read in zip(rows, unread(connection, rows), strict=True)
            if cases.look(partial(_is_due, read, told, now), approval=row.id)
        ]
        due.sort(key=lambda row: (row.consignment_id or LAST, row.id))
        for row in due:
            cases.act(partial(_act, connection, row, now), approval=row.id)
        return cases.failed


def _open(connection: Connection) -> list[ApprovalRow]:
    found: list[ApprovalRow] = []
    after = 0
    while rows := approvals.approvals(
        connection, party=None, state="open", after=after, limit=PART
    ):
        found += rows
        after = rows[-1].id
    return found


def _is_due(read: Callable[[], Dossier], told: frozenset[tuple[int, int]], now: datetime) -> bool:
    found = read()
    standing = progress(found.case, now)
    if standing.outcome is Outcome.EXPIRED:
        return True
    return any(
        step.overdue and (found.approval.id, step.number) not in told
        for step in standing.open_steps
    )


def _act(connection: Connection, found: ApprovalRow, now: datetime) -> None:
    """Tell or close, as it is found to be under the locks."""
    if found.consignment_id is not None:
        consignments.locked(connection, found.consignment_id, scope=None)
    row = approvals.try_lock(connection, found.id)
    if row is None:
        return
    held = dossier(connection, row)
    standing = progress(held.case, now)
    if standing.outcome is Outcome.EXPIRED:
        signatures.close(connection, row, Outcome.EXPIRED.value, SYSTEM)
        return
    for step in standing.open_steps:
        if step.overdue:
            _tell(connection, held, step)


def _tell(connection: Connection, found: Dossier, step: OpenStep) -> None:
    if not approvals.escalate(connection, found.approval.id, step.number):
        return
    to = step.step.escalate_to
    facts = {
        "step": step.number,
        "missing": step.missing,
        "overdue_since": step.overdue_at.isoformat() if step.overdue_at else None,
        "escalated_to": to.value if to else None,
    }
    requests.announce(connection, "approval.escalated", found.approval, **facts)
    requests.record(connection, SYSTEM, "approval.escalated", found.approval, **facts)
