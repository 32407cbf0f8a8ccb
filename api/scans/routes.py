"""Routes of scans."""

from fastapi import APIRouter, Response

from api.deps import Read, Write, needs
from api.identity.rights import Right
from api.scans import service
from api.scans.schemas import DismissalIn, ScanIn, ScanView
from api.schemas import AfterId, Identifier, Limit, Page, RowId

PREFIX = "/v1/consignments/{consignment}/scans"
router = APIRouter(prefix=PREFIX, tags=["scans"], dependencies=[needs(Right.SHIP)])
dismissal_router = APIRouter(prefix=PREFIX, tags=["scans"], dependencies=[needs(Right.QUALITY)])


@router.post("", status_code=201, response_model=ScanView)
def take_scan(consignment: Identifier, new: ScanIn, request: Write) -> Response:
    """Store what was scanned, and tell which line it is or where it differs."""
    return request.write(service.take_scan, consignment, new)


@router.get("")
def list_scans(
    consignment: Identifier, request: Read, after: AfterId = 0, limit: Limit = 100
) -> Page[ScanView]:
    """List the scans of a consignment, compared with its lines as they are now."""
    return request.read(service.list_scans, consignment, after=after, limit=limit)


@router.get("/{scan}")
def get_scan(consignment: Identifier, scan: RowId, request: Read) -> ScanView:
    """Show one scan, compared with the lines as they are now."""
    return request.read(service.get_scan, consignment, scan)


@dismissal_router.post("/{scan}/dismiss", response_model=ScanView)
def dismiss_scan(
    consignment: Identifier, scan: RowId, new: DismissalIn, request: Write
) -> Response:
    """Let a scan count no longer, neither against the goods nor for them."""
    return request.write(service.dismiss_scan, consignment, scan, new)
