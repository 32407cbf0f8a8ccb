"""Loggers on the spot, and the simulator: JSON lines over TCP on the loopback interface.

A request is one block as in columnar JSON, with two liberties: without ``first_sequence`` the
gateway numbers the readings, and ``clock_ms`` is the logger's clock at the moment of sending.

    > {"serial": "A1", "first_sequence": 7, "base_ms": …, "offsets_ms": […], "series": […]}
    < {"stored": {"serial": "A1", "first_sequence": 7, "upto_sequence": 16}}
    < {"refused": {"code": "OUTBOX_FULL", "problem": "…"}}

``stored`` means on disk. Requests may follow one another without waiting; answers keep the order,
and each speaks of its own request only: one that was refused stays so, whatever was stored later.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sqlite3
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, TypeAlias

from coldgate import wire
from coldgate.errors import OutboxFullError, SettingsError, WireError
from gateway.blocks import Arrival
from gateway.clerk import now_ms

if TYPE_CHECKING:
    from gateway.clerk import Clerk

logger: Final = logging.getLogger(__name__)
MAX_LINE_BYTES: Final = 1024**2
_GOODBYE_SECONDS: Final = 2.0
_PIPELINED: Final = 64  # requests of one connection that may wait for their answer
_Answer: TypeAlias = dict[str, dict[str, object]]
_Answers: TypeAlias = "asyncio.Queue[asyncio.Task[_Answer] | None]"


class LocalSource:
    """Listens for loggers on ``host`` (loopback); ``port`` is known once ``listening`` is set."""

    def __init__(self, clerk: Clerk, host: str, port: int) -> None:
        self.port = port
        self.listening = asyncio.Event()
        self._host = host
        self._clerk = clerk
        self._connections: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until cancelled; what was received by then is still stored and answered."""
        try:
            server = await asyncio.start_server(
                self._accept, self._host, self.port, limit=MAX_LINE_BYTES
            )
        except OSError as error:
            where = f"{self._host}:{self.port}"
            raise SettingsError(
                f"cannot listen for loggers on {where}: {error.strerror}"
            ) from error
        self.port = server.sockets[0].getsockname()[1]
        self.listening.set()
        logger.info("listening for loggers", extra={"host": self._host, "port": self.port})
        try:
            await asyncio.Event().wait()  # the server serves by itself until it is closed
        finally:
            server.close()
            await self._hang_up()

    async def _hang_up(self) -> None:
        """Answer what was received; a logger that does not listen is not waited for."""
        for connection in self._connections:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections, timeout=_GOODBYE_SECONDS)
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._converse(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers: _Answers = asyncio.Queue(_PIPELINED)
        writing = asyncio.create_task(_write_answers(answers, writer))
        # The gateway stops, or the logger is gone: what was received is still answered.
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await self._read_requests(reader, answers)
        try:
            await answers.put(None)
            await writing
        except ConnectionError:
            pass  # nobody is left to be answered; what was stored stays stored
        finally:
            writing.cancel()
            writer.close()

    async def _read_requests(self, reader: asyncio.StreamReader, answers: _Answers) -> None:
        while True:
            try:
                line = await reader.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                return
            except asyncio.LimitOverrunError:
                await answers.put(asyncio.create_task(_too_long()))
                return
            await answers.put(asyncio.create_task(self._answer(line)))

    async def _answer(self, line: bytes) -> _Answer:
        try:
            arrival = parse_request(line, gateway_ms=now_ms())
            stored = await self._clerk.store(arrival)
        except WireError as error:
            return _refusal(error.code, error.problem)
        except OutboxFullError as error:
            return _refusal("OUTBOX_FULL", str(error))
        except sqlite3.Error as error:
            logger.exception("cannot write to the outbox")
            return _refusal("DISK_FAULT", str(error))
        return {"stored": asdict(stored)}


def parse_request(line: bytes, *, gateway_ms: int) -> Arrival:
    """The block in one line; ``WireError`` says what is wrong with it."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise WireError("UNREADABLE", f"not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise WireError("UNREADABLE", "a request is an object")
    clock_ms = fields.pop("clock_ms", None)
    if clock_ms is not None:
        fields["clock"] = {"logger_ms": clock_ms, "gateway_ms": gateway_ms}
    numbered = fields.get("first_sequence") is not None
    if not numbered:
        fields["first_sequence"] = 0
    return Arrival(block=wire.block_from_json(fields), numbered=numbered)


async def _write_answers(answers: _Answers, writer: asyncio.StreamWriter) -> None:
    """Write answers in the order of the requests until None comes."""
    while (answer := await answers.get()) is not None:
        writer.write(json.dumps(await answer, separators=(",", ":")).encode() + b"\n")
        await writer.drain()


async def _too_long() -> _Answer:
    return _refusal("LINE_TOO_LONG", f"a request has at most {MAX_LINE_BYTES} bytes")


def _refusal(code: str, problem: str) -> _Answer:
    return {"refused": {"code": code, "problem": problem}}
