"""The outbox for coroutines: one thread does its disk work, and waiting stores share one commit."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final, Self, TypeVar

from coldgate.errors import ColdgateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.blocks import Arrival
    from gateway.outbox import Outbox, Stored

T = TypeVar("T")
_GROUP: Final = 500  # blocks in one commit


def now_ms() -> int:
    """The gateway's clock, ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


class Clerk:
    """Serialises all use of one outbox; leaving the context finishes what was begun."""

    def __init__(self, outbox: Outbox) -> None:
        self.changed = asyncio.Event()  # something was stored or acknowledged; the uplink clears it
        self.empty = asyncio.Event()  # the server has acknowledged everything
        self._outbox = outbox
        self._look()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outbox")
        self._waiting: list[tuple[Arrival, asyncio.Future[Stored]]] = []
        self._committing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._committing is not None:
            await self._committing
        self._thread.shutdown(wait=True)
        self._outbox.close()

    @property
    def readings(self) -> int:
        """Readings in the outbox that the server has not acknowledged."""
        return self._outbox.readings

    async def store(self, arrival: Arrival) -> Stored:
        """Return once the block is on disk; `OutboxFullError` if there is no room for it.

        Blocks that arrive while a commit is under way share the next one.
        """
        stored: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrival, stored))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit_waiting())
        return await stored

    async def call(self, work: Callable[[Outbox], T]) -> T:
        """Result of ``work`` on the outbox, run in its thread."""
        loop = asyncio.get_running_loop()
        result = await loop.run_in_executor(self._thread, work, self._outbox)
        self._look()
        return result

    def _look(self) -> None:
        if self._outbox.readings == 0:
            self.empty.set()
        else:
            self.empty.clear()

    async def _commit_waiting(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:_GROUP], self._waiting[_GROUP:]
            outcome = await self._commit([arrival for arrival, _ in group])
            for position, (_, answer) in enumerate(group):
                if answer.done():  # the logger has gone away meanwhile
                    continue
                if isinstance(outcome, Exception):
                    answer.set_exception(outcome)
                else:
                    answer.set_result(outcome[position])
            self.changed.set()

    async def _commit(self, arrivals: list[Arrival]) -> tuple[Stored, ...] | Exception:
        try:
            return await self.call(partial(_store, arrivals=arrivals))
        except (ColdgateError, sqlite3.Error) as error:
            return error


def _store(outbox: Outbox, *, arrivals: list[Arrival]) -> tuple[Stored, ...]:
    return outbox.store(arrivals, now_ms=now_ms())
