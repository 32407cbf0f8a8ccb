"""Routes of documents that were entered."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from api.deps import Read, Write, needs
from api.documents import service
from api.documents.content import SUFFIXES
from api.documents.schemas import DocumentsQuery, DocumentView, WithdrawalIn
from api.identity.rights import Right
from api.schemas import Page, RowId

router = APIRouter(prefix="/v1/documents", tags=["documents"], dependencies=[needs(Right.GOODS)])

# Nobody's browser shows, runs or sniffs what somebody else entered.
HARMLESS: Final = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-cache",
}
_BYTES: Final[dict[str, Any]] = {"schema": {"type": "string", "format": "binary"}}
_CONTENT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The bytes", "content": dict.fromkeys(SUFFIXES, _BYTES)}
}


@router.get("")
def list_documents(query: Annotated[DocumentsQuery, Query()], request: Read) -> Page[DocumentView]:
    """List documents of the caller, and about goods that it has a part in."""
    return request.read(service.list_documents, query)


@router.get("/{document}")
def get_document(document: RowId, request: Read) -> DocumentView:
    """Show what is known of a document."""
    return request.read(service.get_document, document)


@router.get("/{document}/content", response_class=Response, responses=_CONTENT)
def get_content(document: RowId, request: Read) -> Response:
    """Send a document's bytes as they came, to be saved, never to be shown in place."""
    found = request.read(service.get_content, document)
    name = f"document-{document}.{SUFFIXES[found.media_type]}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', **HARMLESS}
    return Response(found.content, media_type=found.media_type, headers=headers)


@router.post("/{document}/withdraw", response_model=DocumentView)
def withdraw_document(document: RowId, why: WithdrawalIn, request: Write) -> Response:
    """Let a document count no longer; it stays readable."""
    return request.write(service.withdraw, document, why)


@router.post("/{document}/vouch", response_model=DocumentView)
def vouch_for_document(document: RowId, request: Write) -> Response:
    """Sign in what a carrier entered, so that it counts for the caller's goods."""
    return request.write(service.vouch, document)
