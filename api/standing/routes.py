"""Routes of carrier qualifications and shelf-life agreements."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.deps import Read, Write, needs
from api.identity.rights import Right
from api.schemas import AfterId, Identifier, Limit, Page
from api.standing import service
from api.standing.schemas import AgreementIn, AgreementView, QualificationIn, QualificationView

router = APIRouter(prefix="/v1", tags=["standing"], dependencies=[needs(Right.CONFIGURE)])

CarrierQuery = Annotated[Identifier | None, Query(description="Of this carrier only")]


@router.post("/qualifications", status_code=201, response_model=QualificationView)
def qualify_carrier(new: QualificationIn, request: Write) -> Response:
    """Approve, suspend or withdraw a carrier for one profile; the gate heeds it at once."""
    return request.write(service.qualify_carrier, new)


@router.get("/qualifications")
def list_qualifications(
    request: Read, carrier: CarrierQuery = None, after: AfterId = 0, limit: Limit = 100
) -> Page[QualificationView]:
    """List what the caller said of carriers, and what was said of the caller."""
    return request.read(service.list_qualifications, carrier=carrier, after=after, limit=limit)


@router.post("/agreements", status_code=201, response_model=AgreementView)
def agree_shelf_life(new: AgreementIn, request: Write) -> Response:
    """Say how much of a lot's life must be left for a consignee."""
    return request.write(service.agree_shelf_life, new)


@router.get("/agreements")
def list_agreements(request: Read, after: AfterId = 0, limit: Limit = 100) -> Page[AgreementView]:
    """List the agreements that the caller is a side of."""
    return request.read(service.list_agreements, after=after, limit=limit)
