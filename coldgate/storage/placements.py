"""Which logger travels in which consignment, and the readings that it has there."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_new

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from coldgate.model import Quantity
    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("placements")

Point: TypeAlias = tuple[int, int, int]  # ms since 1970 UTC, milli-units, flags


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggerKey:
    """A logger and its owner."""

    id: int
    party_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPlacement:
    """A logger in a zone from ``placed_at`` until before ``removed_at`` (None: still there).

    A ``role`` other than goods is taken before departure only; the database refuses it later.
    """

    consignment: str
    logger: int
    zone: str
    role: str
    placed_at: datetime
    removed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementRow:
    """A placement as stored."""

    id: int
    logger_id: int
    serial: str
    party_id: str
    zone: str
    role: str
    placed_at: datetime
    removed_at: datetime | None
    removal_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelKey:
    """A channel that has readings, and whose logger it belongs to."""

    channel_id: int
    party_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Part of a channel: [``from_at``, ``to_at``) and later than ``after``; None is no bound."""

    from_at: datetime | None
    to_at: datetime | None
    after: datetime | None
    limit: int


def loggers(connection: Connection, *, serial: str, parties: Sequence[str]) -> list[LoggerKey]:
    """Loggers with this serial number that belong to one of ``parties``."""
    parameters = {"serial": serial, "parties": list(parties)}
    return fetch_all(connection, LoggerKey, _SQL["logger"], parameters)


def lock_logger(connection: Connection, logger: int) -> None:
    """Let nobody else place this logger before the transaction ends."""
    connection.execute(_SQL["lock_logger"], {"logger": logger})


def overlapping(connection: Connection, new: NewPlacement) -> str | None:
    """A consignment in which the logger is at some moment of ``new``; None where it is free."""
    row = connection.execute(_SQL["overlapping"], asdict(new)).fetchone()
    return row[0] if row else None


def insert(connection: Connection, new: NewPlacement) -> PlacementRow:
    """Add a placement; the caller holds the logger's lock and found no overlap."""
    return fetch_new(connection, PlacementRow, _SQL["insert"], asdict(new))


def placements(
    connection: Connection, consignment: str, *, placement: int | None = None
) -> list[PlacementRow]:
    """Placements of a consignment, or the one with this id, in order of time."""
    parameters = {"consignment": consignment, "id": placement}
    return fetch_all(connection, PlacementRow, _SQL["placements"], parameters)


def remove(
    connection: Connection,
    consignment: str,
    *,
    placement: int,
    removed_at: datetime,
    reason: str | None,
) -> None:
    """Say when the logger left the zone, and why that is said in hindsight."""
    parameters = {
        "consignment": consignment,
        "id": placement,
        "removed_at": removed_at,
        "reason": reason,
    }
    connection.execute(_SQL["remove"], parameters)


def channels(
    connection: Connection,
    consignment: str,
    *,
    serial: str,
    party: str | None,
    quantity: Quantity,
    sensor: int,
) -> list[ChannelKey]:
    """Channels of the loggers with this serial number that travelled in the consignment."""
    parameters = {
        "consignment": consignment,
        "serial": serial,
        "party": party,
        "quantity": int(quantity),
        "sensor": sensor,
    }
    return fetch_all(connection, ChannelKey, _SQL["channels"], parameters)


def readings(connection: Connection, consignment: str, channel: int, span: Span) -> list[Point]:
    """Raw points taken while the logger was in the consignment, in order of time."""
    parameters = {**asdict(span), "consignment": consignment, "channel": channel}
    return connection.execute(_SQL["readings"], parameters).fetchall()
