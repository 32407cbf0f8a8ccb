"""From PUBLISH to COMMIT: broker, ingest and database together, beside a bare COPY of the rows."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.house import House, house, metric
from benchmarks.publisher import Publisher
from coldgate.launch.process import wait_until
from coldgate.storage.bulk import ReadingRows
from coldgate.storage.connection import connect
from coldgate.storage.timescale import TimeTables, detect
from firmware_sim.load import LoadPlan, signed_messages

if TYPE_CHECKING:
    import psutil

LOGGERS = 1_000
COPY_BATCH = 20_000
WARM_UP = 50  # messages before the clock starts
AHEAD = 800_000  # readings that may wait in the broker
BEGIN_MS = 1_780_272_000_000  # 2026-06-01


def run(*, seconds: float = 60.0) -> dict[str, object]:
    """Both message sizes; rates in readings/s, each with the bare COPY of the same run."""
    return {
        f"messages_of_{size}": _sustained(size, expected_rate=rate, seconds=seconds)
        for size, rate in ((100, 400_000), (1_000, 800_000))
    }


def _sustained(size: int, *, expected_rate: int, seconds: float) -> dict[str, object]:
    with house() as built:
        plan = LoadPlan(
            gateway="gw-load",
            loggers=LOGGERS,
            messages=int(expected_rate * seconds / size),
            block_readings=size,
            begin_ms=BEGIN_MS,
        )
        key = built.register(plan.gateway, plan.serials)
        payloads = list(signed_messages(plan, key=key))
        ingest, port = built.start_ingest()
        publisher = Publisher(built.broker.host, built.broker.port, plan.gateway)
        publisher.publish_all(payloads[:WARM_UP])
        _committed(built, WARM_UP)
        memory = _MemoryWatch(ingest)
        before = _cpu(built, ingest)
        started = time.perf_counter()
        sent = _publish_for(
            built, publisher, payloads[WARM_UP:], ahead=AHEAD // size, seconds=seconds
        )
        _committed(built, WARM_UP + sent)
        elapsed = time.perf_counter() - started
        after = _cpu(built, ingest)
        publisher.close()
        peak_mib = memory.stop()
        copy_rate = _bare_copy(built, rows=min(sent * size, 3_000_000))
        return {
            "readings_per_second": round(sent * size / elapsed),
            "seconds": round(elapsed, 1),
            "readings": sent * size,
            "copy_readings_per_second": round(copy_rate),
            "ratio_to_copy": round(sent * size / elapsed / copy_rate, 2),
            "cpu_seconds": {name: round(after[name] - before[name], 1) for name in after},
            "ingest_stage_seconds": {
                stage: round(
                    metric(port, f'coldgate_ingest_stage_seconds_total{{stage="{stage}"}}'), 1
                )
                for stage in ("decode", "rows", "write")
            },
            "ingest_rss_mib": peak_mib,
        }


def _publish_for(
    built: House, publisher: Publisher, payloads: list[bytes], *, ahead: int, seconds: float
) -> int:
    """Publish until the time is over, ``ahead`` of the commits at most; how many were sent."""
    deadline = time.perf_counter() + seconds
    sent = 0
    while time.perf_counter() < deadline:
        chunk = payloads[sent : sent + ahead // 2]
        assert chunk, "the load ran out before the time: raise the expected rate"
        publisher.publish_all(chunk)
        sent += len(chunk)
        _committed(built, WARM_UP + sent - ahead // 2)
    return sent


def _committed(built: House, number: int) -> None:
    """Wait until all messages up to ``number`` are committed."""
    statement = b"SELECT coalesce(max(upper(received)) - 1, 0) FROM stream"
    assert wait_until(lambda: built.query(statement) >= number, seconds=300)


def _cpu(built: House, ingest: psutil.Process) -> dict[str, float]:
    return {
        "broker": built.cpu_seconds(built.broker.pid),
        "ingest": built.cpu_seconds(ingest.pid),
        "database": built.cpu_seconds(built.postgres.pid),
        "publisher": time.process_time(),
    }


class _MemoryWatch:
    """Resident memory of a process, sampled while a load runs."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._samples: list[int] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(0.5):
            self._samples.append(self._process.memory_info().rss)

    def stop(self) -> dict[str, int]:
        """MiB after a quarter of the time, at its end, and at the highest."""
        self._ended.set()
        self._thread.join()
        mib = [sample // 2**20 for sample in self._samples] or [0]
        return {"quarter": mib[len(mib) // 4], "end": mib[-1], "peak": max(mib)}


def _bare_copy(built: House, *, rows: int) -> float:
    """Readings/s of binary COPY alone into the same table, one client, commit every batch."""
    rates = []
    with connect(built.dsn, "coldgate_ingest", autocommit=True) as connection:
        TimeTables(detect(connection)).cover_ahead(connection, datetime.now(UTC))
        for batch in range(rows // COPY_BATCH):
            body = _rows(batch).as_copy()
            started = time.perf_counter()
            with connection.transaction(), connection.cursor().copy(_COPY) as copy:
                copy.write(body)
            rates.append(COPY_BATCH / (time.perf_counter() - started))
    return float(np.median(rates))


_COPY = b"""COPY reading (channel_id, taken_at, value, flags, sequence, message_id)
FROM STDIN (FORMAT BINARY)"""


def _rows(batch: int) -> ReadingRows:
    """The batch as ingest would write it: 200 channels of 100 readings, channels of their own."""
    channel, step = np.divmod(np.arange(COPY_BATCH, dtype=np.int64), 100)
    turn, first = divmod(batch * 200, LOGGERS)
    return ReadingRows(
        channel_id=(10_000 + (first + channel) % LOGGERS).astype(np.int32),
        taken_ms=BEGIN_MS + (turn * 100 + step) * 1_000,
        value=np.full(COPY_BATCH, 5_000, np.int32),
        flags=np.zeros(COPY_BATCH, np.int16),
        sequence=turn * 100 + step,
        message_id=np.full(COPY_BATCH, batch, np.int64),
    )
