"""Keeps a row of processes running: starts them in order, restarts what ends, stops in reverse."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from coldgate.errors import LaunchError
from coldgate.launch.health import ChildReport, State, serve_health
from coldgate.launch.server import START_SECONDS, EmbeddedServer
from coldgate.launch.stream import begin, ends_within, is_banner, lines_of, render_line
from coldgate.launch.tether import EXIT_NOT_STARTED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from coldgate.launch.process import Command

READY_POLL_SECONDS: Final = 0.05
SETTLE_SECONDS: Final = 0.3


def nothing() -> None:
    """For a child that needs nothing done before it starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One process to keep; ``ready`` is asked until True, ``before`` runs ahead of each start.

    Without ``ready`` it counts as up when it has not ended after ``SETTLE_SECONDS``.
    ``once``: it has to end with status 0 before the next child starts, and is not run again.
    Both functions may block; they run in threads.
    """

    name: str
    command: Command
    ready: Callable[[], bool] | None = None
    before: Callable[[], None] = nothing
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 10.0
    once: bool = False

    @classmethod
    def of(cls, server: EmbeddedServer, *, grace_seconds: float = 30.0) -> Child:
        """An embedded server, already prepared, as a child; its owner releases it afterwards."""
        return cls(
            name=server.name,
            command=server.command(),
            ready=server.ready,
            before=server.clear_left_overs,
            stop_signal=server.stop_signal,
            grace_seconds=grace_seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait: doubling from ``first`` to ``longest``, from the start after ``stable``."""

    first_seconds: float = 0.25
    longest_seconds: float = 30.0
    stable_seconds: float = 60.0
    start_seconds: float = START_SECONDS

    def delay_seconds(self, failures: int, *, chance: float) -> float:
        """The wait after that many failures in a row; ``chance`` in [0, 1) keeps children apart."""
        doubled = self.first_seconds * 2.0 ** min(failures - 1, 32)
        return min(self.longest_seconds, doubled) * (0.5 + chance / 2)


class Supervisor:
    """Runs the children until ``request_stop``, Ctrl-C or SIGTERM; use it from the main thread.

    ``write`` takes each line of the one log stream. Children end with this process, even when it
    is killed: the main thread forks them, and the kernel watches it.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        write: Callable[[str], None],
        health_port: int,
        patience: Patience | None = None,
    ) -> None:
        width = max((len(child.name) for child in children), default=0)
        self._keepers = [
            _Keeper(child, lambda name, raw: write(render_line(name, raw, width=width)), patience)
            for child in children
        ]
        self._health_port = health_port
        self._stopping = asyncio.Event()

    def request_stop(self) -> None:
        """Make ``run`` stop all children and return."""
        self._stopping.set()

    async def wait_for_request(self) -> None:
        """Return when somebody wants it to stop; the children may still run."""
        await self._stopping.wait()

    def report(self) -> list[ChildReport]:
        """Every child as it is at this moment, in order of start."""
        return [keeper.report for keeper in self._keepers]

    async def run(self, *, started: Callable[[], None] = nothing) -> None:
        """Start all, call ``started``, keep them running, and stop all in reverse at the end.

        Raises:
            LaunchError: a child could not be started the first time; all others are stopped.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.request_stop)
        health = await serve_health(self.report, port=self._health_port)
        try:
            await self._start_all()
            if not self._stopping.is_set():
                started()
            await self._stopping.wait()
        finally:
            for keeper in reversed(self._keepers):
                await keeper.stop()
            health.close()
            await health.wait_closed()

    async def _start_all(self) -> None:
        stopping = asyncio.create_task(self._stopping.wait())
        for keeper in self._keepers:
            starting = asyncio.create_task(keeper.start())
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if stopping.done():
                starting.cancel()
                return
            await starting
        stopping.cancel()


class _Keeper:
    """The life of one child."""

    def __init__(
        self, child: Child, write: Callable[[str, bytes], None], patience: Patience | None
    ) -> None:
        self._child = child
        self._write = write
        self._patience = patience or Patience()
        self._process: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._up = asyncio.Event()
        self._restarts = 0
        self._failures = 0
        self._state = State.WAITING
        self._since = datetime.now(UTC)

    @property
    def report(self) -> ChildReport:
        """The child as it is now."""
        running = self._process is not None and self._process.returncode is None
        return ChildReport(
            name=self._child.name,
            state=self._state,
            pid=self._process.pid if self._process is not None and running else None,
            restarts=self._restarts,
            since=self._since,
        )

    async def start(self) -> None:
        """Begin to keep the child; returns when it is ready, or finished if it runs once."""
        self._keeping = asyncio.create_task(self._once() if self._child.once else self._keep())
        up = asyncio.create_task(self._up.wait())
        await asyncio.wait(
            {self._keeping, up},
            timeout=None if self._child.once else self._patience.start_seconds,
            return_when=asyncio.FIRST_COMPLETED,
        )
        up.cancel()
        if self._keeping.done():
            await self._keeping  # raises what went wrong
        elif not self._up.is_set():
            raise LaunchError(
                f"{self._child.name} was not ready within {self._patience.start_seconds:g} s; "
                "its lines above say why"
            )

    async def stop(self) -> None:
        """End the child and wait for it; a no-op for one that was never started."""
        if self._keeping is None:
            return
        self._keeping.cancel()
        await asyncio.gather(self._keeping, return_exceptions=True)
        if self._state is not State.FINISHED:
            self._enter(State.STOPPED)

    async def _once(self) -> None:
        status = await self._run()
        if status != 0:
            raise LaunchError(f"{self._child.name} failed with status {status}")
        self._enter(State.FINISHED)
        self._up.set()

    async def _keep(self) -> None:
        while True:
            began = time.monotonic()
            status = await self._run()
            if status == EXIT_NOT_STARTED and not self._up.is_set():
                raise LaunchError(f"{self._child.name} cannot be run; its line above says why")
            stable = time.monotonic() - began >= self._patience.stable_seconds
            self._failures = 1 if stable else self._failures + 1
            self._enter(State.RESTARTING)
            self._restarts += 1
            delay = self._patience.delay_seconds(self._failures, chance=random.random())  # noqa: S311 - spreads restarts, no secret
            self._say(f"ended with status {status}; starting again in {delay:.1f} s")
            await asyncio.sleep(delay)

    async def _run(self) -> int | None:
        """One life of the process, from ``before`` to its end; its status, None if none began."""
        self._enter(State.STARTING)
        try:
            await asyncio.to_thread(self._child.before)
            process = await begin(self._child.command)
        except (LaunchError, OSError) as error:
            self._say(str(error))
            return None
        self._process = process
        telling = asyncio.create_task(self._tell(process))
        watching = asyncio.create_task(self._watch())
        try:
            return await process.wait()
        finally:
            watching.cancel()
            await self._end(process)
            await telling

    async def _watch(self) -> None:
        if self._child.once:
            return
        ready = self._child.ready
        while True:
            await asyncio.sleep(READY_POLL_SECONDS if ready else SETTLE_SECONDS)
            if ready is None or await asyncio.to_thread(ready):
                break
        self._enter(State.UP)
        self._up.set()

    async def _tell(self, process: asyncio.subprocess.Process) -> None:
        async for line in lines_of(process):
            if not is_banner(line):
                self._write(self._child.name, line)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """Ask, wait, then kill what is left of the child's process group."""
        if process.returncode is None:
            process.send_signal(self._child.stop_signal)
            if not await ends_within(process, self._child.grace_seconds):
                self._say("did not end in time; killed")
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # grandchildren too; it led a group of its own
        await process.wait()

    def _enter(self, state: State) -> None:
        self._state = state
        self._since = datetime.now(UTC)

    def _say(self, text: str) -> None:
        self._write(self._child.name, f"supervisor: {text}".encode())
