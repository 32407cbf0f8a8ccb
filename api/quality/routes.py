"""Routes of the quality loop."""

from fastapi import APIRouter

from api.deps import Read, needs
from api.identity.rights import Right
from api.quality import service
from api.quality.schemas import DeviationView
from api.schemas import AfterId, Identifier, Limit, Page

router = APIRouter(prefix="/v1", tags=["quality"], dependencies=[needs(Right.QUALITY)])


@router.get("/deviations")
def list_deviations(request: Read, after: AfterId = 0, limit: Limit = 100) -> Page[DeviationView]:
    """List deviations of every consignment that the caller takes part in."""
    return request.read(service.list_deviations, consignment=None, after=after, limit=limit)


@router.get("/consignments/{consignment}/deviations")
def list_consignment_deviations(
    consignment: Identifier, request: Read, after: AfterId = 0, limit: Limit = 100
) -> Page[DeviationView]:
    """List the deviations of one consignment."""
    return request.read(service.list_deviations, consignment=consignment, after=after, limit=limit)
