"""Which consignment a logger file belongs to: a longer export of a run to that of the shorter one.

A run's consignment begins with its first reading and ends with the last that any export had. Its
logger stays until the next run begins, so a later export only has to tell a later end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - pydantic reads the annotation when it runs
from typing import TYPE_CHECKING, Final

from coldgate.errors import ConflictError
from coldgate.instant import MILLISECOND, from_epoch_ms
from coldgate.launch.client import Answer
from coldgate.model import EventKind, ReadingFlag

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from coldgate.launch.client import ApiClient
    from coldgate.launch.parcel import ChannelName, Parcel, Values

MOST_NAMES: Final = 1_000
MOST_POINTS: Final = 10_000
SLUG_LETTERS: Final = 21  # of the 32 that an identifier may have


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One imported run of a logger; ``end`` is its last reading in any export so far."""

    consignment: str
    placement: int
    begin: datetime
    end: datetime
    removed_at: datetime | None

    def touches(self, parcel: Parcel) -> bool:
        """Whether the file speaks of a time that the run has readings of."""
        return self.begin <= parcel.end and parcel.begin <= self.end


class _Name(Answer):
    id: str


class _Names(Answer):
    items: list[_Name]


class _Placement(Answer):
    id: int
    logger: int
    serial: str
    party: str
    placed_at: datetime
    removed_at: datetime | None


class _Placements(Answer):
    items: list[_Placement]


class Event(Answer):
    """What happened to a consignment, and when."""

    kind: EventKind
    happened_at: datetime


class Events(Answer):
    """The events of a consignment."""

    items: list[Event]

    def last(self, kind: EventKind) -> datetime | None:
        """When that happened for the last time; None if it never did."""
        moments = (one.happened_at for one in self.items if one.kind is kind)
        return max(moments, default=None)


class _Points(Answer):
    points: list[tuple[int, int, int]]  # ms, milli-units, flags
    next: int | None


def run_name(parcel: Parcel) -> str:
    """The consignment of a run that begins as the file does."""
    return f"{_slug(parcel)}-{parcel.run}"


async def runs_of(client: ApiClient, parcel: Parcel, *, owner: str) -> list[Run]:
    """What was imported of the file's logger, which belongs to ``owner``, so far."""
    slug = f"{_slug(parcel)}-"
    page = await client.get("/consignments", _Names, after=slug, limit=MOST_NAMES)
    return [
        await _run(client, one.id, placed)
        for one in page.items
        if one.id.startswith(slug)
        for placed in (await client.get(_placements(one.id), _Placements)).items
        if (placed.serial, placed.party) == (parcel.serial, owner)
    ]


async def home_of(client: ApiClient, runs: Sequence[Run], parcel: Parcel) -> Run | None:
    """The run that the file is another export of; None where it begins a new one.

    Raises:
        ConflictError: the file contradicts what was imported, or cannot be joined to it.
    """
    touched = [run for run in runs if run.touches(parcel)]
    if not touched:
        return None
    run = touched[0]
    if len(touched) > 1:
        names = " and ".join(one.consignment for one in touched)
        raise _taken(parcel, names, "which are two runs")
    if parcel.begin < run.begin:
        raise _taken(parcel, run.consignment, "which begins later than the file")
    for channel, values in parcel.values.items():
        await _require_agreement(client, run, parcel, channel, values)
    return run


async def place(client: ApiClient, parcel: Parcel, runs: Sequence[Run], *, owner: str) -> None:
    """Put the logger into the new run's consignment, until the next run that is known."""
    for run in runs:
        if run.begin < parcel.begin and run.removed_at is None:
            path = f"{_placements(run.consignment)}/{run.placement}/remove"
            began = {"removed_at": parcel.begin.isoformat(), "reason": "its next run began"}
            await client.tell(path, began)
    following = min((run.begin for run in runs if run.begin > parcel.end), default=None)
    body = {
        "serial": parcel.serial,
        "party": owner,
        "placed_at": parcel.begin.isoformat(),
        "removed_at": following and following.isoformat(),
    }
    await client.tell(_placements(run_name(parcel)), body)


async def logger_in(client: ApiClient, consignment: str, parcel: Parcel, *, owner: str) -> int:
    """The id of the file's logger, which was placed in the consignment."""
    placed = (await client.get(_placements(consignment), _Placements)).items
    return next(one.logger for one in placed if (one.serial, one.party) == (parcel.serial, owner))


async def _run(client: ApiClient, consignment: str, placed: _Placement) -> Run:
    events = await client.get(f"/consignments/{consignment}/events", Events)
    return Run(
        consignment=consignment,
        placement=placed.id,
        begin=placed.placed_at,
        end=events.last(EventKind.RECEIVED) or placed.placed_at,
        removed_at=placed.removed_at,
    )


async def _require_agreement(
    client: ApiClient, run: Run, parcel: Parcel, channel: ChannelName, values: Values
) -> None:
    """Return if the file has all that is stored of the time it speaks of, with those values."""
    async for at_ms, milli, flags in _stored(client, run, parcel, channel):
        value = None if flags & ReadingFlag.FAULT else milli
        if value not in values.get(at_ms, ()):
            moment = f"{from_epoch_ms(at_ms):%Y-%m-%d %H:%M:%S} UTC"
            raise _taken(parcel, run.consignment, f"with another {channel.quantity} at {moment}")


async def _stored(
    client: ApiClient, run: Run, parcel: Parcel, channel: ChannelName
) -> AsyncIterator[tuple[int, int, int]]:
    """The points of the run within the file's time, page by page."""
    query: dict[str, str | int] = {
        "serial": parcel.serial,
        "quantity": channel.quantity,
        "sensor": channel.sensor,
        "from": parcel.begin.isoformat(),
        "to": (parcel.end + MILLISECOND).isoformat(),
        "limit": MOST_POINTS,
    }
    path = f"/consignments/{run.consignment}/readings"
    while True:
        page = await client.get(path, _Points, **query)
        for point in page.points:
            yield point
        if page.next is None:
            return
        query["after"] = page.next


def _taken(parcel: Parcel, where: str, why: str) -> ConflictError:
    return ConflictError(
        "LOGGER_TAKEN",
        f"logger {parcel.serial} was imported for that time already, as {where}, {why}; "
        "nothing was stored",
    )


def _placements(consignment: str) -> str:
    return f"/consignments/{consignment}/placements"


def _slug(parcel: Parcel) -> str:
    return re.sub(r"[^a-z0-9]+", "-", parcel.serial.lower())[:SLUG_LETTERS]
