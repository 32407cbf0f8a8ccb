"""Real servers for the tests: each is started once, when the first test asks for it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from api.devices.broker_auth import AuthoritySettings, BrokerAuthority, GatewayGrant
from coldgate.errors import LaunchError
from coldgate.launch import postgres_binaries
from coldgate.launch.broker import BrokerSettings, EmbeddedBroker, MosquittoBroker, NatsBroker
from coldgate.launch.postgres import EmbeddedPostgres, PostgresSettings
from coldgate.launch.process import wait_until
from coldgate.secrets import hash_secret, new_secret, secret_matches
from coldgate.storage.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT: Final = Path(__file__).resolve().parents[1]
TIMESCALE_DSN: Final = "COLDGATE_TEST_TIMESCALE_DSN"
INSTALL_SECONDS: Final = 180
MEMORY: Final = Path("/dev/shm")  # noqa: S108 - folders in it are made by mkdtemp
MEMORY_BYTES_NEEDED: Final = 4 * 2**30  # by all servers of two workers
TIMESCALE_SETTINGS: Final = {
    "shared_preload_libraries": "timescaledb",
    "timescaledb.max_background_workers": "0",  # else CREATE DATABASE … TEMPLATE waits for them
    "timescaledb.telemetry_level": "off",
}


@dataclass(frozen=True)
class DatabaseServer:
    """A running PostgreSQL; ``kind`` is ``plain`` or ``timescale``."""

    kind: str
    dsn: str
    templates: dict[tuple[Callable[[str], object], ...], str] = field(default_factory=dict)

    @contextmanager
    def fresh(self, *prepared_by: Callable[[str], object]) -> Iterator[str]:
        """The DSN of a new, migrated database, dropped at the end.

        What ``prepared_by`` puts into it, given its DSN, is done once and copied ever after.
        """
        name = f"test_{uuid4().hex}"
        self._create(name, template=self._template(migrate, *prepared_by))
        try:
            yield self._dsn_of(name)
        finally:
            self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _template(self, *steps: Callable[[str], object]) -> str:
        """Name of the database that these steps made, one after the other."""
        if not steps:
            return "template1"
        if steps not in self.templates:
            name = f"template_{uuid4().hex}"
            self._create(name, template=self._template(*steps[:-1]))
            steps[-1](self._dsn_of(name))
            self.templates[steps] = name
        return self.templates[steps]

    def _create(self, name: str, *, template: str) -> None:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        self._execute(statement.format(sql.Identifier(name), sql.Identifier(template)))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(statement)

    def _dsn_of(self, database: str) -> str:
        return urlunsplit(urlsplit(self.dsn)._replace(path=f"/{database}"))


@dataclass(frozen=True)
class Broker:
    """A running broker and its gateways; ``kind`` is ``nats`` or ``mosquitto``."""

    kind: str
    server: EmbeddedBroker
    stored: dict[str, str] = field(default_factory=dict)
    partitions: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return self.server.host

    @property
    def port(self) -> int:
        """Where gateways connect; their client id must be their user name."""
        return self.server.port

    @property
    def server_port(self) -> int:
        """Where ingest connects; the same as ``port`` on NATS."""
        return self.server.server_port

    @property
    def ingest_username(self) -> str:
        return self.server.ingest_username

    @property
    def ingest_password(self) -> str:
        return self.server.ingest_password

    def register(self, gateway: str, partition: str = "p00") -> tuple[str, str]:
        """User name and password of a gateway that may connect from now on."""
        password = new_secret()
        self.stored[gateway] = hash_secret(password)
        self.partitions[gateway] = partition
        self._tell()
        return gateway, password

    def revoke(self, gateway: str) -> None:
        """Let the gateway not connect again."""
        del self.stored[gateway]
        self._tell()

    async def verify(self, username: str, password: str) -> GatewayGrant | None:
        """What the API asks its database, here a dictionary."""
        stored = self.stored.get(username, "")
        if not secret_matches(password, stored):
            return None
        return GatewayGrant(gateway=username, partition=self.partitions[username])

    def _tell(self) -> None:
        if isinstance(self.server, MosquittoBroker):
            self.server.admit(self.stored)


@contextmanager
def authority(broker: Broker, server: NatsBroker) -> Iterator[None]:
    """Answers for the broker's gateways, in a thread of its own."""
    settings = AuthoritySettings(
        url=server.url, password=server.authority_password, seed=server.authority_seed
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    answering = BrokerAuthority(settings, broker.verify)
    asyncio.run_coroutine_threadsafe(answering.start(), loop).result()
    try:
        assert wait_until(lambda: answering.connected, seconds=10)
        yield
    finally:
        asyncio.run_coroutine_threadsafe(answering.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@cache
def timescale_binaries() -> Path | str:
    """The folder of a PostgreSQL with TimescaleDB, or why there is none."""
    script = [sys.executable, str(ROOT / "tools" / "timescaledb.py")]
    try:
        answer = subprocess.run(
            script, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"TimescaleDB cannot be had here: no answer within {INSTALL_SECONDS} s"
    return Path(answer.stdout.strip()) if answer.returncode == 0 else answer.stderr.strip()


def pytest_report_header() -> list[str]:
    """Which servers the tests will use, and what is skipped and why."""
    return [
        f"postgresql: {_plain_sentence()}",
        f"timescaledb: {_timescale_sentence()}",
        f"brokers: {_broker_sentence()}",
        f"servers keep their files below {servers_folder()}",
    ]


def _plain_sentence() -> str:
    try:
        found = postgres_binaries.choose(data_major=None)
    except LaunchError as error:
        return f"database tests fail: {error}"
    return f"{found.major} in {found.folder}"


def _timescale_sentence() -> str:
    if TIMESCALE_DSN in os.environ:
        return f"the server named by {TIMESCALE_DSN}"
    found = timescale_binaries()
    return f"in {found}" if isinstance(found, Path) else f"tests on it are skipped: {found}"


def _broker_sentence() -> str:
    if MosquittoBroker.available():
        return "nats, mosquitto"
    return "nats; tests on mosquitto are skipped: it is not installed"


@cache
def servers_folder() -> Path:
    """In memory where there is room: most tests copy a database of a thousand files."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_NEEDED:
        return MEMORY
    return Path(tempfile.gettempdir())


@contextmanager
def open_folder() -> Iterator[Path]:
    """A short-lived folder that a server's own user can pass, unlike pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="coldgate-test-", dir=servers_folder()))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def state_folder() -> Iterator[Path]:
    """A folder for servers that a test starts itself, gone afterwards."""
    with open_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def plain_server() -> Iterator[DatabaseServer]:
    """PostgreSQL without TimescaleDB."""
    with (
        open_folder() as folder,
        EmbeddedPostgres(PostgresSettings(folder=folder, durable=False)) as server,
    ):
        yield DatabaseServer("plain", server.dsn)


@pytest.fixture(scope="session")
def timescale_server() -> Iterator[DatabaseServer]:
    """PostgreSQL with TimescaleDB: the one named by the environment, else our own."""
    given = os.environ.get(TIMESCALE_DSN)
    if given:
        yield DatabaseServer("timescale", given)
        return
    found = timescale_binaries()
    if isinstance(found, str):
        pytest.skip(found)
    with open_folder() as folder:
        settings = PostgresSettings(
            folder=folder, binaries=found, settings=TIMESCALE_SETTINGS, durable=False
        )
        with EmbeddedPostgres(settings) as server:
            yield DatabaseServer("timescale", server.dsn)


@pytest.fixture(params=["plain", "timescale"])
def database_server(request: pytest.FixtureRequest) -> DatabaseServer:
    """Each kind of server in turn; a test that takes it runs once on each."""
    server: DatabaseServer = request.getfixturevalue(f"{request.param}_server")
    return server


@pytest.fixture
def database(database_server: DatabaseServer) -> Iterator[str]:
    """The DSN of a fresh, migrated database, on each kind of server in turn."""
    with database_server.fresh() as dsn:
        yield dsn


@pytest.fixture
def plain_database(plain_server: DatabaseServer) -> Iterator[str]:
    """The DSN of a fresh, migrated database without TimescaleDB."""
    with plain_server.fresh() as dsn:
        yield dsn


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """NATS with its gateways answered for, as in production."""
    with (
        open_folder() as folder,
        NatsBroker(BrokerSettings(folder=folder, ack_wait_seconds=5)) as server,
    ):
        running = Broker("nats", server)
        with authority(running, server):
            yield running


@pytest.fixture(scope="session")
def mosquitto_broker() -> Iterator[Broker]:
    """Debian's mosquitto, where it is installed."""
    if not MosquittoBroker.available():
        pytest.skip("mosquitto is not installed")
    with (
        open_folder() as folder,
        MosquittoBroker(BrokerSettings(folder=folder)) as server,
    ):
        yield Broker("mosquitto", server)


@pytest.fixture(params=["nats", "mosquitto"])
def any_broker(request: pytest.FixtureRequest) -> Broker:
    """Each kind of broker in turn; a test that takes it runs once on each."""
    name = "broker" if request.param == "nats" else "mosquitto_broker"
    running: Broker = request.getfixturevalue(name)
    return running
