"""Gateways, loggers, and the messages that were refused."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from coldgate.errors import NotFoundError
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_new, fetch_one

if TYPE_CHECKING:
    from datetime import datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("devices")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGateway:
    """A gateway to register; ``secret_hash`` is the stored form of its broker password."""

    name: str
    party: str
    partition: str
    public_key: str
    secret_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayRow:
    """A gateway and what it said last; both ``last_seen_at`` and ``status`` None before that.

    ``cut_today``: refused messages that were beyond its share of the day, and not kept whole.
    """

    name: str
    party_id: str
    partition: str
    public_key: str
    created_at: datetime
    revoked_at: datetime | None
    last_seen_at: datetime | None
    status: dict[str, object] | None
    cut_today: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a gateway's broker password is checked against."""

    partition: str
    secret_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggerRow:
    """One sensor unit; ``interval_ms`` None means the median of its stamps (S9)."""

    id: int
    serial: str
    party_id: str
    model: str
    interval_ms: int | None
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """One message, or one logger's part of it, that ingest could not take."""

    id: int
    received_at: datetime
    topic: str
    sender: str
    code: str
    problem: str
    serial: str
    sha256: str
    payload_bytes: int  # as sent
    kept_bytes: int


def insert_gateway(connection: Connection, new: NewGateway) -> GatewayRow:
    """Register a gateway; its name is taken for ever."""
    row = fetch_new(connection, GatewayRow, _SQL["insert_gateway"], asdict(new))
    connection.execute(_SQL["notify"])
    return row


def gateways(
    connection: Connection, *, scope: str | None, after: str, limit: int
) -> list[GatewayRow]:
    """Gateways of the party ``scope``, of all where it is None, in order of their names."""
    parameters = {"scope": scope, "after": after, "limit": limit}
    return fetch_all(connection, GatewayRow, _SQL["gateways"], parameters)


def gateway(connection: Connection, *, scope: str | None, name: str) -> GatewayRow:
    """One gateway; `NotFoundError` where there is none in ``scope``."""
    row = fetch_one(connection, GatewayRow, _SQL["gateway"], {"scope": scope, "name": name})
    if row is None:
        raise NotFoundError("gateway", name)
    return row


def revoke_gateway(connection: Connection, name: str) -> None:
    """Refuse the gateway from its next message on; revoking again keeps the first time."""
    connection.execute(_SQL["revoke_gateway"], {"name": name})
    connection.execute(_SQL["notify"])


def set_secret(connection: Connection, *, name: str, secret_hash: str) -> None:
    """Replace the broker password; the old one fails at the next connection."""
    connection.execute(_SQL["set_secret"], {"name": name, "secret_hash": secret_hash})
    connection.execute(_SQL["notify"])


def credentials(connection: Connection, name: str) -> Credentials | None:
    """What to check a password against; None for an unknown or revoked gateway."""
    return fetch_one(connection, Credentials, _SQL["credentials"], {"name": name})


def stored_secrets(connection: Connection) -> dict[str, str]:
    """Name and stored broker password of every gateway that may connect."""
    return dict(connection.execute(_SQL["stored_secrets"]).fetchall())


def listen(connection: Connection) -> None:
    """Have this connection told when a gateway was added, rotated or revoked; autocommit mode."""
    connection.execute(_SQL["listen"])


def insert_logger(
    connection: Connection, *, party: str, serial: str, model: str, interval_ms: int | None
) -> LoggerRow:
    """Register a logger; serials are unique within a party."""
    parameters = {"party": party, "serial": serial, "model": model, "interval_ms": interval_ms}
    return fetch_new(connection, LoggerRow, _SQL["insert_logger"], parameters)


def loggers(
    connection: Connection, *, scope: str | None, after: int, limit: int
) -> list[LoggerRow]:
    """Loggers of the party ``scope``, of all where it is None, oldest first."""
    parameters = {"scope": scope, "after": after, "limit": limit}
    return fetch_all(connection, LoggerRow, _SQL["loggers"], parameters)


def logger(connection: Connection, *, scope: str | None, logger_id: int) -> LoggerRow:
    """One logger: of the party ``scope``, or one that travelled with what it sent."""
    row = fetch_one(connection, LoggerRow, _SQL["logger"], {"scope": scope, "id": logger_id})
    if row is None:
        raise NotFoundError("logger", str(logger_id))
    return row


def revoke_logger(connection: Connection, *, scope: str | None, logger_id: int) -> LoggerRow:
    """Refuse the logger's readings from now on; those stored stay."""
    parameters = {"scope": scope, "id": logger_id}
    row = fetch_one(connection, LoggerRow, _SQL["revoke_logger"], parameters)
    if row is None:
        raise NotFoundError("logger", str(logger_id))
    return row


def refused(
    connection: Connection, *, scope: str | None, before: int | None, limit: int
) -> list[RefusedRow]:
    """Refused messages, newest first; a party sees those that name one of its gateways."""
    parameters = {"scope": scope, "before": before, "limit": limit}
    return fetch_all(connection, RefusedRow, _SQL["quarantine"], parameters)
