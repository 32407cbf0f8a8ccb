"""What the judge's job reads and writes: pending work, the facts of a case, evaluations."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, NewType, TypeAlias

from psycopg.types.json import Jsonb

from coldgate.model import ClockPair, EventKind, Quantity
from coldgate.storage.bulk import unpack_points
from coldgate.storage.queries import columns, load_queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from coldgate.storage.bulk import Points
    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("judging")

Snapshot = NewType("Snapshot", str)  # PostgreSQL's pg_snapshot: whose facts are visible


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Consignments with unjudged changes, oldest first, and the touched rows behind each.

    ``idle`` are touched rows that concern no consignment.
    """

    consignments: dict[str, frozenset[int]]
    idle: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedLogger:
    """A logger while it travelled with a consignment."""

    placement_id: int
    zone: str
    role: str
    placed_at: datetime
    removed_at: datetime | None
    id: int
    serial: str
    interval_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedChannel:
    """One channel of a placed logger."""

    id: int
    logger_id: int
    sensor: int
    quantity: Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvaluation:
    """The newest evaluation of a consignment, as it was stored."""

    version: int
    body: bytes
    evaluated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvaluation:
    """One evaluation to be stored; ``body`` is the evaluation, byte for byte.

    ``reason_codes`` and ``zones`` are derived from it, for the gate; ``snapshot`` is the one that
    its case was loaded at.
    """

    consignment_id: str
    version: int
    verdict: str
    provisional: bool
    with_excursions: bool
    profile_id: str
    profile_version: int
    engine: str
    input_digest: str
    reason_codes: list[str]
    zones: Mapping[str, object]
    body: bytes
    snapshot: Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExcursion:
    """One excursion of an evaluation, for searching; the evaluation's body has all of it."""

    channel: str
    rule_id: str
    action: str
    started_at: datetime
    ended_at: datetime
    start_bound: str
    end_bound: str
    lin_ms: int
    hold_ms: int
    upper_ms: int
    peak_milli: int
    peak_at: datetime
    readings: int


def fetch_pending(connection: Connection, *, most: int) -> Pending:
    """The oldest ``most`` touched rows, by the consignments that they concern."""
    consignments: dict[str, set[int]] = {}
    idle: set[int] = set()
    for id_, named, placed in connection.execute(_SQL["pending"], (most,)):
        consignment = named or placed
        if consignment is None:
            idle.add(id_)
        else:
            consignments.setdefault(consignment, set()).add(id_)
    return Pending(
        consignments={name: frozenset(ids) for name, ids in consignments.items()},
        idle=frozenset(idle),
    )


def lock_consignment(
    connection: Connection, consignment_id: str
) -> tuple[str | None, int | None] | None:
    """Lock a consignment to the end of the transaction and give its profile (id, version).

    None when somebody else holds it: a gate decision, or another judge.
    """
    row: tuple[str | None, int | None] | None = connection.execute(
        _SQL["lock_consignment"], (consignment_id,)
    ).fetchone()
    return row


def still_touched(connection: Connection, ids: frozenset[int]) -> bool:
    """Whether any of the touched rows is still there: nobody else judged them meanwhile."""
    row = connection.execute(_SQL["still_touched"], (sorted(ids),)).fetchone()
    return bool(row and row[0])


def settle(connection: Connection, ids: frozenset[int]) -> None:
    """Remove touched rows; the evaluation that covers them is in the same transaction."""
    if ids:
        connection.execute(_SQL["settle"], (sorted(ids),))


def fetch_snapshot(connection: Connection) -> Snapshot:
    """Which transactions' facts this one sees, all along if it is of `connect_reader`."""
    row = connection.execute(_SQL["snapshot"]).fetchone()
    assert row is not None  # noqa: S101 - SELECT without FROM gives its row
    return Snapshot(row[0])


def look_back(connection: Connection, snapshot: Snapshot) -> None:
    """Have the rest of this transaction see the facts of a case as ``snapshot`` saw them."""
    connection.execute(_SQL["look_back"], (snapshot,))


def fetch_profile(connection: Connection, profile_id: str, version: int) -> object:
    """The profile's body as it was stored: plain JSON values."""
    row = connection.execute(_SQL["profile"], (profile_id, version)).fetchone()
    return row[0] if row else None


def fetch_lines(connection: Connection, consignment_id: str) -> list[tuple[str, bool, bool]]:
    """(zone, freeze sensitive, shock sensitive) of every line; an unknown product is both."""
    return connection.execute(_SQL["lines"], (consignment_id,)).fetchall()


def fetch_events(connection: Connection, consignment_id: str) -> list[tuple[EventKind, datetime]]:
    """What bounds the journey, in order of time: custody events and the gate's dispatch.

    The dispatch counts as `departed`, unless consignor or operator said when the goods were packed.
    """
    rows = connection.execute(_SQL["events"], {"id": consignment_id})
    return [(EventKind(kind), happened_at) for kind, happened_at in rows]


def fetch_placed_loggers(connection: Connection, consignment_id: str) -> list[PlacedLogger]:
    """Every placement of the consignment with its logger."""
    rows = connection.execute(_SQL["placed_loggers"], (consignment_id,))
    return [
        PlacedLogger(
            placement_id=placement_id,
            zone=zone,
            role=role,
            placed_at=placed_at,
            removed_at=removed_at,
            id=id_,
            serial=serial,
            interval_ms=interval_ms,
        )
        for placement_id, zone, role, placed_at, removed_at, id_, serial, interval_ms in rows
    ]


def fetch_channels(connection: Connection, logger_ids: Sequence[int]) -> list[PlacedChannel]:
    """Channels of the loggers, in the order in which they were first seen."""
    rows = connection.execute(_SQL["channels"], (list(logger_ids),))
    return [
        PlacedChannel(id=id_, logger_id=logger_id, sensor=sensor, quantity=Quantity(quantity))
        for id_, logger_id, sensor, quantity in rows
    ]


def fetch_clock_pairs(
    connection: Connection, wanted: Sequence[tuple[int, int, int]]
) -> dict[int, tuple[ClockPair, ...]]:
    """Clock comparisons by logger, for each (logger id, first, last) in ms of gateway time."""
    pairs: dict[int, list[ClockPair]] = {}
    for logger_id, logger_ms, gateway_ms in connection.execute(
        _SQL["clock_pairs"], columns(wanted, 3)
    ):
        pair = ClockPair(logger_ms=logger_ms, gateway_ms=gateway_ms)
        pairs.setdefault(logger_id, []).append(pair)
    return {logger_id: tuple(found) for logger_id, found in pairs.items()}


Span: TypeAlias = "tuple[int, datetime, datetime]"  # channel id, first and last stamp


def fetch_readings(connection: Connection, spans: Sequence[Span]) -> list[Points]:
    """The readings of each span."""
    return _copy_out(connection, _SQL["copy_readings"], spans)


def fetch_conflicts(connection: Connection, spans: Sequence[Span]) -> list[Points]:
    """The other values that were received for readings of each span (S4)."""
    return _copy_out(connection, _SQL["copy_conflicts"], spans)


def _copy_out(connection: Connection, query: bytes, spans: Sequence[Span]) -> list[Points]:
    if not spans:
        return []
    whole = min(first for _, first, _ in spans), max(last for _, _, last in spans)
    with connection.cursor().copy(query, (*columns(spans, 3), *whole)) as copy:
        copy.set_types(["int4", "bytea"])
        found = {ordinal: unpack_points(packed) for ordinal, packed in copy.rows()}
    return [found[ordinal] for ordinal in range(1, len(spans) + 1)]


def fetch_newest(connection: Connection, consignment_id: str) -> StoredEvaluation | None:
    """The newest evaluation of a consignment, if there is one."""
    row = connection.execute(_SQL["newest"], (consignment_id,)).fetchone()
    if row is None:
        return None
    return StoredEvaluation(version=row[0], body=bytes(row[1]), evaluated_at=row[2])


def add_evaluation(
    connection: Connection, row: NewEvaluation, excursions: Sequence[NewExcursion]
) -> int:
    """Store an evaluation with its excursions, enter it in the ledger, tell who listens."""
    parameters = {**asdict(row), "zones": Jsonb(dict(row.zones))}
    stored = connection.execute(_SQL["add_evaluation"], parameters).fetchone()
    assert stored is not None  # noqa: S101 - INSERT … RETURNING gives its row
    evaluation_id = int(stored[0])
    place = {"evaluation_id": evaluation_id, "consignment_id": row.consignment_id}
    connection.cursor().executemany(
        _SQL["add_excursion"], [{**asdict(one), **place} for one in excursions]
    )
    subject = f"consignment/{row.consignment_id}/evaluation/{row.version}"
    connection.execute(_SQL["append_ledger"], (subject, row.body))
    connection.execute(_SQL["notify"], (row.consignment_id,))
    return evaluation_id


def listen(connection: Connection) -> None:
    """Have this connection told of new work; it must be in autocommit mode."""
    connection.execute(_SQL["listen"])
