"""One whole Coldgate on one machine: its own servers and its own processes, in one folder."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from coldgate.errors import LaunchError
from coldgate.launch.broker import BrokerSettings, EmbeddedBroker, MosquittoBroker, NatsBroker
from coldgate.launch.folder import LOOPBACK, OwnedFolder, accepts, is_free, write_private
from coldgate.launch.postgres import EmbeddedPostgres, PostgresSettings
from coldgate.launch.probe import problem
from coldgate.launch.process import Command, python
from coldgate.launch.supervisor import Child, Supervisor, nothing
from coldgate.secrets import new_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

BrokerKind: TypeAlias = Literal["nats", "mosquitto"]

API_GRACE_SECONDS: Final = 15.0  # open streams and requests end first


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSettings:
    """Where everything is kept; a port of 0 is chosen once and kept in the folder.

    ``broker`` may change from one run to the next: gateways find it at the same port, and send
    again what it had not passed on. ``postgres`` are server parameters; ``durable=False`` is for
    tests only.
    """

    folder: Path
    api_host: str = LOOPBACK
    api_port: int = 0
    broker: BrokerKind = "nats"
    postgres: Mapping[str, str] = field(default_factory=dict)
    durable: bool = True


class Machine:
    """Database, broker, migrations, ingest, analytics and API, supervised together.

        machine = Machine(MachineSettings(folder=Path(".coldgate")))
        asyncio.run(machine.run(write=print))

    What it knows after ``prepare`` (ports, passwords, the operator's key) stays the same as long
    as the folder does.
    """

    def __init__(self, settings: MachineSettings) -> None:
        self.settings = settings
        self.folder = OwnedFolder(settings.folder)
        self.postgres = EmbeddedPostgres(
            PostgresSettings(
                folder=settings.folder / "postgres",
                settings=settings.postgres,
                durable=settings.durable,
            )
        )
        kind = MosquittoBroker if settings.broker == "mosquitto" else NatsBroker
        self.broker: EmbeddedBroker = kind(BrokerSettings(folder=settings.folder / "broker"))
        self.api_port = settings.api_port
        self.health_port = self.ingest_metrics_port = self.analytics_metrics_port = 0
        self.admission_metrics_port = 0
        self.operator_key = self.operator_invitation = self.signing_key = ""

    @property
    def api_url(self) -> str:
        """Where the API answers."""
        return f"http://{self.settings.api_host}:{self.api_port}"

    def prepare(self) -> ExitStack:
        """Own the folder and make both servers' state; closing the answer gives all of it back."""
        with ExitStack() as owned:
            self.folder.acquire()
            owned.callback(self.folder.release)
            self.operator_key = self.folder.secret("operator-key", new_secret)
            self.operator_invitation = self.folder.secret("operator-invitation", new_secret)
            self.signing_key = self.folder.secret("signing-key", new_secret)
            self.api_port = self._choose_api_port()
            self.health_port = self.folder.port("health-port")
            self.ingest_metrics_port = self.folder.port("ingest-metrics-port")
            self.analytics_metrics_port = self.folder.port("analytics-metrics-port")
            self.admission_metrics_port = self.folder.port("admission-metrics-port")
            write_private(self.folder.path / "api-url", self.api_url + "\n")  # for other commands
            for server in (self.postgres, self.broker):
                server.prepare()
                owned.callback(server.release)
            return owned.pop_all()

    def _choose_api_port(self) -> int:
        """The port that was asked for, or the kept one; another program's is refused at once."""
        port = self.settings.api_port
        if port and not is_free(port):
            raise LaunchError(f"port {port} is taken by another program; choose one with --port")
        return port or self.folder.port("api-port")

    def children(self) -> tuple[Child, ...]:
        """All processes in order of start; ``prepare`` comes before."""
        return (
            Child.of(self.postgres),
            Child.of(self.broker),
            Child(name="migrate", command=self._python("coldgate.storage", "migrate"), once=True),
            *self._admission(),
            Child(
                name="ingest",
                command=self._python("ingest"),
                ready=partial(_says, self.ingest_metrics_port, "coldgate_ingest_subscribed 1.0"),
            ),
            Child(
                name="analytics",
                command=self._python("analytics"),
                ready=partial(_says, self.analytics_metrics_port, "coldgate_analytics_judging 1.0"),
            ),
            Child(
                name="api",
                command=self._python("api"),
                ready=lambda: accepts(self.api_port),
                grace_seconds=API_GRACE_SECONDS,
            ),
        )

    async def run(
        self, *, write: Callable[[str], None], started: Callable[[], None] = nothing
    ) -> None:
        """Run until Ctrl-C or SIGTERM; ``started`` is called when all processes are ready.

        Raises:
            LaunchError: something could not be started; nothing is left running.
        """
        with self.prepare():
            supervisor = Supervisor(self.children(), write=write, health_port=self.health_port)
            await supervisor.run(started=started)

    def environment(self) -> dict[str, str]:
        """What the processes are told; each reads only its own part."""
        return {
            "COLDGATE_DATABASE_DSN": self.postgres.dsn,
            "COLDGATE_BROKER_HOST": self.broker.host,
            "COLDGATE_BROKER_PORT": str(self.broker.server_port),
            "COLDGATE_BROKER_USERNAME": self.broker.ingest_username,
            "COLDGATE_BROKER_PASSWORD": self.broker.ingest_password,
            "COLDGATE_INGEST_METRICS_PORT": str(self.ingest_metrics_port),
            "COLDGATE_ANALYTICS_METRICS_PORT": str(self.analytics_metrics_port),
            "COLDGATE_API_HOST": self.settings.api_host,
            "COLDGATE_API_PORT": str(self.api_port),
            "COLDGATE_API_BROKER_HOST": self.broker.host,
            "COLDGATE_API_BROKER_PORT": str(self.broker.port),
            "COLDGATE_API_OPERATOR_KEY": self.operator_key,
            "COLDGATE_API_OPERATOR_INVITATION": self.operator_invitation,
            "COLDGATE_API_SIGNING_KEY": self.signing_key,
            "COLDGATE_API_CHECKPOINT_FILE": str(self.folder.path / "checkpoints"),
            **self._broker_environment(),
        }

    def _admission(self) -> tuple[Child, ...]:
        """Who tells the broker which gateways there are; nobody needs to tell NATS."""
        if isinstance(self.broker, NatsBroker):
            return ()
        current = partial(_says, self.admission_metrics_port, "coldgate_admission_current 1.0")
        command = self._python("coldgate.launch.admission")
        return (Child(name="admission", command=command, ready=current),)

    def _broker_environment(self) -> dict[str, str]:
        if isinstance(self.broker, NatsBroker):
            return {
                "COLDGATE_API_AUTHORITY_URL": self.broker.url,
                "COLDGATE_API_AUTHORITY_PASSWORD": self.broker.authority_password,
                "COLDGATE_API_AUTHORITY_SEED": self.broker.authority_seed,
            }
        return {
            "COLDGATE_ADMISSION_BROKER_FOLDER": str(self.broker.folder.path),
            "COLDGATE_ADMISSION_METRICS_PORT": str(self.admission_metrics_port),
        }

    def _python(self, module: str, *arguments: str) -> Command:
        return python(module, *arguments, env=self.environment())


def _says(port: int, line: str) -> bool:
    """Whether the process whose metrics are at ``port`` reports ``line``."""
    return problem(f"http://{LOOPBACK}:{port}/metrics", line) is None
