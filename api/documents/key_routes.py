"""Routes of the keys by which parties sign documents."""

from fastapi import APIRouter, Response

from api.deps import Read, Write, needs
from api.documents import key_service as service
from api.documents.schemas import DocumentKeyIn, DocumentKeyView
from api.identity.rights import Right
from api.schemas import AfterId, Limit, Page, RowId

router = APIRouter(
    prefix="/v1/document-keys", tags=["documents"], dependencies=[needs(Right.CONFIGURE)]
)


@router.post("", status_code=201, response_model=DocumentKeyView)
def add_document_key(new: DocumentKeyIn, request: Write) -> Response:
    """Register a key that the caller signs documents by."""
    return request.write(service.add_key, new)


@router.get("")
def list_document_keys(
    request: Read, after: AfterId = 0, limit: Limit = 100
) -> Page[DocumentKeyView]:
    """List the caller's keys, revoked ones included."""
    return request.read(service.list_keys, after=after, limit=limit)


@router.post("/{document_key}/revoke", response_model=DocumentKeyView)
def revoke_document_key(document_key: RowId, request: Write) -> Response:
    """Trust a key no longer: what it signed counts as unsigned from now on."""
    return request.write(service.revoke_key, document_key)
