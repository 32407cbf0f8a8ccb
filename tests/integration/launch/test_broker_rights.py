"""What a connection may do at the broker, on each kind of broker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from mqtt_session import ANSWER_SECONDS, Session

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.broker


class Door:
    """Opens sessions at one broker and closes them all at the end."""

    def __init__(self, broker: Any) -> None:
        self.broker = broker
        self.sessions: list[Session] = []

    def open(self, username: str, password: str, client_id: str = "") -> Session:
        ingest = username == self.broker.ingest_username
        port = self.broker.server_port if ingest else self.broker.port
        session = Session(port=port, username=username, password=password, client_id=client_id)
        self.sessions.append(session)
        return session

    def gateway(self, name: str) -> Session:
        session = self.open(*self.broker.register(name))
        assert session.accepted
        return session

    def ingest(self) -> Session:
        broker = self.broker
        session = self.open(broker.ingest_username, broker.ingest_password, "server:rights")
        assert session.accepted
        return session


@pytest.fixture
def door(any_broker: Any) -> Iterator[Door]:
    door = Door(any_broker)
    yield door
    for session in door.sessions:
        session.close()


def test_anonymous_connection_is_refused(door: Door) -> None:
    session = door.open("", "", client_id="nobody")

    assert not session.accepted


def test_wrong_password_is_refused(door: Door) -> None:
    username, _ = door.broker.register("gw-wrong")

    assert not door.open(username, "not the password").accepted


def test_ingest_with_wrong_password_is_refused(door: Door) -> None:
    assert not door.open(door.broker.ingest_username, "guess", "server:guess").accepted


def test_unknown_gateway_is_refused(door: Door) -> None:
    assert not door.open("gw-unheard-of", "anything").accepted


def test_gateway_registered_while_the_broker_runs_is_heard(door: Door) -> None:
    ingest = door.ingest()
    ingest.subscribe("coldgate/v1/+/gw-new/up/#", 1)
    gateway = door.gateway("gw-new")

    gateway.publish("coldgate/v1/p00/gw-new/up/readings", b"first")

    assert ingest.next() == b"first"


def test_revoked_gateway_cannot_connect_again(door: Door) -> None:
    username, password = door.broker.register("gw-revoked")
    assert door.open(username, password).accepted

    door.broker.revoke("gw-revoked")

    assert not door.open(username, password).accepted


def test_gateway_reads_its_own_acknowledgements(door: Door) -> None:
    gateway = door.gateway("gw-own")
    assert gateway.subscribe("coldgate/v1/p00/gw-own/down/#")

    door.ingest().publish("coldgate/v1/p00/gw-own/down/ack", b"upto 7", qos=0)

    assert gateway.next() == b"upto 7"


def test_gateway_cannot_publish_under_anothers_up(door: Door) -> None:
    ingest = door.ingest()
    ingest.subscribe("coldgate/v1/+/gw-victim/up/#", 1)
    ingest.subscribe("coldgate/v1/+/gw-forger/up/#", 1)
    forger = door.gateway("gw-forger")

    forger.client.publish("coldgate/v1/p00/gw-victim/up/readings", b"forged", 1)
    honest = door.gateway("gw-forger")  # mosquitto ends the forger's connection
    honest.publish("coldgate/v1/p00/gw-forger/up/readings", b"honest")

    assert ingest.next() == b"honest"
    assert ingest.received.empty()


def test_gateway_cannot_read_anothers_down(door: Door) -> None:
    spy = door.gateway("gw-spy")
    spy.subscribe("coldgate/v1/+/+/down/#")
    spy.subscribe("coldgate/v1/p00/gw-secret/down/#")
    spy.subscribe("coldgate/v1/p00/gw-spy/down/#")
    ingest = door.ingest()

    ingest.publish("coldgate/v1/p00/gw-secret/down/ack", b"secret", qos=0)
    ingest.publish("coldgate/v1/p00/gw-spy/down/ack", b"own", qos=0)

    assert spy.next() == b"own"  # the secret would have come first


def test_gateway_cannot_acknowledge_in_the_servers_name(door: Door) -> None:
    victim = door.gateway("gw-fooled")
    victim.subscribe("coldgate/v1/p00/gw-fooled/down/#")
    liar = door.gateway("gw-liar")

    liar.client.publish("coldgate/v1/p00/gw-fooled/down/ack", b"delete all", 1)
    door.gateway("gw-liar")  # accepted again: the broker is through with the lie
    door.ingest().publish("coldgate/v1/p00/gw-fooled/down/ack", b"upto 0", qos=0)

    assert victim.next() == b"upto 0"


def test_message_above_the_wire_limit_reaches_ingest(door: Door) -> None:
    ingest = door.ingest()
    ingest.subscribe("coldgate/v1/+/gw-large/up/#", 1)
    payload = bytes(900 * 1024)

    door.gateway("gw-large").publish("coldgate/v1/p00/gw-large/up/readings", payload)

    assert ingest.next() == payload


def test_nobody_takes_over_anothers_session(door: Door) -> None:
    victim = door.gateway("gw-session")
    victim.subscribe("coldgate/v1/p00/gw-session/down/#")
    username, password = door.broker.register("gw-thief")

    door.open(username, password, client_id="gw-session").connected.get(timeout=ANSWER_SECONDS)
    door.ingest().publish("coldgate/v1/p00/gw-session/down/ack", b"still here", qos=0)

    assert victim.next() == b"still here"
