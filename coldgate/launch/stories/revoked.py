"""Released on what was known, revoked by what came late: no permit outlives its reasons."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from coldgate.launch.stories import journeys
from coldgate.launch.stories.cast import DEVICE
from coldgate.launch.stories.journeys import Trip
from coldgate.launch.stories.shapes import Deviations
from coldgate.launch.stories.tables import ITSELF
from coldgate.launch.story import cast as demo
from coldgate.model import EventKind, Purpose
from coldgate.storage import quality
from coldgate.storage.connection import connect
from coldgate.storage.visibility import limit_to

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from coldgate.launch.stories.cast import Cast
    from coldgate.launch.stories.shapes import Gate
    from coldgate.launch.stories.tables import Book

TITLE: Final = "A release: revoked by readings that came late"
HOT: Final = {17.0: (14.0, 15.0)}
LOST: Final = (timedelta(hours=13), timedelta(hours=16))  # on the road; not in the first read-out
REVOKED: Final = "release.revoked"


async def tell(cast: Cast, book: Book) -> None:
    """Tell the story to ``book``."""
    trip = Trip.now("revoked-1", "RE-303", ("LOG-RE-1", "LOG-RE-2"), demo.PROFILE)
    await _leave(cast, book, trip)
    readings = await _arrive(cast, book, trip)
    gate = await _release(cast, book, trip, readings)
    await _revoke(cast, book, trip)
    await _void(cast, book, trip, gate)


async def _leave(cast: Cast, book: Book, trip: Trip) -> None:
    await journeys.plan(cast, trip)
    gate = await journeys.ask(cast.carrier, trip.id, Purpose.DISPATCH)
    book.tell(cast.carrier, f"asks the gate: may lot {trip.lot} leave?", gate.words, must="permit")
    await journeys.leave(cast, trip)


async def _arrive(cast: Cast, book: Book, trip: Trip) -> int:
    """Both loggers are read out, one of them not completely; the readings that came."""
    whole = trip.readings()
    came = 0
    for serial, readings, did in (
        (trip.serials[0], whole, "delivers the file of the first logger"),
        (trip.serials[1], _without(whole, trip.begin), "delivers the second's; 3 h are missing"),
    ):
        sent = await journeys.send(cast, serial, readings)
        must = f"{len(readings)} readings committed"
        book.tell(DEVICE, did, f"{sent.added} readings committed", must=must)
        await cast.registry.seal(trip.id, [serial], sent.last_sequence)
        came += sent.added
    await cast.registry.happen(cast.registry.carrier, trip.id, EventKind.ARRIVED, trip.end)
    await cast.registry.receive(trip.id, trip.end)
    return came


def _without(readings: Mapping[datetime, float], begin: datetime) -> dict[datetime, float]:
    first, last = (begin + hours for hours in LOST)
    return {at: celsius for at, celsius in readings.items() if not first <= at <= last}


async def _release(cast: Cast, book: Book, trip: Trip, readings: int) -> Gate:
    found = await journeys.judged(cast, trip, readings)
    must = "PASS: no limit was passed"
    did = "judges: the first logger speaks for the 3 h as well"
    book.tell(ITSELF, did, f"{found.verdict.value}: {found.why}", must=must)
    gate = await journeys.ask(cast.hospital, trip.id, Purpose.RECEIPT_RELEASE)
    book.tell(cast.hospital, "asks the gate: may the goods be used?", gate.words, must="permit")
    state = await journeys.state(cast.hospital, trip)
    book.tell(cast.hospital, "looks where the goods stand", state, must="released")
    return gate


async def _revoke(cast: Cast, book: Book, trip: Trip) -> None:
    readings = trip.readings(HOT)
    sent = await journeys.send(cast, trip.serials[1], readings)
    late = len(readings) - len(_without(readings, trip.begin))
    did = "delivers the second's again, now all of it"
    must = f"{late} readings more committed"
    book.tell(DEVICE, did, f"{sent.added} readings more committed", must=must)
    found = await journeys.judged(cast, trip, 2 * len(readings))
    must = "FAIL: above 15.0 °C for 1 h 3 min"
    book.tell(ITSELF, "judges again", f"{found.verdict.value}: {found.why}", must=must)
    state = await journeys.until(lambda: journeys.state(cast.hospital, trip), "revoked")
    book.tell(ITSELF, "takes the release back", state, must="revoked")
    opened = (await cast.ada.get(f"{trip.path}/deviations", Deviations)).items
    must = "CONDITION_FAIL TEMPERATURE_HIGH"
    came = "\n".join(one.words for one in opened)
    book.tell(ITSELF, "opens a deviation", came, must=must)
    told = await asyncio.to_thread(_announced, cast.machine.postgres.dsn, trip.id)
    book.tell(
        ITSELF,
        "has this to tell outside (outbox)",
        REVOKED if REVOKED in told else "-",
        must=REVOKED,
    )


async def _void(cast: Cast, book: Book, trip: Trip, gate: Gate) -> None:
    did = "hands in the permit that it was given before"
    came = await journeys.redeem(cast.hospital, gate)
    book.tell(cast.hospital, did, came, must="refused: PERMIT_VOID")
    again = await journeys.ask(cast.hospital, trip.id, Purpose.RECEIPT_RELEASE)
    must = "block\n  CONDITION_FAIL"
    book.tell(cast.hospital, "asks the gate again", again.words, must=must)


def _announced(dsn: str, consignment: str) -> list[str]:
    """What waits in the outbox about the consignment, as far as its consignor may see."""
    with connect(dsn, "coldgate_api") as connection:
        limit_to(connection, demo.MANUFACTURER)
        return quality.announced(connection, consignment)
