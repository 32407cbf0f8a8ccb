"""The dry run of a profile over stored readings: all cores, and where the workers' time goes.

``python -m benchmarks.what_if --readings 100000000`` is the big run; it needs 12 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import psutil
from rich.console import Console

from analytics.job.what_if import Question, answer
from analytics.job.what_if_screen import Screen
from analytics.profile_format import load_builtin_profiles
from benchmarks.house import House, house
from coldgate.instant import epoch_ms
from coldgate.launch.process import wait_until
from coldgate.storage import profiles
from coldgate.storage.bulk import ReadingRows
from coldgate.storage.connection import connect
from coldgate.storage.profiles import NewProfile
from coldgate.storage.timescale import TimeTables, detect

if TYPE_CHECKING:
    from coldgate.storage.connection import Connection

LOGGERS: Final = 3  # of each consignment
READINGS: Final = 14_400  # of each logger: ten days of minutes
BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
JOURNEY: Final = timedelta(minutes=READINGS - 1)
SLOTS: Final = 18  # journeys begin on as many days, ten days apart
EXCURSION_IN: Final = 20  # one consignment in so many is warm for two hours
JUDGED_BY: Final = "USP_CCT_2_8"
ASKED: Final = "CN_GSP_REFRIG_2_10"
SEED: Final = 731
MIB: Final = 2**20

_REGISTRY: Final = (
    b"""
    INSERT INTO party (id, name, kind)
    VALUES ('carrier-1', 'Carrier', 'carrier'), ('operator', 'Operator', 'operator')
    ON CONFLICT DO NOTHING
    """,
    b"""
    INSERT INTO product (id, party_id, name, freeze_sensitive, shock_sensitive)
    VALUES ('product-1', 'carrier-1', 'Product', false, false)
    """,
    b"""
    INSERT INTO logger (serial, party_id, interval_ms)
    SELECT 'L-' || n, 'carrier-1', 60000 FROM generate_series(1, %(loggers)s) AS n ORDER BY n
    """,
    b"INSERT INTO channel (logger_id, sensor, quantity) SELECT id, 0, 1 FROM logger ORDER BY id",
    b"""
    INSERT INTO certificate (logger_id, quantity, number, valid_from, valid_to, expanded_milli,
                             resolution_milli, drift_milli, corrections, entered_by)
    SELECT id, 1, 'C-' || id, '2000-01-01', '2100-01-01', 200, 0, 0, '[]', 'operator' FROM logger
    """,
    b"""
    INSERT INTO consignment (id, consignor_id, consignee_id, profile_id, profile_version)
    SELECT 'trip-' || n, 'carrier-1', 'carrier-1', %(profile)s, %(version)s
    FROM generate_series(0, %(consignments)s - 1) AS n
    """,
    b"""
    INSERT INTO consignment_line (consignment_id, position, product_id, lot_number, quantity)
    SELECT id, 1, 'product-1', 'LOT-' || id, 1 FROM consignment
    """,
    b"""
    INSERT INTO placement (consignment_id, logger_id, placed_at)
    SELECT 'trip-' || (id - 1) / %(each)s, id,
           %(begin)s + ((id - 1) / %(each)s %% %(slots)s) * interval '10 days'
    FROM logger
    """,
    b"""
    INSERT INTO clock_pair (logger_id, logger_ms, gateway_ms, message_id)
    SELECT logger_id, ms, ms, 1
    FROM placement, LATERAL (SELECT extract(epoch FROM placed_at)::bigint * 1000) AS at (ms)
    """,
    b"""
    INSERT INTO custody_event (consignment_id, kind, happened_at, party_id)
    SELECT DISTINCT consignment_id, kind, placed_at + length, 'carrier-1'
    FROM placement,
         (VALUES ('packed', interval '0'), ('received', %(journey)s)) AS told (kind, length)
    """,
    b"INSERT INTO touched (consignment_id) SELECT id FROM consignment",
)
_COPY: Final = b"""COPY reading (channel_id, taken_at, value, flags, sequence, message_id)
FROM STDIN (FORMAT BINARY)"""


def run(*, readings: int = 20_000_000, jobs: int | None = None) -> dict[str, object]:
    """Fill a database, have every consignment judged, then ask what another profile says."""
    consignments = max(1, readings // (LOGGERS * READINGS))
    workers = jobs or len(os.sched_getaffinity(0))
    with house() as built:
        fill_seconds = _fill(built, consignments)
        judge_seconds = _judge(built, processes=workers)
        stored_mib = built.query(b"SELECT pg_database_size(current_database())") // MIB
        memory = _WorkerMemory()
        done = answer(
            Question(profile=ASKED, since=BEGIN),
            built.dsn,
            Screen(Console()),
            output=None,
            folder=built.folder / "what-if",
            jobs=workers,
        )
        peak_mib = memory.stop()
    effort = done.effort
    assert effort.consignments == consignments
    return {
        "consignments": effort.consignments,
        "readings": effort.readings,
        "database_mib": stored_mib,
        "processes": workers,
        "seconds": round(effort.seconds, 1),
        "readings_per_second": round(effort.readings / effort.seconds),
        "percent_reading_the_store": round(effort.store_percent, 1),
        "worker_seconds": {
            "reading_the_store": round(effort.store_seconds, 1),
            "judging": round(effort.judge_seconds, 1),
        },
        "worker_rss_mib": peak_mib,
        "outcomes": {outcome.name.lower(): count for outcome, count in done.told.counts.items()},
        "beforehand": {
            "filled_readings_per_second": round(effort.readings / fill_seconds),
            "judged_and_stored_readings_per_second": round(effort.readings / judge_seconds),
        },
    }


def _fill(built: House, consignments: int) -> float:
    """Seconds for the readings; the registry is there before."""
    with connect(built.dsn) as connection:
        _register(connection, consignments)
    started = time.perf_counter()
    with connect(built.dsn, "coldgate_ingest", autocommit=True) as connection:
        last = BEGIN + (SLOTS + 1) * timedelta(days=10)
        TimeTables(detect(connection)).cover(connection, "reading", BEGIN, last)
        for number in range(consignments):
            with connection.cursor().copy(_COPY) as copy:
                copy.write(_rows(number).as_copy())
    elapsed = time.perf_counter() - started
    with connect(built.dsn, autocommit=True) as connection:
        connection.execute(b"VACUUM ANALYZE reading")
    return elapsed


def _register(connection: Connection, consignments: int) -> None:
    for profile in load_builtin_profiles():
        profiles.ensure(
            connection,
            NewProfile(
                id=profile.id,
                version=profile.version,
                digest=profile.digest,
                body=profile.as_json(),
                party=None,
                valid_from=None,
                valid_until=None,
            ),
        )
    version = max(one.version for one in load_builtin_profiles() if one.id == JUDGED_BY)
    parameters = {
        "loggers": consignments * LOGGERS,
        "consignments": consignments,
        "each": LOGGERS,
        "slots": SLOTS,
        "begin": BEGIN,
        "journey": JOURNEY,
        "profile": JUDGED_BY,
        "version": version,
    }
    for statement in _REGISTRY:
        connection.execute(statement, parameters)


def _rows(number: int) -> ReadingRows:
    """The readings of one consignment, a tenth of a degree fine."""
    rng = np.random.default_rng([SEED, number])
    minute = np.arange(READINGS)
    swing = rng.uniform(300, 900) * np.sin(minute * (2 * np.pi / 1440))
    felt = 5_000 + swing + rng.normal(0, 60, (LOGGERS, READINGS))
    if number % EXCURSION_IN == EXCURSION_IN - 1:
        begin = int(rng.integers(0, READINGS - 120))
        felt[:, begin : begin + 120] = rng.uniform(8_500, 9_500)
    begin_ms = epoch_ms(BEGIN + (number % SLOTS) * timedelta(days=10))
    channels = 1 + number * LOGGERS + np.arange(LOGGERS)
    count = LOGGERS * READINGS
    return ReadingRows(
        channel_id=np.repeat(channels, READINGS).astype(np.int32),
        taken_ms=np.tile(begin_ms + minute * 60_000, LOGGERS),
        value=(np.rint(felt / 100) * 100).astype(np.int32).reshape(-1),
        flags=np.zeros(count, np.int16),
        sequence=np.tile(minute + 1, LOGGERS),
        message_id=np.ones(count, np.int64),
    )


def _judge(built: House, *, processes: int) -> float:
    """Seconds until the judge's own processes have evaluated everything."""
    started = time.perf_counter()
    judges = [built.start("analytics") for _ in range(processes)]
    empty = b"SELECT count(*) FROM touched"
    assert wait_until(lambda: built.query(empty) == 0, seconds=3_600)
    elapsed = time.perf_counter() - started
    for judge in judges:
        judge.terminate()
    return elapsed


class _WorkerMemory:
    """Resident memory of the workers, sampled while they run."""

    def __init__(self) -> None:
        self._peak: dict[int, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(0.2):
            for child in psutil.Process().children():
                with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    if any("spawn_main" in word for word in child.cmdline()):
                        rss = child.memory_info().rss
                        self._peak[child.pid] = max(rss, self._peak.get(child.pid, 0))

    def stop(self) -> list[int]:
        """MiB of each at its highest."""
        self._ended.set()
        self._thread.join()
        return sorted(rss // MIB for rss in self._peak.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--readings", type=int, default=20_000_000)
    parser.add_argument("--jobs", type=int)
    given = parser.parse_args()
    print(json.dumps(run(readings=given.readings, jobs=given.jobs), indent=2))
