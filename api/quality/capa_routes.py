"""Routes of CAPAs."""

from fastapi import APIRouter, Response

from api.deps import Read, Write, needs
from api.identity.rights import Right
from api.quality import capa_service as service
from api.quality.capa_rules import CapaState
from api.quality.capa_schemas import (
    ActionIn,
    ActionResultIn,
    CapaDetail,
    CapaIn,
    CapaRevisionIn,
    CapaView,
    TransitionIn,
)
from api.quality.schemas import NoteIn, RevisionView
from api.schemas import AfterId, Limit, Page, RowId

router = APIRouter(prefix="/v1/capas", tags=["quality"], dependencies=[needs(Right.QUALITY)])


@router.get("")
def list_capas(
    request: Read, state: CapaState | None = None, after: AfterId = 0, limit: Limit = 100
) -> Page[CapaView]:
    """List the CAPAs of the caller's party."""
    return request.read(service.list_capas, state=state, after=after, limit=limit)


@router.post("", status_code=201, response_model=CapaDetail)
def open_capa(new: CapaIn, request: Write) -> Response:
    """Open a CAPA by hand; a blocking one keeps its lot from moving until it is closed."""
    return request.write(service.open_capa, new)


@router.get("/{capa}")
def get_capa(capa: RowId, request: Read) -> CapaDetail:
    """Show a CAPA with its actions, its steps and its signatures."""
    return request.read(service.show_capa, capa)


@router.get("/{capa}/revisions")
def list_capa_revisions(
    capa: RowId, request: Read, after: AfterId = 0, limit: Limit = 100
) -> Page[RevisionView]:
    """List everything that the record of a CAPA ever said."""
    return request.read(service.list_revisions, capa, after=after, limit=limit)


@router.post("/{capa}/revisions", response_model=CapaDetail)
def revise_capa(capa: RowId, new: CapaRevisionIn, request: Write) -> Response:
    """Write into the record of a CAPA; what QA signed stays until the CAPA is reopened."""
    return request.write(service.revise_capa, capa, new)


@router.post("/{capa}/actions", status_code=201, response_model=CapaDetail)
def add_action(capa: RowId, new: ActionIn, request: Write) -> Response:
    """Add something to be done to a plan that is not signed."""
    return request.write(service.add_action, capa, new)


@router.post("/{capa}/actions/{action}/result", response_model=CapaDetail)
def finish_action(capa: RowId, action: RowId, new: ActionResultIn, request: Write) -> Response:
    """Say what came of an action, once."""
    return request.write(service.finish_action, capa, action, new)


@router.post("/{capa}/notes", status_code=201, response_model=CapaDetail)
def note_capa(capa: RowId, new: NoteIn, request: Write) -> Response:
    """Add a comment, or attach a document."""
    return request.write(service.note_capa, capa, new)


@router.post("/{capa}/transitions", response_model=CapaDetail)
def move_capa(capa: RowId, asked: TransitionIn, request: Write) -> Response:
    """Take a step; to PLANNED and CLOSED that is to ask for the signature that takes it."""
    return request.write(service.move_capa, capa, asked)
