"""Gateways of the registry, and nobody else, come in at mosquitto."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from mqtt_session import may_enter

from coldgate.launch import admission
from coldgate.launch.admission import Admission
from coldgate.launch.broker import BrokerSettings, MosquittoBroker
from coldgate.launch.process import wait_until
from coldgate.secrets import hash_secret
from coldgate.storage import devices
from coldgate.storage.connection import connect
from coldgate.storage.devices import NewGateway

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.broker,
    pytest.mark.database,
    pytest.mark.skipif(not MosquittoBroker.available(), reason="mosquitto is not installed"),
]

NAME = "gw-0001"
NOBODY_ANSWERS = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture
def mosquitto(state_folder: Path) -> Iterator[MosquittoBroker]:
    with MosquittoBroker(BrokerSettings(folder=state_folder)) as broker:
        yield broker


@contextmanager
def admitting(dsn: str, broker: MosquittoBroker) -> Iterator[None]:
    """The list is kept meanwhile, by somebody who does not own the broker."""
    stop = threading.Event()
    stranger = MosquittoBroker(BrokerSettings(folder=broker.folder.path))
    thread = threading.Thread(target=Admission(dsn, stranger, stop).run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def register(dsn: str, password: str) -> None:
    new = NewGateway(
        name=NAME,
        party="carrier",
        partition="p00",
        public_key="key",
        secret_hash=hash_secret(password),
    )
    with connect(dsn) as connection:
        connection.execute(
            "INSERT INTO party (id, name, kind) VALUES ('carrier', 'Carrier', 'carrier')"
        )
        devices.insert_gateway(connection, new)


def rotate(dsn: str, password: str) -> None:
    with connect(dsn) as connection:
        devices.set_secret(connection, name=NAME, secret_hash=hash_secret(password))


def revoke(dsn: str) -> None:
    with connect(dsn) as connection:
        devices.revoke_gateway(connection, NAME)


def lets_in(broker: MosquittoBroker, password: str) -> bool:
    return wait_until(lambda: may_enter(broker.port, NAME, password), seconds=5)


def keeps_out(broker: MosquittoBroker, password: str) -> bool:
    return wait_until(lambda: not may_enter(broker.port, NAME, password), seconds=5)


def test_registered_gateway_is_let_in(mosquitto: MosquittoBroker, plain_database: str) -> None:
    with admitting(plain_database, mosquitto):
        assert not may_enter(mosquitto.port, NAME, "first")

        register(plain_database, "first")

        assert lets_in(mosquitto, "first")


def test_notification_is_enough(
    mosquitto: MosquittoBroker, plain_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "POLL_SECONDS", 20.0)  # longer than the test waits

    with admitting(plain_database, mosquitto):
        register(plain_database, "first")
        assert lets_in(mosquitto, "first")

        rotate(plain_database, "second")
        assert lets_in(mosquitto, "second")
        assert not may_enter(mosquitto.port, NAME, "first")

        revoke(plain_database)
        assert keeps_out(mosquitto, "second")


def test_lost_notification_costs_a_poll(
    mosquitto: MosquittoBroker, plain_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "POLL_SECONDS", 0.1)
    register(plain_database, "first")

    with admitting(plain_database, mosquitto):
        assert lets_in(mosquitto, "first")
        with connect(plain_database) as connection:
            connection.execute("UPDATE gateway SET revoked_at = now()")  # tells nobody

        assert keeps_out(mosquitto, "first")


def test_killed_broker_lets_in_what_changed_meanwhile(
    mosquitto: MosquittoBroker, plain_database: str
) -> None:
    with admitting(plain_database, mosquitto):
        os.kill(mosquitto.pid, signal.SIGKILL)
        register(plain_database, "first")

        mosquitto.start()

        assert lets_in(mosquitto, "first")


def test_nobody_is_let_in_before_the_registry_was_asked(
    state_folder: Path, plain_database: str
) -> None:
    settings = BrokerSettings(folder=state_folder)
    register(plain_database, "first")
    with MosquittoBroker(settings) as broker, admitting(plain_database, broker):
        assert lets_in(broker, "first")

    with MosquittoBroker(settings) as broker:
        assert not may_enter(broker.port, NAME, "first")
        with admitting(plain_database, broker):
            assert lets_in(broker, "first")


def test_registry_that_is_away_for_long_lets_nobody_in(
    mosquitto: MosquittoBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "TRUST_SECONDS", 0.0)
    mosquitto.admit({NAME: hash_secret("first")})
    assert lets_in(mosquitto, "first")

    with admitting(NOBODY_ANSWERS, mosquitto):
        assert keeps_out(mosquitto, "first")


def test_broker_that_does_not_handle_the_signal_yet_is_not_killed_by_it(
    state_folder: Path,
) -> None:
    broker = MosquittoBroker(BrokerSettings(folder=state_folder))
    broker.prepare()

    assert not broker.announce()

    broker.release()
