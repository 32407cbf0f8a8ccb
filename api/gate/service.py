"""One request to the gate: facts, decision, record, new states and permit in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api import quotas
from api.gate.decision_approval import approval_of
from api.gate.decision_making import Grant, Manner, conclude
from api.gate.facts_reading import lock_facts
from api.gate.rules import movable
from api.gate.schemas import ApprovalHint, CheckView, DecisionView, GateAnswer
from api.gate.tokens_service import shown
from api.schemas import Page, page_of
from coldgate.errors import ConflictError, NotFoundError
from coldgate.model import LineState, Purpose
from coldgate.storage import consignments, gate
from coldgate.storage.quotas import MOST, Part, require_room

if TYPE_CHECKING:
    from api.caller import Caller
    from api.gate.facts import Facts
    from api.gate.schemas import GateIn
    from api.gate.tokens import Issuer
    from coldgate.storage.connection import Connection


def ask(
    connection: Connection, caller: Caller, asked: GateIn, *, issuer: Issuer, digest: str
) -> GateAnswer:
    """Decide, record and act under the consignment's lock; a crash leaves none of the three.

    Goods that were released before are examined anew: a permit comes with a new token, a refusal
    moves nothing.
    """
    facts = lock_facts(connection, asked.consignment, asked.purpose, scope=caller.scope)
    _require_right(caller, facts)
    manner = Manner(
        actor=caller.actor,
        partial=asked.partial,
        request_digest=digest,
        grant=Grant(audience=caller.party, quantity=asked.quantity, lifetime=issuer.lifetime),
    )
    facts = _about(facts, asked)
    if asked.partial:  # what was left behind, or refused, keeps no other line from its step
        facts = facts.about(movable(facts.purpose, facts.lines) or facts.lines)
    if facts.permits >= MOST[Part.PERMITS] and _have_passed(facts):
        require_room(connection, asked.consignment, Part.PERMITS, party=caller.party)
    made = conclude(connection, facts, manner)
    if not made.decision.permitted:
        quotas.spend(connection, caller, quotas.REFUSALS)
    permit = None if made.permit is None else shown(made.permit, issuer.signer)
    hint = (
        None if made.decision.permitted else approval_of(connection, caller, facts, made.decision)
    )
    return GateAnswer(
        **dict(DecisionView.model_validate(made.row)),
        answer="block" if permit is None else "permit",
        permit=permit,
        reasons=[CheckView.model_validate(one.as_json()) for one in made.decision.blocking],
        approval=None if hint is None else ApprovalHint.model_validate(hint),
        deviation=made.deviation,
        waits_for=gate.seen(connection, facts.waits_for) if facts.waits_for else [],
    )


def list_decisions(
    connection: Connection, caller: Caller, consignment: str, *, after: int, limit: int
) -> Page[DecisionView]:
    """Decisions about a consignment, oldest first."""
    consignments.visible(connection, consignment, scope=caller.scope)
    rows = gate.decisions(connection, consignment, after=after, limit=limit)
    return page_of(DecisionView, rows, limit=limit)


def get_decision(connection: Connection, caller: Caller, decision: int) -> DecisionView:
    """One decision with every check, as it was recorded."""
    row = gate.decision(connection, decision)
    try:
        consignments.visible(connection, row.consignment_id, scope=caller.scope)
    except NotFoundError as error:
        raise NotFoundError("decision", str(decision)) from error
    return DecisionView.model_validate(row)


def _require_right(caller: Caller, facts: Facts) -> None:
    """Return for who answers for the goods: a carrier may dispatch them, never release them."""
    may = {facts.consignor_id, facts.consignee_id}
    if facts.purpose is Purpose.DISPATCH:
        may = {facts.consignor_id, *facts.carrier_ids}
    if not caller.is_operator and caller.party not in may:
        raise NotFoundError("consignment", facts.consignment)


def _about(facts: Facts, asked: GateIn) -> Facts:
    """The facts about the lines that are meant."""
    if asked.lot is None:
        return facts
    wanted = (asked.lot.product, asked.lot.number)
    lines = [line for line in facts.lines if (line.product_id, line.lot_number) == wanted]
    if not lines:
        raise NotFoundError("lot in this consignment", "/".join(wanted))
    there = sum(facts.left(line) for line in lines)
    if asked.quantity is not None and asked.quantity > there > 0:
        raise ConflictError("QUANTITY_EXCEEDED", f"the consignment has {there} of this lot left")
    return facts.about(lines)


def _have_passed(facts: Facts) -> bool:
    """Whether a permit may move nothing: of such there is no end, of others one each line."""
    passed = LineState.IN_TRANSIT if facts.purpose is Purpose.DISPATCH else LineState.RELEASED
    return any(line.state == passed.value for line in facts.lines)
