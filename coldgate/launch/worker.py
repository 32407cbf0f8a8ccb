"""Processes that a story starts beside the machine: gateways and simulators, one log for all."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from coldgate.errors import LaunchError
from coldgate.launch.stream import begin, ends_within, lines_of, render_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from coldgate.launch.process import Command

GRACE_SECONDS: Final = 8.0


class Worker:
    """One running process; leaving ``async with`` ends it, however the block ended.

    Each line that it writes goes to ``write``, with its name, and to ``hear`` as it is.
    """

    def __init__(
        self,
        name: str,
        command: Command,
        *,
        write: Callable[[str], None],
        hear: Callable[[bytes], None] | None = None,
    ) -> None:
        self.name = name
        self._command = command
        self._write = write
        self._hear = hear
        self._process: asyncio.subprocess.Process | None = None
        self._telling: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Run the process; again after `kill`, with the same command."""
        self._process = await begin(self._command)
        self._telling = asyncio.create_task(self._tell(self._process))
        self._say(f"started as process {self._process.pid}")

    async def wait(self) -> int:
        """The exit status, once everything that the process wrote was heard."""
        process, telling = self._running()
        status = await process.wait()
        await telling
        return status

    async def kill(self) -> None:
        """End it by SIGKILL: it gets no chance to put anything in order."""
        process, _ = self._running()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # it leads a group of its own
        status = await self.wait()
        self._say(f"killed, status {status}")

    async def stop(self) -> None:
        """Ask it to end and wait; kill it when it does not. A no-op when it has ended."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        if await ends_within(process, GRACE_SECONDS):
            await self.wait()
        else:
            self._say("did not end in time")
            await self.kill()

    @property
    def ended(self) -> bool:
        """Whether it does not run any more."""
        return self._process is None or self._process.returncode is not None

    def _running(self) -> tuple[asyncio.subprocess.Process, asyncio.Task[None]]:
        if self._process is None or self._telling is None:
            raise LaunchError(f"{self.name} was not started")
        return self._process, self._telling

    async def _tell(self, process: asyncio.subprocess.Process) -> None:
        async for line in lines_of(process):
            self._write(render_line(self.name, line))
            if self._hear is not None:
                self._hear(line)

    def _say(self, text: str) -> None:
        self._write(render_line(self.name, text.encode()))


async def captured(command: Command) -> tuple[int, bytes, bytes]:
    """Exit status, stdout and stderr of a short command; cancelled, it is killed."""
    process = await begin(command, stderr=asyncio.subprocess.PIPE)
    try:
        stdout, stderr = await process.communicate()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return await process.wait(), stdout, stderr
