"""What an evaluation does to goods that are on their way, released, or waiting to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.gate.decision_release import release_if_clean
from api.gate.disposition_schemas import Choice
from api.gate.dispositions import supersede, waits
from api.quality.stopping import apply_judgement
from coldgate.storage import consignments, gate, reactions

if TYPE_CHECKING:
    from coldgate.storage.connection import Connection


def react(connection: Connection, consignment: str) -> int:
    """Act on the evaluations of ``consignment`` that nobody acted on; how many there were.

    Only the newest decides, for it judged everything that the others did; all are marked. States,
    deviations, CAPA, announcements and the marks commit together: a crash leaves the work to the
    next attempt, and of two processes the second finds nothing to do.
    """
    consignments.locked(connection, consignment, scope=None)
    claimed = reactions.claim(connection, consignment)
    newest = gate.judgement(connection, consignment)
    if newest is not None and newest.id in claimed:
        supersede(connection, consignment)
        apply_judgement(connection, consignment, newest)
        release_if_clean(connection, consignment)
    return len(claimed)


def release_audited(connection: Connection, consignment: str) -> bool:
    """Let goods go that waited for the audit alone, by their policy; whether they went.

    While facts that count for it are not judged, or the newest judgement's evidence is not audited,
    the consignment stays on the list: an audit that commits at this moment found it there.
    """
    consignments.locked(connection, consignment, scope=None)
    if waits(connection, consignment, Choice.RELEASE) or not gate.audited(connection, consignment):
        return False
    released = release_if_clean(connection, consignment) is not None
    reactions.settle_release(connection, consignment)
    return released
