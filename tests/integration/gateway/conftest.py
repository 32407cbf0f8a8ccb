"""A gateway under test and the far end of its line, both real processes or real connections."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import aiomqtt
import numpy as np
import pytest

from coldgate import crypto, wire
from coldgate.model import Acknowledgement, Block, Quantity, Rejection, Series
from gateway.blocks import Arrival
from gateway.settings import GatewaySettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

START_MS = 1_700_000_000_000


def make_arrival(*, serial: str = "A1", first: int = 1, count: int = 10) -> Arrival:
    """Readings of one logger, one a second, whose values follow from their sequence numbers."""
    numbers = np.arange(first, first + count)
    block = Block(
        serial=serial,
        first_sequence=first,
        base_ms=START_MS + first * 1_000,
        offsets_ms=((numbers - first) * 1_000).astype(np.uint32),
        series=(
            Series(
                quantity=Quantity.TEMPERATURE,
                sensor=0,
                exponent=-2,
                values=(numbers % 1_000).astype(np.int16),
            ),
        ),
    )
    return Arrival(block=block, numbered=True)


@dataclass
class Server:
    """The server's side of one gateway's line: keeps what it commits, acknowledges when told to."""

    client: aiomqtt.Client
    gateway: str
    acknowledging: bool = True
    refuse: Callable[[bytes], Rejection | None] = lambda _: None
    messages: dict[int, bytes] = field(default_factory=dict)
    received: list[bytes] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)

    async def listen(self) -> None:
        async for message in self.client.messages:
            if str(message.topic).endswith(wire.UP_STATUS):
                self.statuses.append(json.loads(message.payload))
            elif str(message.topic).endswith(wire.UP_READINGS):
                await self.commit(message.payload)

    async def commit(self, payload: bytes) -> None:
        self.received.append(payload)
        rejection = self.refuse(payload)
        message = wire.decode_message(crypto.open_envelope(payload).payload)
        if rejection is None or rejection.number is not None:
            self.messages[message.number] = payload
        if self.acknowledging:
            rejected = () if rejection is None else (rejection,)
            await self.acknowledge(message.stream, rejected)

    async def acknowledge(self, stream: str, rejected: tuple[Rejection, ...] = ()) -> None:
        body = Acknowledgement(stream=stream, upto=self.upto, rejected=rejected)
        topic = str(wire.Topic("p00", self.gateway, wire.DOWN_ACK))
        await self.client.publish(topic, wire.encode_acknowledgement(body), qos=0)

    @property
    def upto(self) -> int:
        number = 0
        while number + 1 in self.messages:
            number += 1
        return number

    @property
    def sequences(self) -> list[int]:
        """Sequence numbers of all committed readings, in the order of the messages."""
        return [
            block.first_sequence + i
            for number in sorted(self.messages)
            for block in self.blocks(number)
            for i in range(block.count)
        ]

    def blocks(self, number: int) -> tuple[Block, ...]:
        return wire.decode_message(crypto.open_envelope(self.messages[number]).payload).blocks


@dataclass(frozen=True)
class Line:
    """Makes settings and servers for one gateway on the session's broker."""

    broker: Any
    folder: Path
    gateway: str
    password: str

    def environment(self, **changes: str) -> dict[str, str]:
        """The same settings for a gateway in a process of its own."""
        names = ("id", "key_file", "outbox", "broker_host", "broker_port")
        settings = self.settings()
        chosen = {name: str(getattr(settings, name)) for name in names}
        chosen["broker_password"] = self.password
        chosen |= {"resend_after": "PT0.3S", "message_after": "PT0.02S", "grace": "PT10S"}
        own = {f"COLDGATE_GATEWAY_{k.upper()}": v for k, v in (chosen | changes).items()}
        return os.environ | own

    def settings(self, **changes: Any) -> GatewaySettings:
        """Settings with short times; the key exists."""
        key_file = self.folder / "gateway.pem"
        if not key_file.exists():
            crypto.create_private_key(key_file)
        chosen = {
            "id": self.gateway,
            "key_file": key_file,
            "outbox": self.folder / "outbox.sqlite3",
            "broker_host": self.broker.host,
            "broker_port": self.broker.port,
            "broker_password": self.password,
            "message_after": timedelta(milliseconds=20),
            "resend_after": timedelta(milliseconds=300),
            "reconnect_at_most_every": timedelta(milliseconds=200),
            "grace": timedelta(seconds=10),
        }
        return GatewaySettings(**(chosen | changes))

    @asynccontextmanager
    async def server(self, **changes: Any) -> AsyncIterator[Server]:
        """The far end, listening."""
        client = aiomqtt.Client(
            self.broker.host,
            self.broker.server_port,
            username=self.broker.ingest_username,
            password=self.broker.ingest_password,
            identifier=f"test-{self.gateway}",
        )
        client.pending_calls_threshold = 1_000
        async with client:
            await client.subscribe(f"coldgate/v1/p00/{self.gateway}/up/#", qos=1)
            server = Server(client=client, gateway=self.gateway, **changes)
            listening = asyncio.create_task(server.listen())
            try:
                yield server
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)


@pytest.fixture
def line(broker: Any, tmp_path: Path) -> Line:
    """A gateway of its own for each test, registered with the broker."""
    gateway = f"gw-{uuid4().hex[:8]}"
    _, password = broker.register(gateway)
    return Line(broker=broker, folder=tmp_path, gateway=gateway, password=password)


@pytest.fixture
def arrival() -> Callable[..., Arrival]:
    return make_arrival
