"""Routes of consignments, placements and events."""

from fastapi import APIRouter, Response

from api.consignments import service
from api.consignments.schemas import (
    ConsignmentBrief,
    ConsignmentIn,
    ConsignmentView,
    EventIn,
    EventList,
    EventView,
    PlacementIn,
    PlacementList,
    PlacementView,
    PlanIn,
    ProfileRef,
    RemovalIn,
    SealIn,
    SealList,
    SealView,
)
from api.deps import Read, Write, needs
from api.identity.rights import Right
from api.schemas import AfterText, Identifier, Limit, Page, RowId

router = APIRouter(
    prefix="/v1/consignments", tags=["consignments"], dependencies=[needs(Right.SHIP)]
)


@router.post("", status_code=201, response_model=ConsignmentView)
def add_consignment(new: ConsignmentIn, request: Write) -> Response:
    """Plan a transport."""
    return request.write(service.add_consignment, new)


@router.get("")
def list_consignments(
    request: Read, after: AfterText = "", limit: Limit = 100
) -> Page[ConsignmentBrief]:
    """List the consignments that the caller takes part in."""
    return request.read(service.list_consignments, after=after, limit=limit)


@router.get("/{consignment}")
def get_consignment(consignment: Identifier, request: Read) -> ConsignmentView:
    """Show one consignment with its lines and legs."""
    return request.read(service.get_consignment, consignment)


@router.put("/{consignment}/profile", response_model=ConsignmentView)
def choose_profile(consignment: Identifier, chosen: ProfileRef, request: Write) -> Response:
    """Judge by another profile, until the first line is dispatched."""
    return request.write(service.choose_profile, consignment, chosen)


@router.put("/{consignment}/plan", response_model=ConsignmentView)
def change_plan(consignment: Identifier, plan: PlanIn, request: Write) -> Response:
    """Say anew when it travels and who releases it, until the first line is dispatched."""
    return request.write(service.change_plan, consignment, plan)


@router.post("/{consignment}/placements", status_code=201, response_model=PlacementView)
def place_logger(consignment: Identifier, new: PlacementIn, request: Write) -> Response:
    """Put a logger into a zone."""
    return request.write(service.place_logger, consignment, new)


@router.get("/{consignment}/placements")
def list_placements(consignment: Identifier, request: Read) -> PlacementList:
    """List the loggers of a consignment."""
    return request.read(service.list_placements, consignment)


@router.post("/{consignment}/placements/{placement}/remove", response_model=PlacementView)
def remove_logger(
    consignment: Identifier, placement: RowId, removal: RemovalIn, request: Write
) -> Response:
    """Say when a logger left its zone."""
    return request.write(service.remove_logger, consignment, placement, removal)


@router.post("/{consignment}/seals", status_code=201, response_model=SealView)
def seal_log(consignment: Identifier, new: SealIn, request: Write) -> Response:
    """Declare which reading of a logger was its last, so that it shows whether one is missing."""
    return request.write(service.seal_log, consignment, new)


@router.get("/{consignment}/seals")
def list_seals(consignment: Identifier, request: Read) -> SealList:
    """List the declared ends of the logs of a consignment."""
    return request.read(service.list_seals, consignment)


@router.post("/{consignment}/events", status_code=201, response_model=EventView)
def add_event(consignment: Identifier, new: EventIn, request: Write) -> Response:
    """Record a custody or handling event; `received` puts the goods into quarantine."""
    return request.write(service.add_event, consignment, new)


@router.get("/{consignment}/events")
def list_events(consignment: Identifier, request: Read) -> EventList:
    """List the events of a consignment."""
    return request.read(service.list_events, consignment)
