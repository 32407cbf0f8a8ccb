"""Holds: who may place one, and who may ask for its end."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from api.approvals import manifests
from api.approvals.requests import SignatureRequest, open_approval
from api.approvals.views import signed_view
from api.restrictions.effects import (
    HOLD_LIFT,
    LIFTED_BY_SIGNATURE,
    impose,
    lift_record,
    may_ask_lift,
)
from api.restrictions.schemas import (
    HeldLine,
    LiftRequestView,
    LiftView,
    PlacedView,
    RestrictionDetail,
    RestrictionKind,
    RestrictionView,
)
from api.schemas import Page, page_of
from coldgate.errors import ConflictError, NotFoundError
from coldgate.storage import goods, restrictions
from coldgate.storage.restrictions import NewRestriction

if TYPE_CHECKING:
    from api.caller import Caller
    from api.restrictions.schemas import HoldIn, LiftIn
    from coldgate.storage.connection import Connection
    from coldgate.storage.restrictions import (
        ConcernedLine,
        LiftRequest,
        Placed,
        RestrictionRow,
        Wanted,
    )


def place_hold(connection: Connection, caller: Caller, new: HoldIn) -> PlacedView:
    """Hold the lot; the answer tells what of it stands where."""
    goods.product(connection, scope=caller.scope, product_id=new.product)
    goods.lot(connection, new.product, new.lot)
    placed = impose(
        connection,
        NewRestriction(
            kind=RestrictionKind.HOLD.value,
            product=new.product,
            lot=new.lot,
            reason=new.reason,
            reference=new.reference,
            placed_by=caller.party,
            actor=caller.actor,
        ),
    )
    return _placed_view(caller, placed)


def list_restrictions(
    connection: Connection, _caller: Caller, wanted: Wanted
) -> Page[RestrictionView]:
    """Restrictions that the caller may know of, oldest first."""
    rows = restrictions.restrictions(connection, wanted)
    return page_of(RestrictionView, rows, limit=wanted.limit)


def get_restriction(
    connection: Connection, _caller: Caller, restriction_id: int
) -> RestrictionDetail:
    """One restriction that the caller may know of, and how its end was asked for and signed."""
    row = restrictions.restriction(connection, restriction_id)
    asked = restrictions.lift_requests(connection, row.id)
    return RestrictionDetail.model_validate(
        {**asdict(row), "lifts": [_request_view(connection, one) for one in asked]}
    )


def ask_lift(connection: Connection, caller: Caller, restriction_id: int, new: LiftIn) -> LiftView:
    """Ask for the signature that ends a hold; who placed it signs."""
    row = restrictions.restriction(connection, restriction_id)
    _require_liftable(connection, caller, row)
    asked = restrictions.ask_lift(connection, row.id, reason=new.reason, requested_by=caller.actor)
    approval = open_approval(
        connection,
        caller,
        SignatureRequest(
            subject_kind=HOLD_LIFT,
            subject_id=str(asked.id),
            flow=HOLD_LIFT,
            record=lift_record(connection, str(asked.id)),
            party=row.placed_by,
        ),
    )
    return LiftView(
        id=asked.id,
        restriction=row.id,
        reason=asked.reason,
        requested_at=asked.requested_at,
        approval=approval.id,
    )


def _request_view(connection: Connection, asked: LiftRequest) -> LiftRequestView:
    record = lift_record(connection, str(asked.id))
    read = manifests.of_subject(connection, HOLD_LIFT, str(asked.id), record)
    return LiftRequestView(
        id=asked.id,
        reason=asked.reason,
        requested_at=asked.requested_at,
        approval=signed_view(read[-1]) if read else None,
    )


def _require_liftable(connection: Connection, caller: Caller, row: RestrictionRow) -> None:
    """Return for an open hold and who answers for it."""
    if not may_ask_lift(connection, caller, product=row.product_id, placed_by=row.placed_by):
        raise NotFoundError("restriction", str(row.id))
    if row.kind not in LIFTED_BY_SIGNATURE:
        raise ConflictError("NOT_A_HOLD", f"it ends with the {row.kind} {row.reference}")
    if row.lifted_at is not None:
        raise ConflictError("ALREADY_LIFTED", f"restriction {row.id} is lifted already")


def _placed_view(caller: Caller, placed: Placed) -> PlacedView:
    own = [line for line in placed.lines if _takes_part(caller, line)]
    return PlacedView.model_validate(
        {
            **asdict(placed.restriction),
            "lines": [HeldLine.model_validate(line) for line in own],
            "elsewhere": len(placed.lines) - len(own),
        }
    )


def _takes_part(caller: Caller, line: ConcernedLine) -> bool:
    parties = {line.consignor_id, line.consignee_id, *line.carrier_ids}
    return caller.is_operator or caller.party in parties
