"""Real servers and processes for the benchmarks, in a folder that is gone afterwards."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.devices.broker_auth import AuthoritySettings, BrokerAuthority, GatewayGrant
from coldgate import crypto
from coldgate.launch.broker import BrokerSettings, NatsBroker
from coldgate.launch.folder import free_port
from coldgate.launch.postgres import EmbeddedPostgres, PostgresSettings
from coldgate.launch.process import wait_until
from coldgate.storage.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PARTY = "carrier-1"
PASSWORD = "benchmark"  # noqa: S105 - of a broker that lives for one run on loopback
_CERTIFICATES = b"""
INSERT INTO certificate (logger_id, quantity, number, valid_from, valid_to, expanded_milli,
                         resolution_milli, drift_milli, corrections, entered_by)
SELECT id, 1, 'CAL-1', now() - interval '1 year', now() + interval '1 year', 200, 0, 0, '[]',
       'operator'
FROM logger WHERE serial = ANY (%s)
"""
POSTGRES = {"shared_buffers": "256MB", "max_wal_size": "4GB", "checkpoint_timeout": "15min"}


@dataclass(frozen=True)
class House:
    """PostgreSQL with fsync, NATS with gateways answered for, and what to start beside them."""

    folder: Path
    postgres: EmbeddedPostgres
    broker: NatsBroker
    stack: ExitStack

    @property
    def dsn(self) -> str:
        """How to reach the database as its owner."""
        return self.postgres.dsn

    def start(self, module: str, **environment: str) -> psutil.Process:
        """Start ``python -m module`` as in production; it ends with the house."""
        log = self.stack.enter_context((self.folder / f"{module}.log").open("wb"))
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            env={**os.environ, **self.environment(), **environment},
            stderr=log,
        )
        self.stack.callback(process.wait)
        self.stack.callback(process.terminate)
        return psutil.Process(process.pid)

    def environment(self) -> dict[str, str]:
        """What every process is told about database and broker."""
        return {
            "COLDGATE_DATABASE_DSN": self.dsn,
            "COLDGATE_BROKER_HOST": self.broker.host,
            "COLDGATE_BROKER_PORT": str(self.broker.server_port),
            "COLDGATE_BROKER_USERNAME": self.broker.ingest_username,
            "COLDGATE_BROKER_PASSWORD": self.broker.ingest_password,
        }

    def start_ingest(self) -> tuple[psutil.Process, int]:
        """Ingest, subscribed, and the port of its metrics."""
        port = free_port()
        process = self.start("ingest", COLDGATE_INGEST_METRICS_PORT=str(port))
        assert wait_until(lambda: metric(port, "coldgate_ingest_subscribed") == 1, seconds=20)
        return process, port

    def register(self, gateway: str, serials: Sequence[str]) -> Ed25519PrivateKey:
        """A gateway with its key, and its loggers, calibrated."""
        key = Ed25519PrivateKey.generate()
        with psycopg.connect(self.dsn) as connection:
            connection.execute(
                "INSERT INTO party (id, name, kind) VALUES (%s, 'Carrier', 'carrier')"
                " ON CONFLICT DO NOTHING",
                (PARTY,),
            )
            connection.execute(
                "INSERT INTO gateway (name, party_id, partition, public_key, secret_hash)"
                " VALUES (%s, %s, 'p00', %s, '-')",
                (gateway, PARTY, crypto.public_key_text(key)),
            )
            connection.cursor().executemany(
                "INSERT INTO logger (serial, party_id, interval_ms) VALUES (%s, %s, 60000)",
                [(serial, PARTY) for serial in serials],
            )
            connection.execute(
                "INSERT INTO party (id, name, kind) VALUES ('operator', 'Operator', 'operator')"
                " ON CONFLICT DO NOTHING"
            )
            connection.execute(_CERTIFICATES, (list(serials),))
        return key

    def query(self, statement: bytes) -> int:
        """One number from the database."""
        with psycopg.connect(self.dsn) as connection:
            row = connection.execute(statement).fetchone()
        assert row is not None
        return int(row[0])

    def cpu_seconds(self, pid: int) -> float:
        """CPU time of a process and of its children, living and gone."""
        process = psutil.Process(pid)
        own = process.cpu_times()
        total: float = own.user + own.system + own.children_user + own.children_system
        for child in process.children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it ended: its parent counts it from now on
                times = child.cpu_times()
                total += times.user + times.system
        return total


@contextmanager
def house() -> Iterator[House]:
    """A migrated database and a broker, with commits that reach the disk."""
    folder = Path(tempfile.mkdtemp(prefix="coldgate-bench-"))
    folder.chmod(0o711)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        settings = PostgresSettings(folder=folder / "postgres", settings=POSTGRES)
        postgres = stack.enter_context(EmbeddedPostgres(settings))
        broker = stack.enter_context(NatsBroker(BrokerSettings(folder=folder / "broker")))
        migrate(postgres.dsn)
        stack.enter_context(_authority(broker))
        yield House(folder, postgres, broker, stack)


@contextmanager
def _authority(broker: NatsBroker) -> Iterator[None]:
    """Lets any gateway in with the benchmark's password."""

    async def verify(username: str, password: str) -> GatewayGrant | None:
        return GatewayGrant(gateway=username, partition="p00") if password == PASSWORD else None

    settings = AuthoritySettings(
        url=broker.url, password=broker.authority_password, seed=broker.authority_seed
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    authority = BrokerAuthority(settings, verify)
    asyncio.run_coroutine_threadsafe(authority.start(), loop).result()
    assert wait_until(lambda: authority.connected, seconds=10)
    yield
    asyncio.run_coroutine_threadsafe(authority.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def metric(port: int, name: str) -> float:
    """One sample of a process's metrics, 0 while it does not answer."""
    import urllib.request  # noqa: PLC0415 - used here only

    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[-1]) for line in lines if line.startswith(name + " ")), 0.0)
