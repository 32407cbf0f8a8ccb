"""``GET /healthz`` on loopback: what runs, since when, and how often it had to be restarted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeAlias

from coldgate.launch.folder import LOOPBACK

if TYPE_CHECKING:
    from datetime import datetime

REQUEST_SECONDS: Final = 5.0


class State(Enum):
    """Where a supervised child is in its life."""

    WAITING = "waiting"  # for the children before it
    STARTING = "starting"
    UP = "up"
    RESTARTING = "restarting"  # it ended by itself; the next start comes after a delay
    FINISHED = "finished"  # it had one thing to do, and has done it
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildReport:
    """One child at this moment; ``pid`` is None while it does not run."""

    name: str
    state: State
    pid: int | None
    restarts: int
    since: datetime

    @property
    def well(self) -> bool:
        """Whether nothing is to be done about it."""
        return self.state in (State.UP, State.FINISHED)


Report: TypeAlias = Callable[[], list[ChildReport]]


async def serve_health(report: Report, *, port: int) -> asyncio.Server:
    """The listening server; close it when done. 200 when all children are well, else 503."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                request = await reader.readline()
                writer.write(_response(request, report()))
                await writer.drain()
        except (TimeoutError, ConnectionError, ValueError):
            pass  # the client's own trouble: nobody is left to tell
        finally:
            writer.close()

    return await asyncio.start_server(answer, LOOPBACK, port)


def _response(request: bytes, children: list[ChildReport]) -> bytes:
    well = all(child.well for child in children)
    status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
    document: dict[str, object] = {
        "status": "up" if well else "degraded",
        "children": [_facts(child) for child in children],
    }
    if request.split(b" ")[:2] != [b"GET", b"/healthz"]:
        status, document = HTTPStatus.NOT_FOUND, {"detail": "only GET /healthz"}
    body = json.dumps(document).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def _facts(child: ChildReport) -> dict[str, object]:
    return {
        "name": child.name,
        "state": child.state.value,
        "pid": child.pid,
        "restarts": child.restarts,
        "since": child.since.isoformat(),
    }
