"""What happens to requests that nobody signs in time; for the scheduler."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from api.alone import alone
from api.approvals import requests, signatures
from api.approvals.cases import dossier, dossiers
from api.approvals.requests import SYSTEM
from api.approvals.rules import Outcome, progress
from coldgate.storage import approvals, consignments
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from datetime import datetime

    from api.approvals.cases import Dossier
    from api.approvals.rules import OpenStep
    from coldgate.storage.connection import Connection

PART: Final = 500  # requests that are looked at together
LAST: Final = "~"  # behind every id of a consignment


def escalate_due(connection: Connection, now: datetime) -> int:
    """Tell of every step that is overdue, once, and close what has expired; how many there were.

    Consignments are locked in the order of their ids, and a request that somebody signs at this
    moment is left for the next time: this waits for nobody who waits for it.
    """
    with everything(connection):
        found = _open(connection)
        told = approvals.escalated(connection, [one.approval.id for one in found])
        due = [one for one in found if _is_due(one, told, now)]
        due.sort(key=lambda one: (one.approval.consignment_id or LAST, one.approval.id))
        return sum(
            alone(connection, partial(_act, connection, one, now), approval=one.approval.id)
            for one in due
        )


def _open(connection: Connection) -> list[Dossier]:
    found: list[Dossier] = []
    after = 0
    while rows := approvals.approvals(
        connection, party=None, state="open", after=after, limit=PART
    ):
        found += dossiers(connection, rows)
        after = rows[-1].id
    return found


def _is_due(found: Dossier, told: frozenset[tuple[int, int]], now: datetime) -> bool:
    standing = progress(found.case, now)
    if standing.outcome is Outcome.EXPIRED:
        return True
    return any(
        step.overdue and (found.approval.id, step.number) not in told
        for step in standing.open_steps
    )


def _act(connection: Connection, found: Dossier, now: datetime) -> int:
    """1 where something was told or closed; looked at again under the locks."""
    if found.approval.consignment_id is not None:
        consignments.locked(connection, found.approval.consignment_id, scope=None)
    row = approvals.try_lock(connection, found.approval.id)
    if row is None:
        return 0
    held = dossier(connection, row)
    standing = progress(held.case, now)
    if standing.outcome is Outcome.EXPIRED:
        signatures.close(connection, row, Outcome.EXPIRED.value, SYSTEM)
        return 1
    told = [_tell(connection, held, step) for step in standing.open_steps if step.overdue]
    return int(any(told))


def _tell(connection: Connection, found: Dossier, step: OpenStep) -> bool:
    if not approvals.escalate(connection, found.approval.id, step.number):
        return False
    to = step.step.escalate_to
    facts = {
        "step": step.number,
        "missing": step.missing,
        "overdue_since": step.overdue_at.isoformat() if step.overdue_at else None,
        "escalated_to": to.value if to else None,
    }
    requests.announce(connection, "approval.escalated", found.approval, **facts)
    requests.record(connection, SYSTEM, "approval.escalated", found.approval, **facts)
    return True
