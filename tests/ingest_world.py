"""Ingest as a process of its own, and a gateway's connection that says what a test wants."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from coldgate import wire
from coldgate.launch.folder import free_port
from coldgate.launch.probe import problem
from coldgate.launch.process import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from factories import Gateway

    from coldgate.model import Acknowledgement


class Sender:
    """A gateway's connection that publishes bytes and remembers the acknowledgements."""

    def __init__(self, broker: Any, gateway: Gateway) -> None:
        self.gateway = gateway
        self.acknowledgements: list[Acknowledgement] = []
        username, password = broker.register(gateway.name, gateway.partition)
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=username, protocol=mqtt.MQTTv311
        )
        self._client.username_pw_set(username, password)
        self._client.on_message = self._on_message
        self._subscribed = False
        self._client.on_subscribe = self._on_subscribe
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        topic = wire.Topic(gateway.partition, gateway.name, wire.DOWN_ACK)
        self._client.subscribe(str(topic), qos=0)
        assert wait_until(lambda: self._subscribed, seconds=10)

    def _on_subscribe(self, *_: object) -> None:
        self._subscribed = True

    def _on_message(self, _client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
        self.acknowledgements.append(wire.decode_acknowledgement(bytes(message.payload)))

    def publish(self, payload: bytes, *, leaf: str = wire.UP_READINGS) -> None:
        topic = wire.Topic(self.gateway.partition, self.gateway.name, leaf)
        self._client.publish(str(topic), payload, qos=1).wait_for_publish(10)

    def acknowledged(self, upto: int, *, seconds: float = 10) -> bool:
        """Whether everything up to ``upto`` was acknowledged in time."""
        return wait_until(lambda: self.upto >= upto, seconds=seconds)

    @property
    def upto(self) -> int:
        return max((one.upto for one in self.acknowledgements), default=0)

    def rejection(self, code: str) -> bool:
        """Whether a rejection with ``code`` arrived within ten seconds."""
        return wait_until(
            lambda: any(r.code == code for a in self.acknowledgements for r in a.rejected),
            seconds=10,
        )

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client.on_message = self._client.on_subscribe = None  # see mqtt_session.Session


@dataclass
class Ingest:
    """How to start ingest against one broker and one database."""

    environment: dict[str, str]

    def subscribed(self) -> bool:
        """Whether the broker delivers to the process."""
        url = f"http://127.0.0.1:{self.environment['COLDGATE_INGEST_METRICS_PORT']}/metrics"
        return problem(url, "coldgate_ingest_subscribed 1.0") is None

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen([sys.executable, "-m", "ingest"], env=self.environment)
        try:
            assert wait_until(self.subscribed, seconds=15)
            yield process
        finally:
            process.terminate()
            assert process.wait(15) in (0, -signal.SIGKILL)


def make_ingest(broker: Any, database: str, **more: str) -> Ingest:
    """Ingest between these two; ``more`` are further environment variables."""
    return Ingest(
        {
            **os.environ,
            "COLDGATE_DATABASE_DSN": database,
            "COLDGATE_BROKER_HOST": broker.host,
            "COLDGATE_BROKER_PORT": str(broker.server_port),
            "COLDGATE_BROKER_USERNAME": broker.ingest_username,
            "COLDGATE_BROKER_PASSWORD": broker.ingest_password,
            "COLDGATE_INGEST_CLIENT_ID": f"ingest-{uuid4().hex[:12]}",
            "COLDGATE_INGEST_METRICS_PORT": str(free_port()),
            **more,
        }
    )
