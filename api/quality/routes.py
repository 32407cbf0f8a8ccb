"""Routes of deviations."""

from fastapi import APIRouter, Response

from api.deps import Read, Write, needs
from api.identity.rights import Right
from api.quality import service
from api.quality.schemas import (
    ClosureIn,
    DeviationDetail,
    DeviationRevisionIn,
    DeviationView,
    NoteIn,
    RevisionView,
)
from api.schemas import AfterId, Identifier, Limit, Page, RowId

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


@router.get("/deviations/{deviation}")
def get_deviation(deviation: RowId, request: Read) -> DeviationDetail:
    """Show a deviation: what happened, to which goods, on what evidence, and what was done."""
    return request.read(service.show_deviation, deviation)


@router.get("/deviations/{deviation}/revisions")
def list_deviation_revisions(
    deviation: RowId, request: Read, after: AfterId = 0, limit: Limit = 100
) -> Page[RevisionView]:
    """List everything that the record of a deviation ever said."""
    return request.read(service.list_revisions, deviation, after=after, limit=limit)


@router.post("/deviations/{deviation}/revisions", response_model=DeviationDetail)
def revise_deviation(deviation: RowId, new: DeviationRevisionIn, request: Write) -> Response:
    """Write into the record of a deviation; what it said before stays readable."""
    return request.write(service.revise_deviation, deviation, new)


@router.post("/deviations/{deviation}/notes", status_code=201, response_model=DeviationDetail)
def note_deviation(deviation: RowId, new: NoteIn, request: Write) -> Response:
    """Add a comment, or attach a document."""
    return request.write(service.note_deviation, deviation, new)


@router.post("/deviations/{deviation}/acknowledgement", response_model=DeviationDetail)
def acknowledge_deviation(deviation: RowId, request: Write) -> Response:
    """Note that the caller has seen it; this decides nothing and signs nothing."""
    return request.write(service.acknowledge_deviation, deviation)


@router.post("/deviations/{deviation}/closure", response_model=DeviationDetail)
def close_deviation(deviation: RowId, asked: ClosureIn, request: Write) -> Response:
    """Ask for the signature that closes a deviation; it takes every field of the record."""
    return request.write(service.close_deviation, deviation, asked)
