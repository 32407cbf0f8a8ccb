"""From delivered bytes to a message that may be believed, or to a coded refusal."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from coldgate import crypto, wire
from coldgate.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from coldgate.model import Message
    from coldgate.storage.telemetry import GatewayEntry
    from ingest.delivery import Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A message whose sender is known, active and, where ``signed``, proven by its key."""

    delivery: Delivery
    gateway: GatewayEntry
    message: Message
    signed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A delivery that is quarantined whole; sender and partition are the topic's, "" if none.

    Nothing of the payload is trusted.
    """

    delivery: Delivery
    sender: str
    partition: str
    code: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A gateway's health report."""

    delivery: Delivery
    gateway: GatewayEntry
    body: dict[str, object]


Decoded = Accepted | Refused | Status


def sender_of(delivery: Delivery) -> str:
    """The gateway that the topic names, '' where it names none."""
    try:
        return wire.Topic.parse(delivery.topic).gateway
    except WireError:
        return ""


def decode(delivery: Delivery, gateways: Mapping[str, GatewayEntry]) -> Decoded:
    """Check one delivery against the registry and the wire contract; never raises for its sake."""
    topic: wire.Topic | None = None
    try:
        topic = wire.Topic.parse(delivery.topic)
        return _believe(delivery, topic.leaf, _active_gateway(topic, gateways))
    except WireError as error:
        return Refused(
            delivery=delivery,
            sender=topic.gateway if topic else "",
            partition=topic.partition if topic else "",
            code=error.code,
            problem=error.problem,
        )


def _believe(delivery: Delivery, leaf: str, gateway: GatewayEntry) -> Accepted | Status:
    if leaf == wire.UP_STATUS:
        body = wire.decode_status(delivery.payload)
        return Status(delivery=delivery, gateway=gateway, body=body)
    dialect = _DIALECTS.get(leaf)
    if dialect is None:
        raise WireError("TOPIC_UNKNOWN", f"nothing is expected on {leaf}")
    return dialect(delivery, gateway)


def _active_gateway(topic: wire.Topic, gateways: Mapping[str, GatewayEntry]) -> GatewayEntry:
    gateway = gateways.get(topic.gateway)
    if gateway is None:
        raise WireError("GATEWAY_UNKNOWN", f"gateway {topic.gateway} is not registered")
    if gateway.revoked:
        raise WireError("GATEWAY_REVOKED", f"gateway {topic.gateway} was revoked")
    if gateway.partition != topic.partition:
        raise WireError("TOPIC_UNKNOWN", f"gateway {topic.gateway} belongs to {gateway.partition}")
    return gateway


def _native(delivery: Delivery, gateway: GatewayEntry) -> Accepted:
    if len(delivery.payload) > wire.MAX_MESSAGE_BYTES:
        raise WireError("OVERSIZED", f"{len(delivery.payload)} bytes in one message")
    envelope = crypto.open_envelope(delivery.payload)
    if envelope.key_id != gateway.name:
        raise WireError("SENDER_MISMATCH", f"signed by {envelope.key_id}, sent by {gateway.name}")
    crypto.verify(envelope, _public_key(gateway.public_key))
    return _own(delivery, gateway, wire.decode_message(envelope.payload), signed=True)


def _columnar_json(delivery: Delivery, gateway: GatewayEntry) -> Accepted:
    return _own(delivery, gateway, wire.decode_json(delivery.payload), signed=False)


def _own(delivery: Delivery, gateway: GatewayEntry, message: Message, *, signed: bool) -> Accepted:
    if message.gateway != gateway.name:
        raise WireError("SENDER_MISMATCH", f"{gateway.name} sent a message of {message.gateway}")
    return Accepted(delivery=delivery, gateway=gateway, message=message, signed=signed)


_DIALECTS: Final[dict[str, Callable[[Delivery, GatewayEntry], Accepted]]] = {
    wire.UP_READINGS: _native,
    wire.UP_JSON: _columnar_json,
}


@functools.lru_cache(maxsize=100_000)
def _public_key(text: str) -> Ed25519PublicKey:
    return crypto.public_key_from_text(text)
