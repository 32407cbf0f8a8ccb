"""Routes of single lots."""

from fastapi import APIRouter

from api.consignments import lot_service
from api.consignments.lot_schemas import LotStability
from api.deps import Read, needs
from api.identity.rights import Right
from api.schemas import Identifier, LotNumber

router = APIRouter(
    prefix="/v1/products/{product}/lots", tags=["goods"], dependencies=[needs(Right.GOODS)]
)


@router.get("/{lot:path}/stability")
def get_stability(product: Identifier, lot: LotNumber, request: Read) -> LotStability:
    """Show what each consignment took of the lot's stability budget."""
    return request.read(lot_service.lot_stability, product, lot)
