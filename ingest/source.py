"""MQTT subscriber with manual acknowledgement: the broker forgets nothing we did not commit."""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from coldgate import wire
from ingest.delivery import Delivery

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

logger = logging.getLogger(__name__)

_KEEPALIVE_SECONDS: Final = 30
_RECONNECT_SECONDS: Final = (1, 15)
_QOS: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Where the broker is and who we are to it."""

    host: str
    port: int
    username: str
    password: str
    client_id: str
    partitions: tuple[str, ...] = ()  # empty = all


class MqttSource:
    """Deliveries in the order of receipt, each to be settled once it is committed.

    A persistent session keeps what arrives while we are away. Each connection has a generation
    number; a delivery of an earlier one is never acknowledged, because after a reconnect the
    broker may have given its packet id to another message. What is not acknowledged comes again.
    """

    def __init__(
        self, address: BrokerAddress, *, batch: int, batch_bytes: int, queue_bytes: int
    ) -> None:
        self._address = address
        self._batch = batch
        self._batch_bytes = batch_bytes
        self._queue_bytes = queue_bytes
        self._changed = threading.Condition()
        self._waiting: deque[Delivery] = deque()
        self._waiting_bytes = 0
        self._unsettled: dict[int, Delivery] = {}  # by packet id, of this generation
        self._generation = 0
        self._subscribed = False
        self._subscription_refused = False
        self._closing = False
        self._client = self._make_client()

    @property
    def subscribed(self) -> bool:
        """Whether the broker has granted the subscription on the present connection."""
        return self._subscribed

    def start(self) -> None:
        """Connect in the background and keep trying; a broker that is absent is waited for."""
        self._client.connect_async(
            self._address.host, self._address.port, keepalive=_KEEPALIVE_SECONDS
        )
        self._client.loop_start()

    def close(self) -> None:
        """Leave the session to the broker: unsettled deliveries come again next time."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._client.disconnect()
        self._client.loop_stop()

    def take(self, *, wait_seconds: float, age_seconds: float) -> list[Delivery]:
        """A batch of deliveries: waits for a first one, then ``age_seconds`` for company."""
        self._insist_on_subscription()
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting or self._closing, wait_seconds):
                return []
            self._changed.wait_for(lambda: self._fills_a_batch or self._closing, age_seconds)
            taken = self._take_batch()
            self._changed.notify_all()
            return taken

    @property
    def _fills_a_batch(self) -> bool:
        return len(self._waiting) >= self._batch or self._waiting_bytes >= self._batch_bytes

    def _take_batch(self) -> list[Delivery]:
        """The oldest deliveries, at least one, within the limits of a batch."""
        taken: list[Delivery] = []
        room = self._batch_bytes
        while self._waiting and len(taken) < self._batch and room > 0:
            delivery = self._waiting.popleft()
            taken.append(delivery)
            room -= len(delivery.payload)
        self._waiting_bytes -= self._batch_bytes - room
        return taken

    def settle(self, deliveries: Iterable[Delivery]) -> None:
        """Acknowledge committed deliveries, in order; those of a lost connection are left out."""
        for delivery in deliveries:
            with self._changed:
                if delivery.generation != self._generation:
                    continue
                if self._unsettled.get(delivery.packet_id) is not delivery:
                    continue  # settled before, and its packet id is another message's by now
                del self._unsettled[delivery.packet_id]
                self._client.ack(delivery.packet_id, delivery.qos)

    def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Send (topic, payload) at QoS 0; who misses one learns it from the next."""
        for topic, payload in messages:
            self._client.publish(topic, payload, qos=0)

    def _make_client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._address.client_id,
            clean_session=False,
            protocol=mqtt.MQTTv311,
            manual_ack=True,
        )
        client.username_pw_set(self._address.username, self._address.password)
        client.reconnect_delay_set(*_RECONNECT_SECONDS)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _on_connect(
        self,
        client: mqtt.Client,
        _userdata: object,
        _flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            logger.warning("broker refused the connection", extra={"reason": str(reason)})
            return
        self._next_generation()
        self._subscribe(client)

    def _subscribe(self, client: mqtt.Client) -> None:
        filters = [
            (wire.subscription(partition), _QOS) for partition in self._address.partitions or ("+",)
        ]
        client.subscribe(filters)

    def _insist_on_subscription(self) -> None:
        """Ask again for what a broker refused, for it may only just have started."""
        if self._subscription_refused:
            self._subscription_refused = False
            self._subscribe(self._client)

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _userdata: object,
        _flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._next_generation()
        logger.info("disconnected from the broker", extra={"reason": str(reason)})

    def _on_subscribe(
        self,
        _client: mqtt.Client,
        _userdata: object,
        _packet_id: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            logger.error("broker refused the subscription", extra={"reasons": refused})
            self._subscription_refused = True
            return
        self._subscribed = True
        logger.info("subscribed", extra={"port": self._address.port})

    def _next_generation(self) -> None:
        with self._changed:
            self._generation += 1
            self._unsettled.clear()
            self._subscribed = self._subscription_refused = False
            # What waits here is unacknowledged and will be delivered again on this connection.
            self._waiting.clear()
            self._waiting_bytes = 0
            self._changed.notify_all()

    def _on_message(
        self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage
    ) -> None:
        received_at = datetime.now(UTC)
        with self._changed:
            if self._is_in_hand(message):
                return
            # A full queue holds the network thread back, and so the broker.
            self._changed.wait_for(lambda: self._closing or self._waiting_bytes < self._queue_bytes)
            delivery = Delivery(
                topic=message.topic,
                payload=bytes(message.payload),
                received_at=received_at,
                packet_id=message.mid,
                qos=message.qos,
                generation=self._generation,
            )
            if message.qos:
                self._unsettled[message.mid] = delivery
            filled = self._fills_a_batch
            self._waiting.append(delivery)
            self._waiting_bytes += len(delivery.payload)
            if len(self._waiting) == 1 or (
                self._fills_a_batch and not filled
            ):  # what a taker awaits
                self._changed.notify_all()

    def _is_in_hand(self, message: mqtt.MQTTMessage) -> bool:
        """Whether it is the broker's redelivery of an unsettled delivery.

        A redelivery may cross our acknowledgement of the first; then it is in hand although the
        broker has given its packet id to another message, which must not be taken for it.
        """
        held = self._unsettled.get(message.mid) if message.qos else None
        return held is not None and (held.topic, held.payload) == (message.topic, message.payload)
