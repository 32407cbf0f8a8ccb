"""Gateways and loggers: registering, revoking, and what the broker is told about them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.devices.broker_auth import GatewayGrant
from api.devices.schemas import (
    GatewayCredentials,
    GatewayView,
    LoggerView,
    RefusedView,
    Topics,
)
from api.schemas import Page, page_of
from coldgate.errors import ConflictError
from coldgate.model import PARTITIONS
from coldgate.secrets import hash_secret, new_secret, secret_matches
from coldgate.storage import devices
from coldgate.storage.devices import NewGateway
from coldgate.wire import DOWN_ACK, UP_READINGS, UP_STATUS, Topic

if TYPE_CHECKING:
    from api.caller import Caller
    from api.devices.schemas import GatewayIn, LoggerIn
    from coldgate.storage.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where gateways find the broker."""

    host: str
    port: int


def register_gateway(
    connection: Connection, caller: Caller, new: GatewayIn, broker: Broker
) -> GatewayCredentials:
    """Register a gateway; it can connect as soon as this commits."""
    password = new_secret()
    row = devices.insert_gateway(
        connection,
        NewGateway(
            name=new.id,
            party=caller.acting_for(new.party),
            partition=new.partition or partition_of(new.id),
            public_key=new.public_key,
            secret_hash=hash_secret(password),
        ),
    )
    caller.record(connection, "gateway.added", new.id, public_key=new.public_key)
    return _credentials(row.name, row.partition, password, broker)


def rotate_gateway(
    connection: Connection, caller: Caller, name: str, broker: Broker
) -> GatewayCredentials:
    """A new password; the old one fails at the next connection."""
    row = devices.gateway(connection, scope=caller.scope, name=name)
    if row.revoked_at is not None:
        raise ConflictError("GATEWAY_REVOKED", f"gateway {name} is revoked")
    password = new_secret()
    devices.set_secret(connection, name=name, secret_hash=hash_secret(password))
    caller.record(connection, "gateway.rotated", name)
    return _credentials(name, row.partition, password, broker)


def revoke_gateway(connection: Connection, caller: Caller, name: str) -> GatewayView:
    """Refuse the gateway: its messages from now on, and its next connection."""
    devices.gateway(connection, scope=caller.scope, name=name)
    devices.revoke_gateway(connection, name)
    caller.record(connection, "gateway.revoked", name)
    return GatewayView.model_validate(devices.gateway(connection, scope=caller.scope, name=name))


def list_gateways(
    connection: Connection, caller: Caller, *, after: str, limit: int
) -> Page[GatewayView]:
    """The caller's gateways and what each said last."""
    rows = devices.gateways(connection, scope=caller.scope, after=after, limit=limit)
    return page_of(GatewayView, rows, limit=limit)


def register_logger(connection: Connection, caller: Caller, new: LoggerIn) -> LoggerView:
    """Register a logger; its readings are taken from now on."""
    row = devices.insert_logger(
        connection,
        party=caller.acting_for(new.party),
        serial=new.serial,
        model=new.model,
        interval_ms=None if new.interval_seconds is None else new.interval_seconds * 1000,
    )
    caller.record(connection, "logger.added", str(row.id), serial=row.serial, party=row.party_id)
    return LoggerView.model_validate(row)


def list_loggers(
    connection: Connection, caller: Caller, *, after: int, limit: int
) -> Page[LoggerView]:
    """The caller's loggers."""
    rows = devices.loggers(connection, scope=caller.scope, after=after, limit=limit)
    return page_of(LoggerView, rows, limit=limit)


def revoke_logger(connection: Connection, caller: Caller, logger_id: int) -> LoggerView:
    """Refuse the logger's readings from now on; those that are stored stay."""
    row = devices.revoke_logger(connection, scope=caller.scope, logger_id=logger_id)
    caller.record(connection, "logger.revoked", str(row.id))
    return LoggerView.model_validate(row)


def list_refused(
    connection: Connection, caller: Caller, *, before: int | None, limit: int
) -> Page[RefusedView]:
    """Messages that ingest refused and that name one of the caller's gateways, newest first."""
    rows = devices.refused(connection, scope=caller.scope, before=before, limit=limit)
    return page_of(RefusedView, rows, limit=limit)


def verify_gateway(connection: Connection, name: str, password: str) -> GatewayGrant | None:
    """What the broker may let this user do; None for unknown, revoked or a wrong password."""
    known = devices.credentials(connection, name)
    if known is None or not secret_matches(password, known.secret_hash):
        return None
    return GatewayGrant(gateway=name, partition=known.partition)


def partition_of(gateway: str) -> str:
    """The partition of a gateway: spread evenly, and the same on every machine and day."""
    number = int.from_bytes(hashlib.sha256(gateway.encode()).digest()[:8])
    return PARTITIONS[number % len(PARTITIONS)]


def _credentials(name: str, partition: str, password: str, broker: Broker) -> GatewayCredentials:
    return GatewayCredentials(
        id=name,
        partition=partition,
        broker_host=broker.host,
        broker_port=broker.port,
        username=name,
        password=password,
        topics=Topics(
            readings=str(Topic(partition, name, UP_READINGS)),
            status=str(Topic(partition, name, UP_STATUS)),
            acknowledgements=str(Topic(partition, name, DOWN_ACK)),
        ),
    )
