"""Routes of the evidence behind evaluations."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from api.deps import Read, Write, needs
from api.identity.rights import Right
from api.ledger import evidence_service as service
from api.ledger.evidence_schemas import AuditView, ConsentView, NewConsent
from api.schemas import AfterId, Identifier, Limit, Page, Version

router = APIRouter(prefix="/v1", tags=["evidence"], dependencies=[needs(Right.CONFIGURE)])


@router.get("/consignments/{consignment}/evaluations/{version}/audit")
def get_audit(consignment: Identifier, version: Version, request: Read) -> AuditView:
    """Show what the messages behind an evaluation are worth; the gate waits for it."""
    return request.read(service.get_audit, consignment, version)


@router.post("/unsigned-consents", status_code=HTTPStatus.CREATED, response_model=ConsentView)
def add_consent(new: NewConsent, request: Write) -> Response:
    """Say whether unsigned messages will do for the goods of a consignor; the newest counts."""
    return request.write(service.add_consent, new)


@router.get("/unsigned-consents")
def list_consents(request: Read, after: AfterId = 0, limit: Limit = 100) -> Page[ConsentView]:
    """List what was said about unsigned messages."""
    return request.read(service.list_consents, after=after, limit=limit)
