"""What consignments took of the stability budgets of their lots, and the record of lanes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from psycopg.types.json import Jsonb

from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_new, fetch_one

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("stability")


@dataclass(frozen=True, slots=True, kw_only=True)
class LotLine:
    """One serial of a lot in one zone; ``serial`` is empty for units that no line names."""

    product_id: str
    lot_number: str
    zone: str
    serial: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldEnds:
    """What was told of a consignment's ends: the gate's last dispatch, the first arrival.

    ``first_told_at`` is the earliest that was told of it at all.
    """

    dispatched_at: datetime | None
    ended_at: datetime | None
    first_told_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherJourney:
    """Another consignment of a lot, and what it took of the budget of one serial.

    ``comparable`` says that its profile has the very same budget; else, and where ``version`` is
    None, its figures tell nothing. ``provisional``: nobody told its end.
    """

    product_id: str
    lot_number: str
    consignment_id: str
    serial: str
    began_at: datetime
    ended_at: datetime
    version: int | None
    comparable: bool
    provisional: bool
    optimistic_ppb: int
    measured_ppb: int
    pessimistic_ppb: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What a consignment took of a serial's budget, and what was taken before, in billionths.

    ``began_at`` is the latest moment at which a unit may have joined it, ``ended_at`` the earliest
    at which one may have left; the last that was seen where it is ``provisional``.
    """

    product_id: str
    lot_number: str
    serial: str
    began_at: datetime
    ended_at: datetime
    provisional: bool
    optimistic_ppb: int
    measured_ppb: int
    pessimistic_ppb: int
    before_optimistic_ppb: int
    before_measured_ppb: int
    before_pessimistic_ppb: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneRecord:
    """Whether a consignment had excursions, and when its journey began (S32)."""

    began_at: datetime
    with_excursions: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """The newest figures of one consignment for one serial of a lot."""

    serial: str
    consignment_id: str
    version: int
    provisional: bool
    began_at: datetime
    ended_at: datetime
    optimistic_ppb: int
    measured_ppb: int
    pessimistic_ppb: int
    before_optimistic_ppb: int
    before_measured_ppb: int
    before_pessimistic_ppb: int
    recorded_at: datetime


def lock_lots(connection: Connection, consignment_id: str) -> None:
    """Have nobody else judge the budgets of these lots until the end of the transaction."""
    connection.execute(_SQL["lock_lots"], {"id": consignment_id})


def lock_lane(connection: Connection, consignment_id: str) -> None:
    """Have nobody else count or change the lane's excursions until the transaction ends."""
    connection.execute(_SQL["lock_lane"], {"id": consignment_id})


def lot_lines(connection: Connection, consignment_id: str) -> list[LotLine]:
    """Every lot of a consignment, by serial and zone."""
    return fetch_all(connection, LotLine, _SQL["lot_lines"], {"id": consignment_id})


def told_ends(connection: Connection, consignment_id: str) -> ToldEnds:
    """Who left when, by the words that bind units to a consignment."""
    return fetch_new(connection, ToldEnds, _SQL["told_ends"], {"id": consignment_id})


def other_journeys(
    connection: Connection, consignment_id: str, *, budget: Mapping[str, object]
) -> list[OtherJourney]:
    """Every other consignment that a lot of this one began, with its newest figures.

    They are comparable with ``budget``, the section of a profile, where it is the same as theirs.
    """
    parameters = {"id": consignment_id, "budget": Jsonb(dict(budget))}
    return fetch_all(connection, OtherJourney, _SQL["other_journeys"], parameters)


def newest_spend(connection: Connection, consignment_id: str) -> list[Spend]:
    """The figures of a consignment that count now, by product, lot and serial."""
    return fetch_all(connection, Spend, _SQL["newest_spend"], {"id": consignment_id})


def add_spend(connection: Connection, consignment_id: str, rows: Sequence[Spend]) -> None:
    """Enter figures of the consignment's newest evaluation; those from before stay readable."""
    entries = [{**asdict(row), "consignment_id": consignment_id} for row in rows]
    connection.cursor().executemany(_SQL["add_spend"], entries)


def touch_followers(connection: Connection, consignment_id: str, *, since: datetime) -> None:
    """Have the consignments of its lots judged again that began at ``since`` or later."""
    parameters = {"id": consignment_id, "since": since}
    if connection.execute(_SQL["touch_followers"], parameters).rowcount:
        connection.execute(_SQL["wake_judge"])


def touch_lots(connection: Connection, consignment_id: str) -> None:
    """Have the others of its lots judged again that may count what was told of a consignment."""
    since = told_ends(connection, consignment_id).first_told_at
    if connection.execute(_SQL["touch_lots"], {"id": consignment_id, "since": since}).rowcount:
        connection.execute(_SQL["wake_judge"])


def touch_reached(connection: Connection, consignment_id: str) -> None:
    """Have those judged again that count journeys which a new consignment makes credible.

    A budget is spent by journeys of who has the lot. Whoever gets it by this consignment, and sent
    it on before anybody said so, has it from now on; ask while seeing everything.
    """
    if connection.execute(_SQL["touch_reached"], {"id": consignment_id}).rowcount:
        connection.execute(_SQL["wake_judge"])


def earlier_on_lane(connection: Connection, consignment_id: str, *, began_at: datetime) -> int:
    """Other consignments with excursions on the lane that began in the twelve months before."""
    parameters = {"id": consignment_id, "began_at": began_at}
    row = connection.execute(_SQL["earlier_on_lane"], parameters).fetchone()
    return int(row[0]) if row else 0


def newest_lane_record(connection: Connection, consignment_id: str) -> LaneRecord | None:
    """What a consignment says of its lane; None before its first final evaluation."""
    return fetch_one(connection, LaneRecord, _SQL["newest_lane_record"], {"id": consignment_id})


def add_lane_record(connection: Connection, consignment_id: str, record: LaneRecord) -> None:
    """Enter what the newest evaluation says of the lane; nothing where there are no legs."""
    connection.execute(_SQL["add_lane_record"], {**asdict(record), "id": consignment_id})


def touch_lane(
    connection: Connection, consignment_id: str, *, first: datetime, last: datetime
) -> None:
    """Have those judged again that count this consignment, begun between ``first`` and ``last``."""
    parameters = {"id": consignment_id, "first": first, "last": last}
    if connection.execute(_SQL["touch_lane"], parameters).rowcount:
        connection.execute(_SQL["wake_judge"])


def ledger(connection: Connection, *, product: str, lot: str) -> list[LedgerRow]:
    """What every consignment took of the lot's budget, by serial and time."""
    rows = fetch_all(connection, LedgerRow, _SQL["ledger"], {"product": product, "lot": lot})
    return sorted(rows, key=lambda row: (row.serial, row.began_at, row.consignment_id))
