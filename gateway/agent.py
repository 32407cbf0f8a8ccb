"""The running gateway: sources, outbox and uplink together, and how they stop."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING, Final

from coldgate import crypto, wire
from gateway.clerk import Clerk
from gateway.outbox import Outbox
from gateway.readers.local_time import find_zone
from gateway.sources.folder import FolderSource
from gateway.sources.local import LocalSource
from gateway.uplink import Uplink

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from coldgate.model import Message
    from gateway.settings import GatewaySettings

logger: Final = logging.getLogger(__name__)


def sealer(settings: GatewaySettings) -> Callable[[Message], bytes]:
    """Function that encodes a message and signs it with this gateway's key."""
    key = crypto.load_private_key(settings.key_file)
    return lambda message: crypto.sign(
        wire.encode_message(message), key=key, key_id=message.gateway
    )


def open_outbox(settings: GatewaySettings) -> Outbox:
    """The outbox of these settings, held alone."""
    return Outbox(settings.outbox, gateway=settings.id, capacity=settings.capacity)


async def run_gateway(settings: GatewaySettings) -> None:
    """Run until SIGTERM or SIGINT: then sources stop first, and what is stored is sent in time.

    What cannot be delivered within the grace time stays in the outbox for the next start.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    seal = sealer(settings)
    async with Clerk(open_outbox(settings)) as clerk:
        uplink = Uplink(clerk, settings, seal)
        sources = [asyncio.create_task(source) for source in _sources(clerk, settings)]
        sending = asyncio.create_task(uplink.run())
        try:
            await _first_of(stop, [*sources, sending])
            await _cancel(sources)
            uplink.flushing = True
            await drained(clerk, settings.grace.total_seconds())
        finally:
            await _cancel([*sources, sending])
    logger.info("stopped", extra={"readings_kept": clerk.readings})


async def drained(clerk: Clerk, seconds: float) -> bool:
    """Whether the server acknowledged everything in the outbox within ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            await clerk.empty.wait()
    except TimeoutError:
        return False
    return True


def _sources(clerk: Clerk, settings: GatewaySettings) -> list[Coroutine[None, None, None]]:
    sources: list[Coroutine[None, None, None]] = []
    if settings.listen_port is not None:
        sources.append(LocalSource(clerk, settings.listen_host, settings.listen_port).run())
    if settings.folder is not None:
        zone = find_zone(settings.zone) if settings.zone else None
        folder = FolderSource(clerk, settings.folder, every=settings.folder_every, zone=zone)
        sources.append(folder.run())
    return sources


async def _first_of(stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    """Return when told to stop; raise what a task raised that should have run for ever."""
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    for task in done - {stopping}:
        task.result()


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
