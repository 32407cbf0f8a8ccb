"""What the subscriber does when a broker does what real ones do too rarely to wait for it."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from coldgate.launch.folder import LOOPBACK
from coldgate.launch.process import wait_until
from ingest.source import BrokerAddress, MqttSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.delivery import Delivery

CONNECT, PUBACK, SUBSCRIBE = 0x10, 0x40, 0x80
CONNACK = b"\x20\x02\x00\x00"
GRANTED, REFUSED = 1, 0x80
TOPIC = b"coldgate/v1/p00/gw-0001/up/readings"


class ScriptedBroker:
    """Just enough of MQTT 3.1.1 to deliver what a test says, under the packet ids it says."""

    def __init__(self, grants: list[int]) -> None:
        self.acknowledged: list[int] = []
        self._grants = grants
        self._server = socket.create_server((LOOPBACK, 0))
        self._connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve)

    @property
    def port(self) -> int:
        port: int = self._server.getsockname()[1]
        return port

    def deliver(self, packet_id: int, payload: bytes) -> None:
        body = struct.pack(">H", len(TOPIC)) + TOPIC + struct.pack(">H", packet_id) + payload
        assert self._connection is not None
        self._connection.sendall(bytes([0x32, len(body)]) + body)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._server.close()

    def _serve(self) -> None:
        self._connection, _ = self._server.accept()
        with self._connection, self._connection.makefile("rb") as stream:
            while head := stream.read(2):
                self._answer(head[0] & 0xF0, stream.read(head[1]))

    def _answer(self, kind: int, body: bytes) -> None:
        assert self._connection is not None
        if kind == CONNECT:
            self._connection.sendall(CONNACK)
        elif kind == SUBSCRIBE:
            grant = bytes([self._grants.pop(0)])
            self._connection.sendall(b"\x90\x03" + body[:2] + grant)
        elif kind == PUBACK:
            self.acknowledged.append(struct.unpack(">H", body)[0])


@contextmanager
def connected(broker: ScriptedBroker) -> Iterator[MqttSource]:
    address = BrokerAddress(
        host=LOOPBACK, port=broker.port, username="u", password="p", client_id="ingest-1"
    )
    source = MqttSource(address, batch=10, batch_bytes=100, queue_bytes=1024**2)
    source.start()
    try:
        yield source
    finally:
        source.close()


def take(source: MqttSource, count: int) -> list[Delivery]:
    """That many deliveries, within ten seconds."""
    taken: list[Delivery] = []

    def enough() -> bool:
        taken.extend(source.take(wait_seconds=0.1, age_seconds=0))
        return len(taken) >= count

    assert wait_until(enough, seconds=10)
    return taken


def test_redelivery_of_what_is_in_hand_is_not_taken_twice() -> None:
    with ScriptedBroker([GRANTED]) as broker, connected(broker) as source:
        assert wait_until(lambda: source.subscribed, seconds=10)
        for packet_id, payload in ((5, b"first"), (5, b"first"), (6, b"second")):
            broker.deliver(packet_id, payload)

        assert [one.payload for one in take(source, 2)] == [b"first", b"second"]


def test_message_under_the_packet_id_of_a_late_redelivery_is_not_lost() -> None:
    with ScriptedBroker([GRANTED]) as broker, connected(broker) as source:
        assert wait_until(lambda: source.subscribed, seconds=10)
        broker.deliver(5, b"first")
        source.settle(take(source, 1))
        broker.deliver(5, b"first")  # it crossed the acknowledgement
        late = take(source, 1)
        broker.deliver(5, b"another")

        another = take(source, 1)
        assert [one.payload for one in another] == [b"another"]
        source.settle(late)  # must not acknowledge the other message before it is committed
        assert wait_until(lambda: broker.acknowledged == [5], seconds=10)
        source.settle(another)
        assert wait_until(lambda: broker.acknowledged == [5, 5], seconds=10)


def test_subscription_that_a_starting_broker_refused_is_asked_for_again() -> None:
    with ScriptedBroker([REFUSED, REFUSED, GRANTED]) as broker, connected(broker) as source:

        def subscribed() -> bool:
            source.take(wait_seconds=0.01, age_seconds=0)
            return source.subscribed

        assert wait_until(subscribed, seconds=10)


def test_batch_of_long_messages_holds_fewer_of_them() -> None:
    with ScriptedBroker([GRANTED]) as broker, connected(broker) as source:
        assert wait_until(lambda: source.subscribed, seconds=10)
        for packet_id in range(1, 6):
            broker.deliver(packet_id, bytes(60))

        assert wait_until(lambda: len(source._waiting) == 5, seconds=10)
        batches = [source.take(wait_seconds=0, age_seconds=0) for _ in range(4)]
        assert [len(batch) for batch in batches] == [2, 2, 1, 0]
