"""A link that can really be cut: relays TCP connections until told not to."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from coldgate.launch.folder import LOOPBACK

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import Coroutine

CHUNK_BYTES: Final = 64 * 1024


class Cable:
    """Listens on a free ``port`` of loopback and relays to ``host:port`` while it is whole."""

    def __init__(self, host: str, port: int) -> None:
        self.port = 0
        self._target = (host, port)
        self._whole = True
        self._server: asyncio.Server | None = None
        self._relays: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        await self.cut()

    async def cut(self) -> None:
        """Drop every connection, and every new one until `mend`; bytes under way are lost."""
        self._whole = False
        for relay in self._relays:
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    def mend(self) -> None:
        """Relay again."""
        self._whole = True

    async def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        relay = asyncio.create_task(self._relay(reader, writer))
        self._relays.add(relay)
        relay.add_done_callback(self._relays.discard)

    async def _relay(self, reader: StreamReader, writer: StreamWriter) -> None:
        ends = [writer]
        try:
            if self._whole:
                far_reader, far_writer = await asyncio.open_connection(*self._target)
                ends.append(far_writer)
                await _first_of(_pump(reader, far_writer), _pump(far_reader, writer))
        except OSError:
            pass  # the far end is away: to the near one that is a cut link as well
        finally:
            for end in ends:
                end.transport.abort()


async def _first_of(*pumps: Coroutine[None, None, None]) -> None:
    """Run both directions until one of them ends."""
    tasks = [asyncio.ensure_future(pump) for pump in pumps]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pump(reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
