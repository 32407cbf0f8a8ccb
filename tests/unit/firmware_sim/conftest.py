"""A gateway's local source in small: a real TCP server that keeps what it confirmed."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import pytest

from coldgate.wire import block_from_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from coldgate.model import Block
    from firmware_sim.simulation import Simulation

from firmware_sim import scenario
from firmware_sim import simulation as simulations

HOUR_MS = 3_600_000
BEGIN_MS = 1_760_000_000_000


@dataclass
class LittleGateway:
    """Stores blocks in memory; ``moods`` says what to do with the first requests, one each.

    A mood is ``hang up`` (stored, but not confirmed), ``refuse`` or ``babble``; then all is well.
    """

    moods: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    requests: list[dict[str, object]] = field(default_factory=list)
    port: int = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    def readings(self) -> dict[tuple[str, int], tuple[int, ...]]:
        """Stamp and values by (serial, sequence number), each reading once."""
        return {
            (block.serial, block.first_sequence + i): (
                block.base_ms + int(block.offsets_ms[i]),
                *(int(series.values[i]) for series in block.series),
            )
            for block in self.blocks
            for i in range(block.count)
        }

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            reply = self._answer(json.loads(line))
            if reply is None:
                break
            writer.write(reply + b"\n")
        writer.close()

    def _answer(self, request: dict[str, object]) -> bytes | None:
        mood = self.moods.pop(0) if self.moods else "well"
        if mood == "refuse":
            return b'{"refused": {"code": "OUTBOX_FULL", "problem": "retry later"}}'
        if mood == "babble":
            return b"hello"
        self.requests.append(request)
        block = block_from_json({k: v for k, v in request.items() if k != "clock_ms"})
        self.blocks.append(block)
        upto = block.first_sequence + block.count - 1
        stored = {"stored": {"serial": block.serial, "upto_sequence": upto}}
        return None if mood == "hang up" else json.dumps(stored).encode()


@pytest.fixture
def little_gateway() -> Callable[..., LittleGateway]:
    return LittleGateway


@pytest.fixture
def simulate() -> Callable[..., Simulation]:
    """Factory: a simulation of ``name`` over ``hours`` with ``loggers`` loggers."""

    def create(
        name: str = "clean", *, hours: float = 12.0, loggers: int = 2, seed: int = 7
    ) -> Simulation:
        return simulations.Simulation.create(
            scenario.scenario_named(name),
            scenario.Journey(begin_ms=BEGIN_MS, end_ms=BEGIN_MS + round(hours * HOUR_MS)),
            seed=seed,
            serials=simulations.serial_numbers("SIM", loggers),
        )

    return create
