"""Routes of the profiles by which goods of a product may travel."""

from fastapi import APIRouter, Response

from api.consignments import travel_service as service
from api.consignments.goods_schemas import ProfileWithdrawalIn, TravelList, TravelView
from api.consignments.schemas import ProfileRef
from api.deps import Read, Write, needs
from api.identity.rights import Right
from api.schemas import Identifier, RowId

router = APIRouter(
    prefix="/v1/products/{product}/profiles",
    tags=["goods"],
    dependencies=[needs(Right.CONFIGURE)],
)


@router.post("", status_code=201, response_model=TravelView)
def allow_profile(product: Identifier, chosen: ProfileRef, request: Write) -> Response:
    """Let goods of the product travel by a profile; by no other does the gate let them go.

    Later versions count as well, where whoever wrote them answers for the product or for the house.
    """
    return request.write(service.allow_profile, product, chosen)


@router.get("")
def list_profiles(product: Identifier, request: Read) -> TravelList:
    """List by which profiles goods of the product may travel, or might."""
    return request.read(service.list_profiles, product)


@router.post("/{statement}/withdraw", response_model=TravelView)
def withdraw_profile(
    product: Identifier, statement: RowId, why: ProfileWithdrawalIn, request: Write
) -> Response:
    """Let them travel by it no longer; also what is on its way is held from now on."""
    return request.write(service.withdraw_profile, product, statement, why)
