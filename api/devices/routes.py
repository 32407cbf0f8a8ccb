"""Routes of gateways, loggers and refused messages."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from api.context import Context
from api.deps import Read, Write, get_context, needs
from api.devices import service
from api.devices.schemas import (
    GatewayCredentials,
    GatewayIn,
    GatewayView,
    LoggerIn,
    LoggerView,
    RefusedView,
)
from api.devices.service import Broker
from api.identity.rights import Right
from api.schemas import AfterId, AfterText, Identifier, Limit, Page, RowId

router = APIRouter(prefix="/v1", tags=["devices"], dependencies=[needs(Right.DEVICES)])


def get_broker(context: Annotated[Context, Depends(get_context)]) -> Broker:
    """Where gateways are told to connect."""
    return Broker(host=context.settings.broker_host, port=context.settings.broker_port)


KnownBroker = Annotated[Broker, Depends(get_broker)]
Before = Annotated[RowId | None, Query(description="`next` of the page before")]


@router.post("/gateways", status_code=201, response_model=GatewayCredentials)
def register_gateway(new: GatewayIn, request: Write, broker: KnownBroker) -> Response:
    """Register a gateway; its broker password is shown once, in this answer."""
    return request.write(service.register_gateway, new, broker)


@router.get("/gateways")
def list_gateways(request: Read, after: AfterText = "", limit: Limit = 100) -> Page[GatewayView]:
    """List gateways with what each said last."""
    return request.read(service.list_gateways, after=after, limit=limit)


@router.post("/gateways/{gateway}/rotate", response_model=GatewayCredentials)
def rotate_gateway(gateway: Identifier, request: Write, broker: KnownBroker) -> Response:
    """Give a new broker password; the old one fails at the next connection."""
    return request.write(service.rotate_gateway, gateway, broker)


@router.post("/gateways/{gateway}/revoke", response_model=GatewayView)
def revoke_gateway(gateway: Identifier, request: Write) -> Response:
    """Refuse a gateway from its next message on."""
    return request.write(service.revoke_gateway, gateway)


@router.post("/loggers", status_code=201, response_model=LoggerView)
def register_logger(new: LoggerIn, request: Write) -> Response:
    """Register a logger."""
    return request.write(service.register_logger, new)


@router.get("/loggers")
def list_loggers(request: Read, after: AfterId = 0, limit: Limit = 100) -> Page[LoggerView]:
    """List loggers."""
    return request.read(service.list_loggers, after=after, limit=limit)


@router.post("/loggers/{logger_id}/revoke", response_model=LoggerView)
def revoke_logger(logger_id: RowId, request: Write) -> Response:
    """Refuse a logger's readings from now on."""
    return request.write(service.revoke_logger, logger_id)


@router.get("/quarantine")
def list_refused(request: Read, before: Before = None, limit: Limit = 100) -> Page[RefusedView]:
    """List messages that were refused, newest first, with the reason."""
    return request.read(service.list_refused, before=before, limit=limit)
