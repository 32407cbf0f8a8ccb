"""The embedded brokers as processes: what stays over restarts, what is left behind, who answers."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import psutil
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from api.devices import broker_auth
from api.devices.broker_auth import AuthoritySettings, BrokerAuthority, GatewayGrant, Verify
from coldgate.launch.broker import BrokerSettings, EmbeddedBroker, MosquittoBroker, NatsBroker
from coldgate.launch.folder import accepts
from coldgate.launch.process import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.broker

KINDS = [
    pytest.param(NatsBroker, id="nats"),
    pytest.param(
        MosquittoBroker,
        id="mosquitto",
        marks=pytest.mark.skipif(not MosquittoBroker.available(), reason="not installed"),
    ),
]
each_kind = pytest.mark.parametrize("kind", KINDS)
Kind = type[EmbeddedBroker]


def embedded(kind: Kind, folder: Path) -> EmbeddedBroker:
    return kind(BrokerSettings(folder=folder))


def ingest(broker: EmbeddedBroker, received: list[bytes]) -> mqtt.Client:
    """A connected consumer with a session that the broker keeps."""
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id="server:test", clean_session=False, manual_ack=True
    )
    client.username_pw_set(broker.ingest_username, broker.ingest_password)
    client.on_message = lambda *event: received.append(event[2].payload)
    client.connect(broker.host, broker.server_port)
    return client


def leave(client: mqtt.Client) -> None:
    """Disconnect, and serve the network until the socket is closed."""
    client.disconnect()
    assert wait_until(lambda: client.loop(0.05) != mqtt.MQTT_ERR_SUCCESS, seconds=15)


def turn(client: mqtt.Client, condition: Callable[[], object]) -> None:
    """Serve the client's network in this thread until the condition holds."""

    def served() -> bool:
        client.loop(0.05)
        return bool(condition())

    assert wait_until(served, seconds=15)


GRANT = GatewayGrant(gateway="gw-0001", partition="p00")


async def everyone(_username: str, _password: str) -> GatewayGrant | None:
    return GRANT


def authority(broker: NatsBroker, verify: Verify) -> BrokerAuthority:
    settings = AuthoritySettings(
        url=broker.url, password=broker.authority_password, seed=broker.authority_seed
    )
    return BrokerAuthority(settings, verify)


async def until_connected(answering: BrokerAuthority) -> None:
    assert await asyncio.to_thread(wait_until, lambda: answering.connected, seconds=15)


def enter(broker: NatsBroker, payload: bytes = b"") -> bool:
    """Whether gateway gw-0001 may connect; publishes the payload, if any, and leaves."""
    answers: list[bool] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="gw-0001")
    client.username_pw_set("gw-0001", "any")
    client.on_connect = lambda *event: answers.append(not event[3].is_failure)
    client.connect(broker.host, broker.port)
    turn(client, lambda: answers)
    if payload:
        told = client.publish("coldgate/v1/p00/gw-0001/up/readings", payload, 1)
        turn(client, told.is_published)
    leave(client)
    return answers[0]


async def knock(broker: NatsBroker, verify: Verify, *, times: int) -> list[bool]:
    """Whether each of several connections in a row was let in."""
    async with authority(broker, verify) as answering:
        await until_connected(answering)
        return [await asyncio.to_thread(enter, broker) for _ in range(times)]


async def publish_as_gateway(broker: NatsBroker, payload: bytes) -> None:
    async with authority(broker, everyone) as answering:
        await until_connected(answering)
        await asyncio.to_thread(enter, broker, payload)


async def survive_a_kill(broker: NatsBroker) -> bool:
    """Whether a gateway gets in after the broker was killed under the same authority."""
    async with authority(broker, everyone) as answering:
        await until_connected(answering)
        os.kill(broker.pid, signal.SIGKILL)
        await asyncio.to_thread(broker.start)
        return await asyncio.to_thread(wait_until, lambda: enter(broker), seconds=15)


@each_kind
def test_port_and_password_survive_a_restart(kind: Kind, state_folder: Path) -> None:
    with embedded(kind, state_folder) as broker:
        first = (broker.port, broker.server_port, broker.ingest_password)

    with embedded(kind, state_folder) as broker:
        assert (broker.port, broker.server_port, broker.ingest_password) == first


@each_kind
def test_broker_listens_on_loopback_only(kind: Kind, state_folder: Path) -> None:
    with embedded(kind, state_folder) as broker:
        listening = psutil.Process(broker.pid).net_connections("tcp")

    assert {socket.laddr.ip for socket in listening if socket.status == "LISTEN"} == {"127.0.0.1"}


@each_kind
def test_broker_ends_in_good_order(kind: Kind, state_folder: Path) -> None:
    broker = embedded(kind, state_folder)
    broker.start()
    pid = broker.pid

    broker.stop()

    assert not psutil.pid_exists(pid)
    assert not accepts(broker.port)


@each_kind
def test_killed_broker_comes_back_on_the_same_port(kind: Kind, state_folder: Path) -> None:
    with embedded(kind, state_folder) as broker:
        port = broker.port
        os.kill(broker.pid, signal.SIGKILL)

        broker.start()

        assert broker.port == port
        assert accepts(port)


@each_kind
def test_secrets_on_disk_are_closed_to_others(kind: Kind, state_folder: Path) -> None:
    with embedded(kind, state_folder) as broker:
        secret = broker.ingest_password.encode()
        holders = [path for path in state_folder.iterdir() if path.is_file()]
        telling = [path for path in holders if secret in path.read_bytes()]

    assert telling
    assert all(path.stat().st_mode & 0o077 == 0 for path in telling)


def test_message_that_ingest_did_not_acknowledge_survives_kill_9_of_nats(
    state_folder: Path,
) -> None:
    received: list[bytes] = []
    with NatsBroker(BrokerSettings(folder=state_folder, ack_wait_seconds=1)) as broker:
        client = ingest(broker, received)
        client.subscribe("coldgate/v1/+/+/up/#", 1)
        subscribed = []
        client.on_subscribe = lambda *_: subscribed.append(True)
        turn(client, lambda: subscribed)
        asyncio.run(publish_as_gateway(broker, b"kept"))
        turn(client, lambda: received)
        os.kill(broker.pid, signal.SIGKILL)
        broker.start()

        client.reconnect()
        turn(client, lambda: len(received) > 1)
        leave(client)

    assert set(received) == {b"kept"}


def test_registry_that_fails_refuses_and_answers_the_next(state_folder: Path) -> None:
    answers = iter([RuntimeError("database down"), None, GRANT])

    async def verify(_username: str, _password: str) -> GatewayGrant | None:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with NatsBroker(BrokerSettings(folder=state_folder)) as broker:
        assert asyncio.run(knock(broker, verify, times=3)) == [False, False, True]


def test_registry_that_hangs_refuses(state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_auth, "VERIFY_SECONDS", 0.1)

    async def verify(_username: str, _password: str) -> GatewayGrant | None:
        await asyncio.sleep(60)
        return GRANT

    with NatsBroker(BrokerSettings(folder=state_folder)) as broker:
        assert asyncio.run(knock(broker, verify, times=1)) == [False]


@pytest.mark.parametrize(
    "grant",
    [
        GatewayGrant(gateway="gw-0002", partition="p00"),
        GatewayGrant(gateway="gw-0001", partition="*"),
    ],
)
def test_grant_for_anything_but_the_gateway_itself_is_refused(
    state_folder: Path, grant: GatewayGrant
) -> None:
    async def verify(_username: str, _password: str) -> GatewayGrant | None:
        return grant

    with NatsBroker(BrokerSettings(folder=state_folder)) as broker:
        assert asyncio.run(knock(broker, verify, times=1)) == [False]


def test_authority_answers_again_after_the_broker_was_killed(state_folder: Path) -> None:
    with NatsBroker(BrokerSettings(folder=state_folder)) as broker:
        assert asyncio.run(survive_a_kill(broker))


def test_authority_may_start_before_the_broker(state_folder: Path) -> None:
    broker = NatsBroker(BrokerSettings(folder=state_folder))
    broker.prepare()

    async def start_late() -> bool:
        async with authority(broker, everyone) as answering:
            await asyncio.sleep(0)
            assert not answering.connected
            await asyncio.to_thread(broker.start)
            await until_connected(answering)
            return await asyncio.to_thread(enter, broker)

    assert asyncio.run(start_late())
    broker.stop()


def answer_to_nats_client(broker: NatsBroker) -> str:
    """What the broker says to the gateway's credentials in its own protocol, not MQTT."""
    address = urlsplit(broker.url)
    with socket.create_connection((address.hostname, address.port), timeout=15) as line:
        line.sendall(b'CONNECT {"user":"gw-0001","pass":"any","verbose":true}\r\nPING\r\n')
        with line.makefile() as answers:
            return next(answer for answer in answers if answer.startswith(("-ERR", "+OK", "PONG")))


def test_gateways_credentials_do_not_open_the_brokers_own_protocol(state_folder: Path) -> None:
    async def intrude(broker: NatsBroker) -> str:
        async with authority(broker, everyone) as answering:
            await until_connected(answering)
            return await asyncio.to_thread(answer_to_nats_client, broker)

    with NatsBroker(BrokerSettings(folder=state_folder)) as broker:
        assert asyncio.run(intrude(broker)) == "-ERR 'Authorization Violation'\n"
