"""A logger's way to its gateway: JSON lines over TCP, one reply per block, in the same order."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from coldgate.errors import WireError
from coldgate.wire import block_to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coldgate.model import Block

_LINES_IN_FLIGHT: Final = 64  # their replies fit into any socket buffer: neither side can block


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The gateway has this logger's readings up to this sequence number on its disk."""

    serial: str
    upto_sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The gateway did not take the block; the logger keeps it and tries again."""

    code: str
    problem: str


class GatewayLink:
    """One connection, opened when needed; after an ``OSError`` the next exchange opens a new one.

    A block that went out without a reply may or may not be stored: send it again, the gateway
    drops what it has.
    """

    def __init__(self, host: str, port: int, *, reply_seconds: float) -> None:
        self._host = host
        self._port = port
        self._reply_seconds = reply_seconds
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def exchange(
        self, blocks: Sequence[Block], *, clock_ms: int | None = None
    ) -> list[Stored | Refused]:
        """Send ``blocks`` and return the gateway's reply to each.

        Raises:
            OSError: the gateway is not there, went away or does not answer in time.
            WireError: it answers something else than the protocol has.
        """
        replies: list[Stored | Refused] = []
        try:
            for start in range(0, len(blocks), _LINES_IN_FLIGHT):
                lines = [_request(b, clock_ms) for b in blocks[start : start + _LINES_IN_FLIGHT]]
                async with asyncio.timeout(self._reply_seconds):
                    replies.extend(await self._converse(lines))
        except (OSError, WireError):
            await self.close()
            raise
        return replies

    async def close(self) -> None:
        """Hang up, if there is a connection."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            with contextlib.suppress(OSError):
                await streams[1].wait_closed()

    async def _converse(self, lines: list[bytes]) -> list[Stored | Refused]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        writer.writelines(lines)
        await writer.drain()
        return [await _reply(reader) for _ in lines]


def _request(block: Block, clock_ms: int | None) -> bytes:
    """One line: the block, and the logger's own clock when it is to be told."""
    fields = block_to_json(block)
    if clock_ms is not None:
        fields["clock_ms"] = clock_ms
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


async def _reply(reader: asyncio.StreamReader) -> Stored | Refused:
    """What the gateway's next line says; less than a line means that it hung up."""
    try:
        line = await reader.readline()
        if not line.endswith(b"\n"):
            raise ConnectionResetError("the gateway hung up")
        match json.loads(line):
            case {"stored": {"serial": str(serial), "upto_sequence": int(upto)}}:
                return Stored(serial=serial, upto_sequence=upto)
            case {"refused": {"code": str(code), "problem": str(problem)}}:
                return Refused(code=code, problem=problem)
    except ValueError as error:
        raise WireError("REPLY_UNREADABLE", f"the gateway's reply is no JSON: {error}") from error
    raise WireError("REPLY_UNREADABLE", f"not a reply of a gateway: {line[:128]!r}")
