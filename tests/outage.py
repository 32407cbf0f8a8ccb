"""A database that goes away while messages keep coming, and what becomes of them."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import psutil
from factories import fetch, register_gateway, register_logger
from ingest_world import Sender, make_ingest

from coldgate.launch.postgres import EmbeddedPostgres, PostgresSettings
from coldgate.storage.migrate import migrate
from firmware_sim.load import LoadPlan, signed_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MIB: Final = 1024**2
LOOK_SECONDS: Final = 0.1
CATCH_UP_SECONDS: Final = 180.0
CARELESS: Final = {"synchronous_commit": "off"}  # a server that forgets commits when it is killed
STORED: Final = """
SELECT (SELECT count(*) FROM reading), (SELECT count(*) FROM message),
       (SELECT count(*) FROM conflict), (SELECT count(*) FROM quarantine),
       (SELECT string_agg(received::text, ' ') FROM stream)
"""


@dataclass(frozen=True, kw_only=True)
class Outage:
    """How long the database is away, how that comes, and what is sent meanwhile."""

    seconds: float
    messages: int
    frozen: bool = False  # it takes connections and never answers, else it is killed
    message_blocks: int = 1
    block_readings: int = 100
    queue_bytes: int = MIB

    def plan(self, gateway: str) -> LoadPlan:
        return LoadPlan(
            gateway=gateway,
            loggers=8,
            messages=self.messages,
            block_readings=self.block_readings,
            message_blocks=self.message_blocks,
        )

    @property
    def expected(self) -> tuple[object, ...]:
        """What is stored when nothing was lost and nothing counted twice."""
        readings = self.messages * self.message_blocks * self.block_readings
        return readings, self.messages, 0, 0, f"{{[1,{self.messages + 1})}}"


@dataclass(frozen=True, kw_only=True)
class Aftermath:
    """What is stored in the end, and the most memory that ingest took on the way."""

    stored: tuple[object, ...]
    sent_meanwhile: int
    peak_rss_mib: float


def suffer(outage: Outage, broker: Any, folder: Path) -> Aftermath:
    """Send through the outage; the last tenth comes when the database is back."""
    server = EmbeddedPostgres(PostgresSettings(folder=folder, settings=CARELESS))
    server.start()
    try:
        migrate(server.dsn)
        gateway = register_gateway(server.dsn, f"gw-{uuid4().hex[:8]}")
        plan = outage.plan(gateway.name)
        for serial in plan.serials:
            register_logger(server.dsn, serial)
        messages = signed_messages(plan, key=gateway.key)
        ingest = make_ingest(
            broker, server.dsn, COLDGATE_INGEST_QUEUE_BYTES=str(outage.queue_bytes)
        )
        with ingest.running() as process, watched(process.pid) as peak:
            sender = Sender(broker, gateway)
            begun = outage.messages // 10
            _send(sender, messages, begun, seconds=0)
            assert sender.acknowledged(begun)
            bring_back = freeze(server) if outage.frozen else kill(server)
            _send(sender, messages, outage.messages - 2 * begun, seconds=outage.seconds)
            upto_when_back = sender.upto
            bring_back()
            _send(sender, messages, begun, seconds=0)
            assert sender.acknowledged(outage.messages, seconds=CATCH_UP_SECONDS)
            sender.close()
        assert upto_when_back == begun
        stored = tuple(fetch(server.dsn, STORED)[0])
        sent = outage.messages - 2 * begun
        return Aftermath(stored=stored, sent_meanwhile=sent, peak_rss_mib=max(peak) / MIB)
    finally:
        server.stop()


def _send(sender: Sender, messages: Iterator[bytes], count: int, *, seconds: float) -> None:
    """Publish ``count`` messages, evenly over ``seconds``."""
    begun = time.monotonic()
    for number in range(count):
        sender.publish(next(messages))
        ahead = number / count * seconds - (time.monotonic() - begun)
        time.sleep(max(ahead, 0))


def kill(server: EmbeddedPostgres) -> Callable[[], None]:
    """End the database as a crash does; the answer starts it again."""
    os.kill(server.pid, signal.SIGKILL)
    return server.start


def freeze(server: EmbeddedPostgres) -> Callable[[], None]:
    """Stop the database and all its sessions in their tracks; the answer lets them go on."""
    postmaster = psutil.Process(server.pid)
    everybody = [postmaster, *postmaster.children(recursive=True)]
    for process in everybody:
        process.suspend()

    def thaw() -> None:
        for process in everybody:
            process.resume()

    return thaw


@contextmanager
def watched(pid: int) -> Iterator[list[int]]:
    """Resident bytes of a process, looked at all the time."""
    process, seen, stop = psutil.Process(pid), [0], threading.Event()

    def look() -> None:
        while not stop.wait(LOOK_SECONDS):
            seen.append(process.memory_info().rss)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()
