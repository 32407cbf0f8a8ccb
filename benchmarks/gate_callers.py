"""Callers of the gate, each with a connection, in processes of their own."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import uvloop

if TYPE_CHECKING:
    from multiprocessing.connection import Connection as Pipe

PROCESSES: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is asked of the gate; ``pace`` in requests a second over all, None as fast as it can."""

    port: int
    key: str
    consignments: tuple[str, ...]
    callers: int
    seconds: float
    pace: float | None = None
    purpose: str = "receipt_release"


@dataclass(frozen=True, slots=True)
class Heard:
    """How long each answer took, in ms, how many were permits, and how long it went on."""

    waits_ms: list[float]
    permits: int
    seconds: float


def call(load: Load) -> Heard:
    """Put the load on the gate from several processes and gather what they heard."""
    context = multiprocessing.get_context("spawn")
    begin_at = time.time() + 2.0  # by then they have all begun
    pipes, processes = [], []
    for number in range(PROCESSES):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_process, args=(theirs, load, number, begin_at))
        process.start()
        pipes.append(ours)
        processes.append(process)
    heard: list[Heard] = [pipe.recv() for pipe in pipes]
    for process in processes:
        process.join()
    return Heard(
        [wait for one in heard for wait in one.waits_ms],
        sum(one.permits for one in heard),
        max(one.seconds for one in heard),
    )


def _process(pipe: Pipe, load: Load, number: int, begin_at: float) -> None:
    pipe.send(uvloop.run(_all(load, number, begin_at)))


async def _all(load: Load, number: int, begin_at: float) -> Heard:
    own = range(number, load.callers, PROCESSES)
    callers = [_Caller(load, caller) for caller in own]
    await asyncio.gather(*(caller.connect() for caller in callers))
    await asyncio.sleep(max(0.0, begin_at - time.time()))
    began = time.perf_counter()
    await asyncio.gather(*(caller.run(began) for caller in callers))
    seconds = time.perf_counter() - began
    waits = [wait for caller in callers for wait in caller.waits_ms]
    return Heard(waits, sum(caller.permits for caller in callers), seconds)


class _Caller:
    """One connection that is kept open."""

    def __init__(self, load: Load, number: int) -> None:
        self.waits_ms: list[float] = []
        self.permits = 0
        self._load = load
        self._number = number

    async def connect(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._load.port)

    async def run(self, began: float) -> None:
        """Ask until the time is over; at a pace the wait counts from when it was due."""
        load, turn = self._load, 0
        while True:
            now = time.perf_counter() - began
            due = now if load.pace is None else (turn * load.callers + self._number) / load.pace
            if due >= load.seconds:
                break
            await asyncio.sleep(max(0.0, due - now))
            await self._ask(load.consignments[(self._number + turn) % len(load.consignments)])
            self.waits_ms.append((time.perf_counter() - began - due) * 1000)
            turn += 1
        self._writer.close()

    async def _ask(self, consignment: str) -> None:
        body = json.dumps({"consignment": consignment, "purpose": self._load.purpose}).encode()
        key = f"{self._number}-{time.time_ns()}"
        head = (
            "POST /v1/gate/decisions HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {self._load.key}\r\nIdempotency-Key: {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        fields = dict(
            line.split(b": ", 1) for line in answer.lower().split(b"\r\n")[1:] if b": " in line
        )
        content = await self._reader.readexactly(int(fields[b"content-length"]))
        assert answer.startswith(b"HTTP/1.1 200"), content[:500]
        self.permits += b'"answer":"permit"' in content
