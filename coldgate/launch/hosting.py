"""Runs a whole machine for as long as something is done with it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

from coldgate.launch.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from coldgate.launch.machine import Machine

Result = TypeVar("Result")


class LogFile:
    """Takes lines of many processes into one file, each at once, with the time of this one."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = path.open("a", encoding="utf-8", buffering=1)

    def write(self, line: str) -> None:
        """Append one line."""
        self._stream.write(f"{time.strftime('%H:%M:%S')} {line}\n")

    def close(self) -> None:
        """Take no more lines."""
        self._stream.close()


async def run_beside(
    machine: Machine,
    act: Callable[[], Coroutine[None, None, Result]],
    *,
    write: Callable[[str], None],
) -> Result | None:
    """What ``act`` returns, done while the prepared machine runs; None when Ctrl-C came first.

    The machine is stopped at the end, and ``act`` is cancelled when the machine is told to stop.

    Raises:
        LaunchError: a process could not be started; nothing is left running.
    """
    supervisor = Supervisor(machine.children(), write=write, health_port=machine.health_port)
    started = asyncio.Event()
    serving = asyncio.create_task(supervisor.run(started=started.set))
    acting = asyncio.create_task(_after(started, act))
    stopping = asyncio.create_task(supervisor.wait_for_request())
    try:
        await asyncio.wait({serving, acting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        acting.cancel()  # before it sees the machine go; a no-op for what is done
        stopping.cancel()
        await asyncio.wait({acting, stopping})
        supervisor.request_stop()
        await serving
    return None if acting.cancelled() else acting.result()


async def _after(
    started: asyncio.Event, act: Callable[[], Coroutine[None, None, Result]]
) -> Result:
    await started.wait()
    return await act()
