"""Goods on the road: a consignment with loggers, their files, and what the judge says of them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

from coldgate.errors import LaunchError
from coldgate.launch.client import Nothing
from coldgate.launch.importing import JUDGED_SECONDS
from coldgate.launch.judged import EvaluationPage, wait_for_evaluation
from coldgate.launch.parcel import LoggerFile
from coldgate.launch.stories.shapes import Consignment, Gate
from coldgate.launch.story import cast as demo
from coldgate.model import EventKind, Purpose

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from coldgate.launch.desk import Sent
    from coldgate.launch.judged import Evaluation
    from coldgate.launch.stories.cast import Cast
    from coldgate.launch.stories.voices import Voice

INTERVAL: Final = timedelta(minutes=10)
HOURS: Final = 30
POLL_SECONDS: Final = 0.1
WAIT_SECONDS: Final = 20.0
COLD: Final = (5.0, 5.1)  # in turn: a value that never moves is a dead sensor
MAPPING: Final = """\
serial: {serial}
time: {{columns: [when], format: "%Y-%m-%d %H:%M:%S"}}
values:
  - {{column: celsius, quantity: temperature, unit: C}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """One consignment of one lot; it began ``HOURS`` before the story."""

    id: str
    lot: str
    serials: tuple[str, ...]
    profile: str
    begin: datetime

    @classmethod
    def now(cls, ident: str, lot: str, serials: Sequence[str], profile: str) -> Self:
        """The trip that ends in this minute."""
        end = datetime.now(UTC).replace(second=0, microsecond=0)
        return cls(
            id=ident,
            lot=lot,
            serials=tuple(serials),
            profile=profile,
            begin=end - timedelta(hours=HOURS),
        )

    @property
    def end(self) -> datetime:
        """When it arrived."""
        return self.begin + timedelta(hours=HOURS)

    @property
    def path(self) -> str:
        """Where the API has it."""
        return f"/consignments/{self.id}"

    def readings(
        self, hot: Mapping[float, tuple[float, float]] | None = None
    ) -> dict[datetime, float]:
        """Cold readings of one logger; ``hot`` maps °C to (from, until), hours on the road."""
        found = {}
        for index in range(HOURS * 6 + 1):
            hours = index / 6
            celsius = COLD[index % len(COLD)]
            for value, (start, stop) in (hot or {}).items():
                if start <= hours <= stop:
                    celsius = value
            found[self.begin + index * INTERVAL] = celsius
        return found


async def plan(cast: Cast, trip: Trip) -> None:
    """Lot, consignment and loggers, ready for the gate."""
    await cast.registry.manufacturer.tell(
        f"/products/{demo.PRODUCT}/lots",
        {"number": trip.lot, "expires_on": (trip.end.date() + timedelta(days=365)).isoformat()},
    )
    await cast.registry.plan(trip.id, trip.lot, trip.profile)
    for serial in trip.serials:
        logger = {"serial": serial, "model": "story", "interval_seconds": INTERVAL.total_seconds()}
        await cast.registry.carrier.tell("/loggers", logger)
        placement = {"serial": serial, "placed_at": trip.begin.isoformat()}
        await cast.registry.place(trip.id, placement)


async def ask(voice: Voice, consignment: str, purpose: Purpose, **more: object) -> Gate:
    """What the gate answers to ``voice``."""
    body = {"consignment": consignment, "purpose": purpose.value, **more}
    return (await voice.post("/gate/decisions", body, Gate)).made


async def redeem(voice: Voice, gate: Gate) -> str:
    """What comes of handing in the permit of that answer."""
    if gate.permit is None:
        return "no permit"
    reply = await voice.tell("/gate/permits/redeem", {"token": gate.permit.token})
    return reply.words("used")


async def leave(cast: Cast, trip: Trip) -> None:
    """The goods are packed and go."""
    await cast.registry.happen(cast.registry.manufacturer, trip.id, EventKind.PACKED, trip.begin)
    await cast.registry.happen(cast.registry.carrier, trip.id, EventKind.DEPARTED, trip.begin)


async def send(cast: Cast, serial: str, readings: Mapping[datetime, float]) -> Sent:
    """Write a logger's file and deliver it by the gateway; committed when this returns."""
    folder = cast.machine.folder.path / "files"
    folder.mkdir(exist_ok=True)
    path = folder / f"{serial}.csv"
    rows = [f"{moment:%Y-%m-%d %H:%M:%S},{celsius}" for moment, celsius in readings.items()]
    path.write_text("\n".join(["when,celsius", *rows]) + "\n", encoding="utf-8")
    mapping = path.with_suffix(".mapping.yaml")
    mapping.write_text(MAPPING.format(serial=serial), encoding="utf-8")
    return await cast.desk.send(LoggerFile(path=path, zone="UTC", mapping=mapping))


async def judged(cast: Cast, trip: Trip, readings: int) -> Evaluation:
    """The final judgement of at least so many readings, once its evidence is audited."""
    found = await wait_for_evaluation(
        cast.registry.operator,
        trip.id,
        lambda found: found.readings >= readings,
        seconds=JUDGED_SECONDS,
        serials=trip.serials,
    )
    path = f"{trip.path}/evaluations/{await newest_version(cast.hospital, trip)}/audit"

    async def audited() -> str:
        return (await cast.hospital.look(path, Nothing)).words("audited")

    if await until(audited, "audited") != "audited":
        raise LaunchError(f"the evidence of {trip.id} was not audited")
    return found


async def newest_version(voice: Voice, trip: Trip) -> int:
    """Number of the newest evaluation; 0 where there is none."""
    page = await voice.get(f"{trip.path}/evaluations", EvaluationPage, limit=1000)
    return page.items[-1].version if page.items else 0


async def state(voice: Voice, trip: Trip) -> str:
    """Where the consignment's lines stand."""
    found = await voice.get(trip.path, Consignment)
    return ", ".join(dict.fromkeys(line.state.value for line in found.lines))


async def until(look: Callable[[], Awaitable[str]], wanted: str) -> str:
    """What ``look`` sees once it is ``wanted``, or at last when that takes too long."""
    deadline = time.monotonic() + WAIT_SECONDS
    seen = await look()
    while seen != wanted and time.monotonic() < deadline:
        await asyncio.sleep(POLL_SECONDS)
        seen = await look()
    return seen
