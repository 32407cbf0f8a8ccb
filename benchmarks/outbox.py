"""The gateway's outbox: durable stores a second, and a backlog of a million readings drained."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coldgate import crypto, wire
from coldgate.model import Acknowledgement, Block, Message, Quantity, Series
from gateway.blocks import Arrival
from gateway.capacity import Capacity
from gateway.outbox import Outbox, Packing

BATCH = 10
BACKLOG = 1_000_000
LOGGERS = 50
NOW_MS = 1_780_272_000_000
ROOT = Path(__file__).resolve().parents[1]


def run() -> dict[str, object]:
    """Readings/s stored and drained, the physical floor of the disk, and memory in MiB."""
    folder = Path(tempfile.mkdtemp(prefix=".bench-outbox-", dir=ROOT))  # the disk, not a ramdisk
    try:
        outbox = Outbox(folder / "outbox.sqlite3", gateway="gw-0001", capacity=Capacity())
        return {
            "fsyncs_per_second": round(_fsyncs(folder)),
            "stored_per_second_in_batches_of_10": round(_store_singly(outbox)),
            "stored_per_second_in_groups_of_200_batches": round(_fill(outbox)),
            **_drain(outbox),
        }
    finally:
        shutil.rmtree(folder)


def _fsyncs(folder: Path) -> float:
    """What the disk allows at most, one small write each."""
    with (folder / "probe").open("wb", buffering=0) as file:
        import os  # noqa: PLC0415

        started = time.perf_counter()
        for _ in range(500):
            file.write(b"\0" * 4096)
            os.fsync(file.fileno())
        return 500 / (time.perf_counter() - started)


def _store_singly(outbox: Outbox) -> float:
    """Each batch of ten readings is confirmed before the next one comes."""
    batches = 1_000
    started = time.perf_counter()
    for number in range(batches):
        outbox.store([_arrival(number)], now_ms=NOW_MS)
    return batches * BATCH / (time.perf_counter() - started)


def _fill(outbox: Outbox) -> float:
    """As many loggers that speak at once are stored: 200 batches in one commit."""
    begin = outbox.readings // BATCH
    started = time.perf_counter()
    for group in range(begin, BACKLOG // BATCH, 200):
        outbox.store([_arrival(number) for number in range(group, group + 200)], now_ms=NOW_MS)
    return (outbox.readings - begin * BATCH) / (time.perf_counter() - started)


def _drain(outbox: Outbox) -> dict[str, object]:
    """Pack, sign, read and acknowledge until nothing is left."""
    key = Ed25519PrivateKey.generate()

    def seal(message: Message) -> bytes:
        return crypto.sign(wire.encode_message(message), key=key, key_id="gw-0001")

    process = psutil.Process()
    before = process.memory_info().rss
    peak, total, last = before, outbox.readings, 0
    started = time.perf_counter()
    while outbox.readings:
        outbox.pack(seal, now_ms=NOW_MS, packing=Packing(), flush=True)
        while found := outbox.next_message(last):
            last = found[0]
        outbox.acknowledge(Acknowledgement(stream=outbox.stream, upto=last), now_ms=NOW_MS)
        peak = max(peak, process.memory_info().rss)
    return {
        "drained_readings": total,
        "drained_per_second": round(total / (time.perf_counter() - started)),
        "memory_grown_mib": (peak - before) // 2**20,
    }


def _arrival(number: int) -> Arrival:
    logger, turn = number % LOGGERS, number // LOGGERS
    series = Series(
        quantity=Quantity.TEMPERATURE,
        sensor=0,
        exponent=-2,
        values=np.arange(500, 500 + BATCH, dtype=np.int16),
    )
    block = Block(
        serial=f"L{logger:03}",
        first_sequence=turn * BATCH + 1,
        base_ms=NOW_MS + turn * BATCH * 1_000,
        offsets_ms=np.arange(BATCH, dtype=np.uint32) * 1_000,
        series=(series,),
    )
    return Arrival(block=block, numbered=True)
