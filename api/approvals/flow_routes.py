"""Routes of flows."""

from fastapi import APIRouter, Response

from api.approvals import flow_service
from api.approvals.schemas import FlowIn, FlowList, FlowView
from api.deps import Read, Write, needs
from api.identity.rights import Right

router = APIRouter(prefix="/v1", tags=["approvals"], dependencies=[needs(Right.CONFIGURE)])


@router.post("/flows", status_code=201, response_model=FlowView)
def add_flow(new: FlowIn, request: Write) -> Response:
    """Say who signs what in your organisation: a version of your own of one of the flows."""
    return request.write(flow_service.add_flow, new)


@router.get("/flows")
def list_flows(request: Read) -> FlowList:
    """List the flows that signatures are asked for by."""
    return request.read(flow_service.list_flows)
