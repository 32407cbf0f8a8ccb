"""One MQTT connection whose answers can be waited for."""

from __future__ import annotations

import queue
from typing import Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

ANSWER_SECONDS = 10


class Session:
    """A client that connects at once; close it, or use it with ``with``."""

    def __init__(self, *, port: int, username: str, password: str, client_id: str = "") -> None:
        self.connected: queue.Queue[bool] = queue.Queue()
        self.granted: queue.Queue[bool] = queue.Queue()
        self.received: queue.Queue[bytes] = queue.Queue()
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id or username,
            reconnect_on_failure=False,
        )
        if username:
            self.client.username_pw_set(username, password)
        self.client.on_connect = lambda *event: self.connected.put(not event[3].is_failure)
        self.client.on_subscribe = lambda *event: self.granted.put(not event[3][0].is_failure)
        self.client.on_message = lambda *event: self.received.put(event[2].payload)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def accepted(self) -> bool:
        return self.connected.get(timeout=ANSWER_SECONDS)

    def subscribe(self, topic: str, qos: int = 0) -> bool:
        self.client.subscribe(topic, qos)
        return self.granted.get(timeout=ANSWER_SECONDS)

    def publish(self, topic: str, payload: bytes, qos: int = 1) -> None:
        self.client.publish(topic, payload, qos).wait_for_publish(ANSWER_SECONDS)

    def next(self) -> bytes:
        return self.received.get(timeout=ANSWER_SECONDS)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
        left_open = self.client.socket()  # where the broker's answer met our goodbye
        if left_open is not None:
            left_open.close()
        # The callbacks know this session: without them the client goes at once, sockets closed,
        # and is not left to the garbage collector, which would complain of them somewhere else.
        self.client.on_connect = self.client.on_subscribe = self.client.on_message = None


def may_enter(port: int, username: str, password: str) -> bool:
    """Whether the broker lets this gateway in at this moment."""
    with Session(port=port, username=username, password=password) as session:
        return session.accepted
