"""Giving permits and taking them back, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.gate.facts_reading import read_facts
from api.gate.rules import decide
from api.gate.schemas import PermitLine, PermitView, RedemptionView
from api.gate.tokens import permit_id, require_same, token_of
from coldgate.errors import ConflictError, NotFoundError
from coldgate.model import LineState, Purpose
from coldgate.storage import gate, tokens
from coldgate.storage.tokens import NewPermit
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from api.caller import Caller
    from api.gate.decision_making import Concluded
    from api.gate.facts import Facts, Line
    from api.gate.schemas import GateIn, RedemptionIn
    from api.gate.tokens import Issuer
    from coldgate.storage.connection import Connection
    from coldgate.storage.tokens import PermitRow

# Where lines stand while the permit that was given with their step is good.
GOAL: Final = {
    Purpose.DISPATCH: LineState.IN_TRANSIT,
    Purpose.RECEIPT_RELEASE: LineState.RELEASED,
}


def give(
    connection: Connection, caller: Caller, made: Concluded, asked: GateIn, issuer: Issuer
) -> PermitView | None:
    """A permit for what may pass, good for whoever asked; None where nothing may."""
    if not made.passing:
        return None
    row = tokens.insert(
        connection,
        NewPermit(
            decision=made.row.id,
            consignment=made.row.consignment_id,
            purpose=made.row.purpose,
            audience=caller.party,
            lines=_amounts(made.passing, asked.quantity),
            lifetime=issuer.lifetime,
        ),
    )
    return PermitView(
        id=row.id,
        token=token_of(row, issuer.signer),
        purpose=Purpose(row.purpose),
        audience=row.audience,
        lines=_lines(row),
        issued_at=row.issued_at,
        expires_at=row.expires_at,
    )


def _amounts(lines: tuple[Line, ...], quantity: int | None) -> list[dict[str, object]]:
    """The units that a permit names: all of the lines, or so many of them in their order."""
    left = sum(line.quantity for line in lines) if quantity is None else quantity
    amounts: list[dict[str, object]] = []
    for line in lines:
        taken = min(left, line.quantity)
        left -= taken
        if taken:
            named = {"product": line.product_id, "lot": line.lot_number, "quantity": taken}
            amounts.append({"position": line.position, **named})
    return amounts


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
    gate.lock(connection, permit.consignment_id, scope=caller.scope)
    _require_fresh(connection, permit)
    with everything(connection):
        facts = read_facts(connection, permit.consignment_id, Purpose(permit.purpose))
    _require_valid(permit, facts)
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
        raise ConflictError("PERMIT_EXPIRED", f"expired at {permit.expires_at.isoformat()}")


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
