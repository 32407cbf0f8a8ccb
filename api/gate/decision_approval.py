"""Where approval of blocked goods is to be had, and from whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from api.approvals.flow_format import parse_flow
from api.gate.disposition_rules import flow_for, may_release
from api.gate.disposition_schemas import Choice
from api.gate.rules import CHECKS
from api.gate.rules_condition import verdict_of
from coldgate.model import Purpose, Verdict
from coldgate.storage import flows
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from api.gate.facts import Facts
    from api.gate.rules import Decision
    from coldgate.storage.connection import Connection

COVERABLE: Final = frozenset(check.code for check in CHECKS if check.coverable)
HOLD_LIFT: Final = "hold_lift"
LIFTED_BY_SIGNATURE: Final = frozenset({"hold", "refusal"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A flow that settles some of the codes: who signs it, and where it is asked for by POST."""

    flow: str
    roles: tuple[str, ...]
    party: str
    href: str
    settles: tuple[str, ...]


def approval_of(connection: Connection, facts: Facts, decision: Decision) -> Approval | None:
    """How people may settle what blocks; None where only better facts can."""
    codes = tuple(result.code for result in decision.blocking)
    coverable = tuple(code for code in codes if code in COVERABLE)
    if coverable and facts.purpose is Purpose.RECEIPT_RELEASE:
        flow = _disposition(facts)
        href = f"/v1/consignments/{facts.consignment}/dispositions"
        return _approval(connection, facts, flow, href, coverable)
    if "LOT_BLOCKED" in codes:
        found = (one.id for one in facts.restricted if one.kind in LIFTED_BY_SIGNATURE)
        liftable = next((number for number in found if number is not None), None)
        if liftable is not None:
            href = f"/v1/restrictions/{liftable}/lift"
            return _approval(connection, facts, HOLD_LIFT, href, ("LOT_BLOCKED",))
    return None


def _disposition(facts: Facts) -> str:
    """The flow by what the judge said of the lines that nobody signed for yet (S31).

    A signature that the policy wants is that of a PASS.
    """
    left = [line for line in facts.lines if facts.cover(line) is None]
    verdict = (
        Verdict.HOLD if facts.judgement is None or not left else verdict_of(facts.judgement, left)
    )
    released = may_release(verdict, facts.profile_id or "")
    return flow_for(Choice.RELEASE if released else Choice.REJECT, verdict)


def _approval(
    connection: Connection, facts: Facts, flow: str, href: str, settles: tuple[str, ...]
) -> Approval:
    with everything(connection):
        steps = parse_flow(flows.in_force(connection, flow, party=facts.consignor_id).body).steps
    roles = dict.fromkeys(role.value for step in steps for role in step.roles)
    return Approval(
        flow=flow, roles=tuple(roles), party=facts.consignor_id, href=href, settles=settles
    )
