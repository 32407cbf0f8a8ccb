"""Routes of single lots."""

from fastapi import APIRouter, Response

from api.consignments import correction_service, lot_service
from api.consignments.goods_schemas import CorrectionIn, CorrectionList, CorrectionView
from api.consignments.lot_schemas import LotStability
from api.deps import Read, Write, needs
from api.identity.rights import Right
from api.schemas import Identifier, LotNumber

router = APIRouter(
    prefix="/v1/products/{product}/lots", tags=["goods"], dependencies=[needs(Right.GOODS)]
)


@router.get("/{lot:path}/stability")
def get_stability(product: Identifier, lot: LotNumber, request: Read) -> LotStability:
    """Show what each consignment took of the lot's stability budget."""
    return request.read(lot_service.lot_stability, product, lot)


@router.post("/{lot:path}/corrections", status_code=201, response_model=CorrectionView)
def correct_lot(product: Identifier, lot: LotNumber, new: CorrectionIn, request: Write) -> Response:
    """Correct the last day of use of a batch; the gate goes by it from now on.

    Whoever holds some of the lot is told, and permits are looked at again when they are used.
    """
    return request.write(correction_service.correct_lot, product, lot, new)


@router.get("/{lot:path}/corrections")
def list_corrections(product: Identifier, lot: LotNumber, request: Read) -> CorrectionList:
    """List what was said of the last day of use of a batch before, and who corrected it why."""
    return request.read(correction_service.list_corrections, product, lot)
