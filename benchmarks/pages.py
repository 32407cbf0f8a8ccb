"""One reading more on a journey of thirty days: judged from all readings, and from pages."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
from psycopg.types.json import Jsonb

from analytics.job.answering import answer
from analytics.job.live import answer_live
from analytics.job.loop import Sessions, judge_consignment
from analytics.profile_format import load_builtin_profiles
from benchmarks.house import PARTY, house
from coldgate.instant import epoch_ms
from coldgate.storage import judging
from coldgate.storage.bulk import ReadingRows
from coldgate.storage.connection import Connection, connect, connect_reader
from coldgate.storage.telemetry import add_touched, write_readings
from coldgate.storage.timescale import TimeTables, detect

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from analytics.profile import Profile
    from benchmarks.house import House

    Minutes = NDArray[np.int64]  # since START

START: Final = datetime(2026, 10, 1, 8, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
READINGS: Final = 30 * 1440  # of each channel, one a minute
CHANNELS: Final = (1, 6)
TRIALS: Final = 15
NEIGHBOURS: Final = 50  # channels of other consignments, whose readings lie between
LATE: Final = 10_000  # minutes since the start: a week in, one reading every hour is missing
HOT: Final = range(40_000, 40_060)  # minutes of the excursion, where there is one
SEED: Final = 8
_FURNITURE: Final = (
    b"INSERT INTO channel (logger_id, sensor, quantity) SELECT id, 0, 1 FROM logger ORDER BY id",
    b"""
    INSERT INTO consignment (id, consignor_id, consignee_id, profile_id, profile_version)
    VALUES ('c-1', %(party)s, %(party)s, %(profile)s, %(version)s)
    """,
    b"""
    INSERT INTO consignment_line (consignment_id, position, product_id, lot_number, quantity)
    VALUES ('c-1', 1, 'product-1', 'LOT', 1)
    """,
    b"""
    INSERT INTO placement (consignment_id, logger_id, placed_at)
    SELECT 'c-1', id, %(start)s FROM logger ORDER BY id
    """,
    b"""
    INSERT INTO custody_event (consignment_id, kind, happened_at, party_id)
    VALUES ('c-1', 'packed', %(start)s, %(party)s)
    """,
)


def run() -> dict[str, object]:
    """Median times in ms, by channels and whether the journey had an excursion."""
    figures: dict[str, object] = {"readings_per_channel": READINGS, "trials": TRIALS}
    for channels in CHANNELS:
        for name, hot in (("in_range", range(0)), ("with_an_excursion", HOT)):
            with house() as rented:
                figures[f"{channels}_channels_{name}"] = _measured(rented, channels, hot)
    return figures


@dataclass(frozen=True, kw_only=True)
class Trip:
    """The consignment `c-1`, under way, and who judges it."""

    ingest: Connection
    sessions: Sessions
    profile: Profile
    channels: int
    hot: range
    times: dict[str, list[float]] = field(default_factory=dict)

    def send(self, minutes: Minutes, *, neighbours: int = 0) -> None:
        """Readings of all channels, minute by minute, as ingest stores them."""
        rng = np.random.default_rng([SEED, int(minutes[0])])
        value = np.where(np.isin(minutes, self.hot), 9_000, 5_000)
        channels = self.channels + neighbours
        count = channels * len(minutes)
        rows = ReadingRows(
            channel_id=np.tile(np.arange(1, channels + 1), len(minutes)).astype(np.int32),
            taken_ms=np.repeat(epoch_ms(START) + minutes * 60_000, channels),
            value=(np.repeat(value, channels) + 10 * rng.integers(-9, 10, count)).astype(np.int32),
            flags=np.zeros(count, np.int16),
            sequence=np.repeat(minutes + 1, channels),
            message_id=np.ones(count, np.int64),
        )
        span = START + int(minutes[0]) * MINUTE, START + int(minutes[-1]) * MINUTE
        with self.ingest.transaction():
            write_readings(self.ingest, rows)
            add_touched(self.ingest, [(1 + n, *span) for n in range(self.channels)])

    def judge(self) -> None:
        """Judge and store, as the job does."""
        writer = self.sessions.writer
        with writer.transaction():
            ids = judging.fetch_pending(writer, most=1_000).consignments["c-1"]
            assert judge_consignment(self.sessions, "c-1", ids, refresh=timedelta(days=1))
            judging.settle(writer, ids)

    def time(self, name: str, action: Callable[[], object]) -> None:
        """Note how long something takes."""
        started = time.perf_counter()
        action()
        self.times.setdefault(name, []).append((time.perf_counter() - started) * 1000)

    def compare(self, when: str, minute: int) -> None:
        """Send a reading; answer from all readings, from pages, and judge."""
        self.send(np.array([minute]))
        reader = self.sessions.reader
        with reader.transaction():
            self.time(f"{when}_from_readings", lambda: answer(reader, "c-1", self.profile))
            self.time(f"{when}_from_pages", lambda: answer_live(reader, "c-1", self.profile))
            assert (
                answer(reader, "c-1", self.profile).to_bytes()
                == answer_live(reader, "c-1", self.profile).evaluation.to_bytes()
            )
        self.time(f"{when}_judged_and_stored", self.judge)


def _measured(rented: House, channels: int, hot: range) -> dict[str, float]:
    profile = max(
        (one for one in load_builtin_profiles() if one.id == "USP_CCT_2_8"),
        key=lambda one: one.version,
    )
    _furnish(rented, profile, channels)
    with (
        connect(rented.dsn, "coldgate_ingest", autocommit=True) as ingest,
        connect(rented.dsn, "coldgate_analytics", autocommit=True) as writer,
        connect_reader(rented.dsn, "coldgate_analytics") as reader,
    ):
        TimeTables(detect(ingest)).cover(ingest, "reading", START, START + 60 * 1440 * MINUTE)
        sessions = Sessions(writer=writer, reader=reader)
        trip = Trip(ingest=ingest, sessions=sessions, profile=profile, channels=channels, hot=hot)
        late = LATE + 60 * np.arange(TRIALS)
        trip.send(np.setdiff1d(np.arange(READINGS), late), neighbours=NEIGHBOURS)
        with connect(rented.dsn, autocommit=True) as owner:
            owner.execute(b"VACUUM ANALYZE reading")
        trip.time("first_judged_and_stored", trip.judge)
        for trial in range(TRIALS):
            trip.compare("new", READINGS + trial)
            trip.compare("late", int(late[trial]))
        return {name: round(float(np.median(each)), 1) for name, each in trip.times.items()}


def _furnish(rented: House, profile: Profile, channels: int) -> None:
    rented.register("gw-1", [f"L-{number}" for number in range(channels)])
    parameters = {
        "party": PARTY,
        "profile": profile.id,
        "version": profile.version,
        "start": START,
    }
    with connect(rented.dsn) as connection:
        connection.execute(
            b"INSERT INTO profile VALUES (%s, %s, %s, %s)",
            (profile.id, profile.version, profile.digest, Jsonb(profile.as_json())),
        )
        for statement in _FURNITURE:
            connection.execute(statement, parameters)
