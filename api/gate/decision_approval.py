"""Where approval of blocked goods is to be had, and from whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from api.approvals.flow_format import parse_flow
from api.gate.disposition_rules import flow_for, may_release
from api.gate.disposition_schemas import Choice
from api.gate.rules import CHECKS
from api.gate.rules_condition import verdict_of
from api.restrictions.effects import HOLD_LIFT, LIFTED_BY_SIGNATURE, may_ask_lift
from coldgate.model import Purpose, Verdict
from coldgate.storage import flows
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from api.caller import Caller
    from api.gate.facts import Facts
    from api.gate.rules import Decision
    from coldgate.storage.connection import Connection

COVERABLE: Final = frozenset(check.code for check in CHECKS if check.coverable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A flow of ``party`` that settles some of the codes, and where it is asked for by POST.

    ``href`` is None where it is not for the caller to ask.
    """

    flow: str
    roles: tuple[str, ...]
    party: str
    href: str | None
    settles: tuple[str, ...]


def approval_of(
    connection: Connection, caller: Caller, facts: Facts, decision: Decision
) -> Approval | None:
    """How people may settle what blocks; None where only better facts can."""
    codes = tuple(result.code for result in decision.blocking)
    coverable = tuple(code for code in codes if code in COVERABLE)
    if coverable and facts.purpose is Purpose.RECEIPT_RELEASE:
        flow = _disposition(facts)
        return Approval(
            flow=flow,
            roles=_roles(connection, flow, party=facts.consignor_id),
            party=facts.consignor_id,
            href=f"/v1/consignments/{facts.consignment}/dispositions",
            settles=coverable,
        )
    return _lift(connection, caller, facts) if "LOT_BLOCKED" in codes else None


def _lift(connection: Connection, caller: Caller, facts: Facts) -> Approval | None:
    """How the first restriction ends that is on these very products; who placed it signs."""
    for one in facts.restricted:
        if one.placed_by is None or one.kind not in LIFTED_BY_SIGNATURE:
            continue
        may_ask = may_ask_lift(connection, caller, product=one.product_id, placed_by=one.placed_by)
        return Approval(
            flow=HOLD_LIFT,
            roles=_roles(connection, HOLD_LIFT, party=one.placed_by),
            party=one.placed_by,
            href=f"/v1/restrictions/{one.id}/lift" if may_ask else None,
            settles=("LOT_BLOCKED",),
        )
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


def _roles(connection: Connection, flow: str, *, party: str) -> tuple[str, ...]:
    """Who signs by the flow of that party which is in force, in order of its steps."""
    with everything(connection):
        steps = parse_flow(flows.in_force(connection, flow, party=party).body).steps
    return tuple(dict.fromkeys(role.value for step in steps for role in step.roles))
