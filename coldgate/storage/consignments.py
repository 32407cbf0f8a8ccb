"""Consignments: lines, legs, events, and the lock that every change of one takes first."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from coldgate.errors import NotFoundError
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_new

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from coldgate.model import EventKind, LineState
    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("consignments")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileKey:
    """One version of one profile."""

    id: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """When goods are meant to travel, None where nobody said, and who lets them go on arrival."""

    planned_departure_at: datetime | None
    planned_arrival_at: datetime | None
    release_policy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsignmentRow:
    """One transport and who takes part in it."""

    id: str
    consignor_id: str
    consignee_id: str
    profile_id: str | None
    profile_version: int | None
    planned_departure_at: datetime | None
    planned_arrival_at: datetime | None
    release_policy: str
    created_at: datetime
    carrier_ids: list[str]

    @property
    def profile(self) -> ProfileKey | None:
        """The rule set it is judged by; None while none was chosen."""
        if self.profile_id is None or self.profile_version is None:
            return None
        return ProfileKey(id=self.profile_id, version=self.profile_version)

    @property
    def participants(self) -> frozenset[str]:
        """Everybody who may see it."""
        return frozenset({self.consignor_id, self.consignee_id, *self.carrier_ids})


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLine:
    """One line of a new consignment; the lot need not be registered.

    ``serials`` name every unit, or are None.
    """

    position: int
    product: str
    lot: str
    quantity: int
    zone: str
    sscc: str | None
    serials: list[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """One line and its state."""

    position: int
    product_id: str
    lot_number: str
    quantity: int
    zone: str
    sscc: str | None
    serials: list[str] | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLeg:
    """One part of the journey, under one carrier."""

    position: int
    carrier: str
    origin: str
    destination: str
    vehicle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRow:
    """One part of the journey as stored."""

    position: int
    carrier_id: str
    origin: str
    destination: str
    vehicle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """A custody or handling event, as ``party`` reports it."""

    consignment: str
    kind: EventKind
    happened_at: datetime
    party: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """A custody or handling event as stored."""

    id: int
    kind: str
    happened_at: datetime
    recorded_at: datetime
    party_id: str
    note: str


def insert(
    connection: Connection,
    consignment: str,
    *,
    consignor: str,
    consignee: str,
    profile: ProfileKey | None,
    plan: Plan,
) -> None:
    """Add a consignment without lines; its id is taken for ever."""
    parameters = {
        **asdict(plan),
        "id": consignment,
        "consignor": consignor,
        "consignee": consignee,
        "profile_id": profile.id if profile else None,
        "profile_version": profile.version if profile else None,
    }
    connection.execute(_SQL["insert"], parameters)


def insert_lines(connection: Connection, consignment: str, lines: Sequence[NewLine]) -> None:
    """Add the lines, all in state planned."""
    with connection.cursor() as cursor:
        rows = [{**asdict(line), "consignment": consignment} for line in lines]
        cursor.executemany(_SQL["insert_line"], rows)


def insert_legs(connection: Connection, consignment: str, legs: Sequence[NewLeg]) -> None:
    """Add the legs; their carriers see the consignment from now on."""
    with connection.cursor() as cursor:
        rows = [{**asdict(leg), "consignment": consignment} for leg in legs]
        cursor.executemany(_SQL["insert_leg"], rows)


def visible(connection: Connection, consignment: str, *, scope: str | None) -> ConsignmentRow:
    """The consignment, if the party ``scope`` takes part (None: whoever asks); else not found."""
    parameters = {"id": consignment, "scope": scope, "after": "", "limit": 1}
    rows = fetch_all(connection, ConsignmentRow, _SQL["visible"], parameters)
    if not rows:
        raise NotFoundError("consignment", consignment)
    return rows[0]


def all_visible(
    connection: Connection, *, scope: str | None, after: str, limit: int
) -> list[ConsignmentRow]:
    """Consignments that the party ``scope`` takes part in, in order of their ids."""
    parameters = {"id": None, "scope": scope, "after": after, "limit": limit}
    return fetch_all(connection, ConsignmentRow, _SQL["visible"], parameters)


def locked(connection: Connection, consignment: str, *, scope: str | None) -> ConsignmentRow:
    """As `visible`, with its row locked to the end of the transaction, read after the lock.

    Judge, gate and reactor take this lock before anything else of the consignment, so that no
    two of them ever look at it at the same time.
    """
    visible(connection, consignment, scope=scope)
    connection.execute(_SQL["lock"], {"id": consignment})
    return visible(connection, consignment, scope=scope)


def lines(connection: Connection, consignment: str) -> list[LineRow]:
    """Lines in order of their positions."""
    return fetch_all(connection, LineRow, _SQL["lines"], {"id": consignment})


def legs(connection: Connection, consignment: str) -> list[LegRow]:
    """Legs in order of the journey."""
    return fetch_all(connection, LegRow, _SQL["legs"], {"id": consignment})


def set_profile(connection: Connection, consignment: str, profile: ProfileKey) -> None:
    """Judge by another profile; the caller has made sure that nothing left yet."""
    parameters = {
        "id": consignment,
        "profile_id": profile.id,
        "profile_version": profile.version,
    }
    connection.execute(_SQL["set_profile"], parameters)


def set_plan(connection: Connection, consignment: str, plan: Plan) -> None:
    """Plan it anew; the database refuses that once goods have left (SQLSTATE CG001)."""
    connection.execute(_SQL["set_plan"], {"id": consignment, **asdict(plan)})


def move_lines(
    connection: Connection,
    consignment: str,
    *,
    from_states: Sequence[LineState],
    to_state: LineState,
    positions: Sequence[int] | None = None,
) -> list[LineRow]:
    """Move the lines that are in one of ``from_states`` and return them, in no special order.

    The database refuses an illegal transition (SQLSTATE CG001); ``positions`` None means all.
    """
    parameters = {
        "id": consignment,
        "from_states": [state.value for state in from_states],
        "to_state": to_state.value,
        "positions": None if positions is None else list(positions),
    }
    return fetch_all(connection, LineRow, _SQL["move_lines"], parameters)


def insert_event(connection: Connection, event: NewEvent) -> EventRow:
    """Record an event; events are never changed."""
    parameters = {**asdict(event), "kind": event.kind.value}
    return fetch_new(connection, EventRow, _SQL["insert_event"], parameters)


def events(connection: Connection, consignment: str) -> list[EventRow]:
    """Events in the order in which they happened."""
    return fetch_all(connection, EventRow, _SQL["events"], {"id": consignment})


def touch(connection: Connection, consignment: str) -> None:
    """Ask the judge for a new evaluation; it hears of it when this transaction commits."""
    connection.execute(_SQL["touch"], {"id": consignment})
    connection.execute(_SQL["wake_judge"])
