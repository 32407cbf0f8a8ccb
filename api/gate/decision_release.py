"""Releases that nobody asks the gate for: by policy, and by a signed disposition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.gate.decision_making import Manner, conclude
from api.gate.facts_reading import lock_facts
from api.gate.rules import decide
from coldgate.model import LineState, Purpose
from coldgate.storage import gate
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from api.gate.decision_making import Concluded
    from api.gate.facts import Facts
    from coldgate.storage.connection import Connection
    from coldgate.storage.dispositions import DispositionRow

ACTOR: Final = "coldgate"


def release_if_clean(connection: Connection, consignment: str) -> Concluded | None:
    """Let goods go whose consignment says `automatic`; None where nothing is to be let go.

    Whatever blocks is left to those who are asked: an attempt that nobody made is no refusal, and
    opens no deviation. A judgement that is better than an earlier one releases nothing (S34). The
    caller holds the consignment's lock.
    """
    with everything(connection):
        if not gate.awaiting_release(connection, consignment):
            return None
        facts = _quarantined(
            lock_facts(connection, consignment, Purpose.RECEIPT_RELEASE, scope=None)
        )
        if not decide(facts.purpose, facts).permitted:
            return None
        return conclude(connection, facts, Manner(actor=ACTOR))


def release_by_disposition(
    connection: Connection, actor: str, disposition: DispositionRow
) -> Concluded:
    """Ask the gate for the lines of a release that was signed just now, in the signers' name.

    What no signature covers still blocks: then the lines stay where they are, and the decision
    says why. The caller holds the consignment's lock.
    """
    with everything(connection):
        facts = lock_facts(
            connection, disposition.consignment_id, Purpose.RECEIPT_RELEASE, scope=None
        )
        signed = facts.about(line for line in facts.lines if line.position in disposition.positions)
        return conclude(connection, signed, Manner(actor=actor))


def _quarantined(facts: Facts) -> Facts:
    state = LineState.QUARANTINED.value
    return facts.about(line for line in facts.lines if line.state == state)
