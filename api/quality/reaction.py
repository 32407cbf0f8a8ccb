"""What an evaluation does to goods that are on their way or released already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.quality.stopping import apply_judgement
from coldgate.storage import consignments, gate, reactions

if TYPE_CHECKING:
    from coldgate.storage.connection import Connection

__all__ = ["apply_judgement", "react"]


def react(connection: Connection, consignment: str) -> int:
    """Act on the evaluations of ``consignment`` that nobody acted on; how many there were.

    Only the newest decides, for it judged everything that the others did; all are marked. States,
    deviation, announcements and the marks commit together: a crash leaves the work to the next
    attempt, and of two processes the second finds nothing to do.
    """
    consignments.locked(connection, consignment, scope=None)
    claimed = reactions.claim(connection, consignment)
    newest = gate.judgement(connection, consignment)
    if newest is not None and newest.id in claimed:
        apply_judgement(connection, consignment, newest)
    return len(claimed)
