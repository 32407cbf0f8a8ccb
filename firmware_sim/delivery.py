"""Plays a fleet's journey in accelerated time and delivers its readings to a gateway."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from coldgate.instant import from_epoch_ms
from firmware_sim.link import Refused, Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from firmware_sim.fleet import Fleet
    from firmware_sim.link import GatewayLink

    Report = Callable[[Mapping[str, object]], None]

_TICK_SECONDS: Final = 0.05
_REPORT_SECONDS: Final = 1.0
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """How to deliver: ``factor`` simulated seconds to a second on the wall.

    ``patience_seconds`` is how long the gateway may confirm nothing, in wall time, before the run
    gives up. ``cut_link`` says whether the scenario's outage is played here, by withholding, or
    by somebody else, between gateway and server.
    """

    factor: float
    patience_seconds: float
    block_readings: int
    cut_link: bool = True
    send_clock: bool = False


class SimulatedClock:
    """Runs ``factor`` times as fast as the wall's, from ``begin_ms``."""

    def __init__(self, begin_ms: int, factor: float) -> None:
        self._begin_ms = begin_ms
        self._factor = factor
        self._started = time.monotonic()

    def now_ms(self) -> int:
        """Simulated time, in ms since 1970 UTC."""
        return self._begin_ms + round((time.monotonic() - self._started) * self._factor * 1000.0)


@dataclass(slots=True)
class _Pauses:
    """When to try again after a failure: each pause is twice the last one, up to two seconds."""

    next_seconds: float = _FIRST_PAUSE_SECONDS
    until: float = 0.0

    @property
    def over(self) -> bool:
        return time.monotonic() >= self.until

    def failed(self) -> None:
        self.until = time.monotonic() + self.next_seconds
        self.next_seconds = min(2.0 * self.next_seconds, _LONGEST_PAUSE_SECONDS)

    def succeeded(self) -> None:
        self.next_seconds = _FIRST_PAUSE_SECONDS


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One run of ``fleet`` against ``link``; ``report`` gets progress as plain JSON objects."""

    fleet: Fleet
    link: GatewayLink
    conduct: Conduct
    report: Report
    _pauses: _Pauses = field(default_factory=_Pauses)
    _in_outage: bool = False
    _reported_at: float = 0.0
    _progress_at: float = field(default_factory=time.monotonic)

    async def run(self) -> bool:
        """Play the whole journey; True when every reading of it was confirmed."""
        clock = SimulatedClock(self.fleet.simulation.journey.begin_ms, self.conduct.factor)
        self._progress_at = time.monotonic()
        while not self.fleet.finished and not self._out_of_patience():
            now_ms = clock.now_ms()
            self.fleet.advance(now_ms)
            self._watch_link(now_ms)
            self._report_progress(now_ms)
            if not await self._deliver(now_ms):
                await asyncio.sleep(_TICK_SECONDS)
        complete = self.fleet.confirmed == self.fleet.expected
        self.report({"event": "done", "complete": complete, **self._counts()})
        return complete

    async def _deliver(self, now_ms: int) -> bool:
        """Offer the oldest readings of each logger once; True when more is worth sending now."""
        blocks = self.fleet.blocks(self.conduct.block_readings)
        if not blocks or self._withholding or not self._pauses.over:
            return False
        clock_ms = self._clock_ms(now_ms) if self.conduct.send_clock else None
        try:
            replies = await self.link.exchange(blocks, clock_ms=clock_ms)
        except OSError as error:
            self._failed("GATEWAY_UNREACHABLE", str(error) or type(error).__name__)
            return False
        for reply in replies:
            if isinstance(reply, Stored):
                self.fleet.confirm(reply.serial, reply.upto_sequence)
                self._progress_at = time.monotonic()
        refused = next((reply for reply in replies if isinstance(reply, Refused)), None)
        if refused is not None:
            self._failed(refused.code, refused.problem)
            return False
        self._pauses.succeeded()
        return self.fleet.pending > 0

    def _clock_ms(self, now_ms: int) -> int:
        return int(self.fleet.clock.shows(np.array([now_ms]))[0])

    def _failed(self, code: str, problem: str) -> None:
        """Say so and wait: the loggers keep what was not confirmed."""
        self._pauses.failed()
        self.report({"event": "not_confirmed", "code": code, "problem": problem})

    @property
    def _withholding(self) -> bool:
        return self._in_outage and self.conduct.cut_link

    def _watch_link(self, now_ms: int) -> None:
        """Follow the scenario's outage, and say when the link goes down or comes back."""
        simulation = self.fleet.simulation
        outage = simulation.scenario.outage
        down = outage is not None and outage.covers(simulation.journey, now_ms)
        if down != self._in_outage:
            self._in_outage = down
            facts = {"up": not down, "simulated": _iso(now_ms)}
            self.report({"event": "link", **facts, **self._counts()})

    def _out_of_patience(self) -> bool:
        """Whether readings wait for a gateway that has confirmed none for too long."""
        if self._withholding or not self.fleet.pending:
            self._progress_at = time.monotonic()
        return time.monotonic() - self._progress_at > self.conduct.patience_seconds

    def _report_progress(self, now_ms: int) -> None:
        if time.monotonic() - self._reported_at < _REPORT_SECONDS:
            return
        self._reported_at = time.monotonic()
        self.report({"event": "progress", "simulated": _iso(now_ms), **self._counts()})

    def _counts(self) -> dict[str, object]:
        fleet = self.fleet
        return {
            "expected": fleet.expected,
            "taken": fleet.taken,
            "confirmed": fleet.confirmed,
            "pending": fleet.pending,
            "lost": fleet.lost,
        }


def _iso(ms: int) -> str:
    """ISO 8601 in UTC, to the second."""
    return from_epoch_ms(ms).strftime("%Y-%m-%dT%H:%M:%SZ")
