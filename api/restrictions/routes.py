"""Routes of restrictions."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.deps import Read, Write, needs
from api.identity.rights import Right
from api.restrictions import service
from api.restrictions.schemas import (
    HoldIn,
    LiftIn,
    LiftView,
    PlacedView,
    RestrictionDetail,
    RestrictionView,
)
from api.schemas import AfterId, Identifier, Limit, LotNumber, Page, RowId
from coldgate.storage.restrictions import Wanted

router = APIRouter(prefix="/v1/restrictions", tags=["quality"], dependencies=[needs(Right.QUALITY)])

OfProduct = Annotated[Identifier | None, Query(description="Of this product only")]
OfLot = Annotated[LotNumber | None, Query(description="Of this lot only")]
OpenOnly = Annotated[bool, Query(description="Only what nobody lifted")]


@router.post("", status_code=201, response_model=PlacedView)
def place_hold(new: HoldIn, request: Write) -> Response:
    """Hold a lot wherever it is: nothing of it leaves or is used until that is lifted.

    The answer lists every line of the lot as it stands. What the gate decided before stands there
    with its outcome; whatever it decides later sees the hold.
    """
    return request.write(service.place_hold, new)


@router.get("")
def list_restrictions(
    request: Read,
    product: OfProduct = None,
    lot: OfLot = None,
    *,
    only_open: OpenOnly = False,
    after: AfterId = 0,
    limit: Limit = 100,
) -> Page[RestrictionView]:
    """List holds, recalls and blocking CAPA of lots that the caller owns or has a part in."""
    wanted = Wanted(product=product, lot=lot, open=only_open, after=after, limit=limit)
    return request.read(service.list_restrictions, wanted)


@router.get("/{restriction}")
def get_restriction(restriction: RowId, request: Read) -> RestrictionDetail:
    """Show one restriction, and every request to lift it with its signatures."""
    return request.read(service.get_restriction, restriction)


@router.post("/{restriction}/lift", status_code=202, response_model=LiftView)
def ask_lift(restriction: RowId, new: LiftIn, request: Write) -> Response:
    """Ask that a hold be lifted; it stays until the approval named in the answer is signed."""
    return request.write(service.ask_lift, restriction, new)
