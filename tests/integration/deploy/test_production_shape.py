"""What ``docker compose up`` would start, started as plain processes on real servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import paho.mqtt.client as mqtt
import psycopg
import pytest
from compose_file import Production
from conftest import open_folder
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from factories import Gateway
from paho.mqtt.enums import CallbackAPIVersion

from coldgate import wire
from coldgate.crypto import public_key_text
from coldgate.launch.folder import LOOPBACK
from coldgate.launch.process import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.broker, pytest.mark.database]


@pytest.fixture(scope="module")
def production() -> Iterator[Production]:
    with open_folder() as folder, Production(folder) as running:
        yield running


@pytest.fixture(scope="module")
def operator(production: Production) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {production.secrets['COLDGATE_OPERATOR_KEY']}"}
    with httpx.Client(base_url=f"{production.api_url}/v1", headers=headers) as client:
        yield client


def post(client: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    answer = client.post(path, json=body)
    assert answer.is_success, answer.text
    created: dict[str, Any] = answer.json()
    return created


def onboard(operator: httpx.Client) -> tuple[Gateway, dict[str, Any]]:
    """A registered gateway with a logger, and the credentials that it was given."""
    party = f"party-{uuid4().hex[:8]}"
    post(operator, "/parties", id=party, name="Carrier", kind="carrier")
    post(operator, "/loggers", serial="L-1", party=party)
    gateway = Gateway(f"gw-{uuid4().hex[:8]}", Ed25519PrivateKey.generate())
    given = post(
        operator,
        "/gateways",
        id=gateway.name,
        public_key=public_key_text(gateway.key),
        party=party,
    )
    return Gateway(gateway.name, gateway.key, given["partition"]), given


def connect(given: dict[str, Any]) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=given["username"])
    client.username_pw_set(given["username"], given["password"])
    client.connect(given["broker_host"], given["broker_port"])
    client.loop_start()
    return client


def dsn_of(production: Production, service: str) -> str:
    return production.environment(service)["COLDGATE_DATABASE_DSN"]


@pytest.mark.parametrize("service", ["timescaledb", "broker", "ingest", "analytics", "api"])
def test_every_service_passes_its_own_health_check(production: Production, service: str) -> None:
    assert production.healthy(service)


def test_signed_message_of_a_registered_gateway_is_acknowledged(operator: httpx.Client) -> None:
    gateway, given = onboard(operator)
    received: list[bytes] = []
    client = connect(given)
    client.on_message = lambda *event: received.append(event[2].payload)

    client.subscribe(given["topics"]["acknowledgements"])
    client.publish(gateway.topic, gateway.signed(), qos=1).wait_for_publish(10)

    assert wait_until(lambda: bool(received), seconds=10)
    assert wire.decode_acknowledgement(received[0]).upto == 1
    client.disconnect()
    client.loop_stop()


@pytest.mark.parametrize("service", ["ingest", "analytics", "api"])
def test_login_of_a_process_takes_its_own_role_only(production: Production, service: str) -> None:
    own = f"coldgate_{service}"
    others = {"coldgate_ingest", "coldgate_analytics", "coldgate_api", "coldgate"} - {own}

    with psycopg.connect(dsn_of(production, service), autocommit=True) as connection:
        connection.execute(f"SET ROLE {own}")  # type: ignore[arg-type]  # a name from above
        for other in sorted(others):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SET ROLE {other}")  # type: ignore[arg-type]  # a name from above


def test_login_without_its_role_reads_nothing(production: Production) -> None:
    with (
        psycopg.connect(dsn_of(production, "api")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("SELECT FROM party")


def test_nobody_connects_to_the_broker_without_a_password(production: Production) -> None:
    refused: list[bool] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
    client.on_connect = lambda *event: refused.append(event[3].is_failure)

    client.connect(LOOPBACK, production.ports.mqtt)
    client.loop_start()

    assert wait_until(lambda: bool(refused), seconds=10)
    assert refused == [True]
    client.loop_stop()
