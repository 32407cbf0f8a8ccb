"""Showing permits and taking them back, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.gate.facts_reading import lock_facts
from api.gate.rules import decide
from api.gate.schemas import PermitLine, PermitView, RedemptionView
from api.gate.tokens import permit_id, require_same, token_of
from coldgate.errors import ConflictError, NotFoundError
from coldgate.model import LineState, Purpose
from coldgate.storage import tokens
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from api.caller import Caller
    from api.gate.facts import Facts
    from api.gate.schemas import RedemptionIn
    from api.signing import Signer
    from coldgate.storage.connection import Connection
    from coldgate.storage.tokens import PermitRow

# Where lines stand while the permit that was given with their step is good.
GOAL: Final = {
    Purpose.DISPATCH: LineState.IN_TRANSIT,
    Purpose.RECEIPT_RELEASE: LineState.RELEASED,
}


def shown(permit: PermitRow, signer: Signer) -> PermitView:
    """A permit as whoever asked gets it, with its token."""
    return PermitView(
        id=permit.id,
        token=token_of(permit, signer),
        purpose=Purpose(permit.purpose),
        audience=permit.audience,
        lines=_lines(permit),
        issued_at=permit.issued_at,
        expires_at=permit.expires_at,
    )


def _lines(permit: PermitRow) -> list[PermitLine]:
    return [PermitLine.model_validate(line) for line in permit.lines]


def redeem(connection: Connection, caller: Caller, handed: RedemptionIn) -> RedemptionView:
    """Use a permit up: once, in time, and only while everything it stands on still holds.

    Raises:
        ConflictError: `PERMIT_FORGED`, `PERMIT_USED`, `PERMIT_EXPIRED` or `PERMIT_VOID`.
    """
    permit = tokens.permit(connection, permit_id(connection, handed.token))
    if permit.audience != caller.party:
        raise NotFoundError("permit", str(permit.id))
    require_same(handed.token, permit)
    purpose = Purpose(permit.purpose)
    facts = lock_facts(connection, permit.consignment_id, purpose, scope=caller.scope)
    _require_fresh(connection, permit)
    _require_valid(permit, facts)
    _require_unspoken(connection, permit, facts)
    redeemed_at = tokens.redeem(connection, permit.id, actor=caller.actor)
    caller.record(connection, "permit.redeemed", permit.consignment_id, permit=permit.id)
    return RedemptionView(
        permit=permit.id,
        decision=permit.decision_id,
        consignment=permit.consignment_id,
        purpose=facts.purpose,
        lines=_lines(permit),
        redeemed_by=caller.actor,
        redeemed_at=redeemed_at,
    )


def _require_fresh(connection: Connection, permit: PermitRow) -> None:
    standing = tokens.standing(connection, permit.id)
    if standing.redeemed_at is not None:
        raise ConflictError("PERMIT_USED", f"used at {standing.redeemed_at.isoformat()}")
    if standing.expired:
        span = f"from {permit.issued_at.isoformat()} until {permit.expires_at.isoformat()}"
        raise ConflictError("PERMIT_EXPIRED", f"good {span} only, by the database's clock")


def _require_unspoken(connection: Connection, permit: PermitRow, facts: Facts) -> None:
    """Return if the units of the permit are still there to be let pass.

    A permit that was given later comes first: whoever asked again had lost the one before.
    """
    with everything(connection):  # permits of other parties as well
        taken = tokens.taken(connection, permit)
    there = {line.position: line.quantity for line in facts.lines}
    for line in _lines(permit):
        if line.quantity + taken.get(line.position, 0) > there[line.position]:
            words = f"line {line.position} was let pass by, or promised to, another permit"
            raise ConflictError("PERMIT_VOID", words)


def _require_valid(permit: PermitRow, facts: Facts) -> None:
    """Return if the gate would say the same now, and nobody moved the goods."""
    named = {line["position"] for line in permit.lines}
    lines = [line for line in facts.lines if line.position in named]
    goal = GOAL[facts.purpose].value
    moved = [f"line {line.position} is {line.state}" for line in lines if line.state != goal]
    if moved:
        raise ConflictError("PERMIT_VOID", ", ".join(moved))
    blocking = decide(facts.purpose, facts.about(lines)).blocking
    if blocking:
        why = "; ".join(f"{result.code}: {result.finding.reason}" for result in blocking)
        raise ConflictError("PERMIT_VOID", why)
