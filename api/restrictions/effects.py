"""Restricting a lot and lifting it, for whoever has the right: holds, recalls, blocking CAPA."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from api.approvals.requests import Effect
from coldgate.errors import NotFoundError
from coldgate.model import LineState
from coldgate.storage import goods, quality, records, restrictions, stability
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from api.caller import Caller
    from coldgate.storage.approvals import ApprovalRow
    from coldgate.storage.connection import Connection
    from coldgate.storage.restrictions import (
        ConcernedLine,
        NewRefusal,
        NewRestriction,
        Placed,
        RestrictionRow,
    )

HOLD_LIFT: Final = "hold_lift"  # the kind of subject, and the flow that it is signed by
LIFTED_BY_SIGNATURE: Final = frozenset({"hold", "refusal"})  # recall and CAPA lift their own
_GONE: Final = frozenset({LineState.REJECTED.value, LineState.RETURNED.value})


def impose(connection: Connection, new: NewRestriction) -> Placed:
    """Restrict the lot and tell everybody who holds some of it; ``new.actor`` is on record.

    What is released stays so, and no permit for it opens the gate any more; what is on its way
    stops at receipt.
    """
    return _told_of(connection, restrictions.place(connection, new))


def refuse(connection: Connection, new: NewRefusal) -> Placed:
    """Hold what may be the goods that were refused, wherever somebody sends them next.

    It ends as a hold does, once somebody signs what became of them.
    """
    return _told_of(connection, restrictions.refuse(connection, new))


def _told_of(connection: Connection, placed: Placed) -> Placed:
    row = placed.restriction
    facts = _facts(row)
    tell_holders(connection, "lot.held", facts, placed.lines, to_others={"kind": row.kind})
    _record(connection, row.actor, "restriction.placed", row, facts)
    return placed


def lift(
    connection: Connection,
    restriction_id: int,
    *,
    actor: str,
    reason: str,
    approval: int | None = None,
) -> RestrictionRow:
    """Lift a restriction and tell who holds the lot; recall and CAPA lift what serves them."""
    with everything(connection):
        row = restrictions.lift(
            connection, restriction_id, lifted_by=actor, reason=reason, approval=approval
        )
        lines = restrictions.concerned(connection, restriction_id)
        if row.consignment_id is not None:  # units that may travel again have spent what they spent
            stability.touch_lots(connection, row.consignment_id)
    facts = {**_facts(row), "lift_reason": reason, "approval": approval}
    tell_holders(connection, "lot.freed", facts, lines, to_others={"kind": row.kind})
    _record(connection, actor, "restriction.lifted", row, facts)
    return row


def may_ask_lift(connection: Connection, caller: Caller, *, product: str, placed_by: str) -> bool:
    """Whether the caller may ask for the end of a restriction: it placed it or owns the product."""
    if placed_by == caller.party:
        return True
    try:
        goods.product(connection, scope=caller.scope, product_id=product)
    except NotFoundError:
        return False
    return True


def lift_record(connection: Connection, request_id: str) -> Mapping[str, object]:
    """What is shown to who signs the lift of a hold."""
    with everything(connection):
        asked = restrictions.lift_request(connection, int(request_id))
        row = restrictions.restriction(connection, asked.restriction_id)
    return {
        "restriction": {**_facts(row), "placed_at": row.placed_at.isoformat(), **_refused_at(row)},
        "lift": {
            "reason": asked.reason,
            "requested_by": asked.requested_by,
            "requested_at": asked.requested_at.isoformat(),
        },
    }


def _granted(connection: Connection, approval: ApprovalRow, actor: str) -> None:
    with everything(connection):
        asked = restrictions.lift_request(connection, int(approval.subject_id))
    lift(connection, asked.restriction_id, actor=actor, reason=asked.reason, approval=approval.id)


def _refused(_connection: Connection, _approval: ApprovalRow, _actor: str) -> None:
    """The hold stays; the approval itself is on record."""


LIFT_EFFECT: Final = Effect(record_now=lift_record, granted=_granted, refused=_refused)


def tell_holders(
    connection: Connection,
    kind: str,
    facts: Mapping[str, object],
    lines: Iterable[ConcernedLine],
    *,
    to_others: Mapping[str, object],
) -> None:
    """Tell each party that holds some of the lot, of its own part only.

    ``facts`` name ``product`` and ``lot``. Under another party's article nobody learns more than
    ``to_others`` and that there is something.
    """
    parts: dict[tuple[str, str], list[dict[str, object]]] = defaultdict(list)
    for line in lines:
        for party in _holders(line):
            parts[party, line.product_id].append(_told(line))
    with everything(connection):
        for (party, product), told in sorted(parts.items()):
            own = product == facts["product"]
            said = facts if own else {**to_others, "product": product, "lot": facts["lot"]}
            body = {**said, "lines": told}
            quality.announce(connection, kind=kind, party=party, body=body)


def _holders(line: ConcernedLine) -> frozenset[str]:
    """Who has the goods of the line in hand, or is about to."""
    if line.state in _GONE:
        return frozenset()
    if line.state == LineState.PLANNED.value:
        return frozenset({line.consignor_id})
    if line.state == LineState.IN_TRANSIT.value:
        return frozenset({*line.carrier_ids, line.consignee_id})
    return frozenset({line.consignee_id})


def _told(line: ConcernedLine) -> dict[str, object]:
    return {
        "consignment": line.consignment_id,
        "position": line.position,
        "quantity": line.quantity,
        "state": line.state,
    }


def _facts(row: RestrictionRow) -> dict[str, object]:
    return {
        "restriction": row.id,
        "kind": row.kind,
        "product": row.product_id,
        "lot": row.lot_number,
        "reason": row.reason,
        "reference": row.reference,
        "placed_by": row.placed_by,
    }


def _refused_at(row: RestrictionRow) -> dict[str, object]:
    """Which goods were refused; nothing of other restrictions, whose records are signed without."""
    if row.consignment_id is None:
        return {}
    return {"consignment": row.consignment_id, "serials": row.serials}


def _record(
    connection: Connection,
    actor: str,
    kind: str,
    row: RestrictionRow,
    facts: Mapping[str, object],
) -> None:
    subject = f"{row.product_id}/{row.lot_number}"
    records.append_ledger(connection, actor=actor, kind=kind, subject=subject, body=facts)
