"""The production shape as plain processes: its own commands, environment and health checks."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import yaml

from coldgate.launch import postgres_binaries
from coldgate.launch.deployment import new_environment
from coldgate.launch.folder import LOOPBACK, free_port, write_private
from coldgate.launch.postgres import EmbeddedPostgres, PostgresSettings
from coldgate.launch.process import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT: Final = Path(__file__).resolve().parents[1]
COMPOSE: Final = ROOT / "docker-compose.yml"
NATS_CONF: Final = ROOT / "deploy" / "nats.conf"
HEALTHY_SECONDS: Final = 30
VARIABLE: Final = re.compile(r"\$\{(\w+)(?:(:-|:\?)([^}]*))?\}")


class MissingVariableError(Exception):
    """A required variable is not set; the message is the one that the compose file gives."""


def interpolate(value: Any, variables: Mapping[str, str]) -> Any:
    """``value`` with every ``${NAME}``, ``${NAME:-default}`` and ``${NAME:?message}`` filled in."""
    if isinstance(value, dict):
        return {key: interpolate(inner, variables) for key, inner in value.items()}
    if isinstance(value, list):
        return [interpolate(inner, variables) for inner in value]
    if not isinstance(value, str):
        return value

    def fill(match: re.Match[str]) -> str:
        name, operator, word = match.groups()
        if variables.get(name):
            return variables[name]
        if operator == ":-":
            return str(word)
        raise MissingVariableError(word or name)

    return VARIABLE.sub(fill, value)


def load(variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The compose file, its anchors resolved; interpolated where variables are given."""
    document = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    loaded: dict[str, Any] = document if variables is None else interpolate(document, variables)
    return loaded


def nats_document(variables: Mapping[str, str]) -> dict[str, Any]:
    """The broker's configuration file as values; its comments and its include are left out."""
    lines = NATS_CONF.read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    text = re.sub(r",\s*include [^\n]+", "", text)
    filled = re.sub(r"\$(\w+)", lambda match: json.dumps(variables[match[1]]), text)
    document: dict[str, Any] = json.loads(filled)
    return document


@dataclass(frozen=True)
class Ports:
    """Free ports of this machine in place of those inside the containers."""

    database: int
    mqtt: int
    nats: int
    monitor: int
    api: int
    ingest_metrics: int
    analytics_metrics: int

    @classmethod
    def free(cls) -> Ports:
        return cls(**{name: free_port() for name in cls.__annotations__})


class Production:
    """All services of the compose file on loopback, started in order and ended in reverse."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secrets = new_environment()
        self.services: dict[str, Any] = load(self.secrets)["services"]
        self.ports = Ports.free()
        self._stack = ExitStack()

    @property
    def api_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.api}"

    @cached_property
    def programs(self) -> str:
        """PATH with Python of this environment and PostgreSQL's own programs in front."""
        binaries = postgres_binaries.choose(data_major=None).folder
        return os.pathsep.join(
            [str(Path(sys.executable).parent), str(binaries), os.environ["PATH"]]
        )

    def __enter__(self) -> Self:
        with self._stack:
            self._stack.enter_context(self._database())
            self._stack.enter_context(self._process("broker", self._broker_command()))
            self.run("migrate")
            for name in ("ingest", "analytics", "api"):
                command = self.command(name)
                self._stack.enter_context(self._process(name, command))
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def command(self, name: str) -> list[str]:
        return [self.here(name, part) for part in self.services[name]["command"]]

    def environment(self, name: str) -> dict[str, str]:
        """The service's own variables and nothing of ours but PATH."""
        own = {
            key: self.here(name, value) for key, value in self.services[name]["environment"].items()
        }
        own |= {key: self._port(name, key, value) for key, value in own.items()}
        return {"PATH": self.programs, **own}

    def here(self, name: str, text: str) -> str:
        """A word of the compose file with this machine's addresses in it."""
        monitor = {
            "ingest": self.ports.ingest_metrics,
            "analytics": self.ports.analytics_metrics,
        }.get(name, 0)
        replaced = {
            "@timescaledb:5432/": f"@{LOOPBACK}:{self.ports.database}/",
            "nats://broker:4222": f"nats://{LOOPBACK}:{self.ports.nats}",
            f"{LOOPBACK}:9100/": f"{LOOPBACK}:{monitor}/",
            f"{LOOPBACK}:8222/": f"{LOOPBACK}:{self.ports.monitor}/",
            f"{LOOPBACK}:8000/": f"{LOOPBACK}:{self.ports.api}/",
            "/etc/coldgate": str(self.folder / "etc"),
        }
        for inside, outside in replaced.items():
            text = text.replace(inside, outside)
        return LOOPBACK if text in ("broker", "0.0.0.0") else text  # noqa: S104 - replaced here

    def _port(self, name: str, key: str, value: str) -> str:
        ports = {
            ("ingest", "COLDGATE_BROKER_PORT"): self.ports.mqtt,
            ("ingest", "COLDGATE_INGEST_METRICS_PORT"): self.ports.ingest_metrics,
            ("analytics", "COLDGATE_ANALYTICS_METRICS_PORT"): self.ports.analytics_metrics,
            ("api", "COLDGATE_API_PORT"): self.ports.api,
            ("api", "COLDGATE_API_BROKER_PORT"): self.ports.mqtt,
        }
        return str(ports[name, key]) if (name, key) in ports else value

    def run(self, name: str) -> None:
        """Run a one-shot service to its end."""
        subprocess.run(self.command(name), env=self.environment(name), check=True, timeout=60)

    def healthy(self, name: str) -> bool:
        """Whether the service's own health check passes now."""
        kind, *check = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        command = [self.here(name, part) for part in check]
        if command[0] == "pg_isready":
            command += ["-p", str(self.ports.database)]
        if command[0] == "wget" and shutil.which("wget") is None:
            command = [sys.executable, "-m", "coldgate.launch.probe", command[-1]]
        environment = {"PATH": self.programs}
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        return done.returncode == 0

    @contextmanager
    def _process(self, name: str, command: list[str]) -> Iterator[None]:
        process = subprocess.Popen(command, env=self.environment(name), cwd=self.folder)
        try:
            assert wait_until(lambda: self.healthy(name), seconds=HEALTHY_SECONDS), name
            yield
        finally:
            process.terminate()
            process.wait(30)

    @contextmanager
    def _database(self) -> Iterator[None]:
        """PostgreSQL with the owner's password of the secrets, and the logins of the script."""
        folder = self.folder / "postgres"
        folder.mkdir(mode=0o711)
        write_private(folder / "password", self.secrets["COLDGATE_OWNER_PASSWORD"] + "\n")
        (folder / "port").write_text(str(self.ports.database), encoding="ascii")
        with EmbeddedPostgres(PostgresSettings(folder=folder, durable=False)) as server:
            assert wait_until(lambda: self.healthy("timescaledb"), seconds=HEALTHY_SECONDS)
            script = str(ROOT / "deploy" / "logins.sql")
            command = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", script, server.dsn]
            subprocess.run(command, env=self.environment("timescaledb"), check=True)
            yield

    def _broker_command(self) -> list[str]:
        """The broker's command, with its files where the volumes would put them."""
        etc = self.folder / "etc"
        etc.mkdir()
        shutil.copy(ROOT / "deploy" / "tls" / "off.conf", etc / "tls.conf")
        text = NATS_CONF.read_text(encoding="utf-8")
        for inside, outside in {
            "0.0.0.0:4222": f"{LOOPBACK}:{self.ports.nats}",
            "0.0.0.0:1883": f"{LOOPBACK}:{self.ports.mqtt}",
            f"{LOOPBACK}:8222": f"{LOOPBACK}:{self.ports.monitor}",
            "/var/lib/nats": str(self.folder / "nats"),
        }.items():
            assert inside in text
            text = text.replace(inside, outside)
        (etc / "nats.conf").write_text(text, encoding="utf-8")
        return self.command("broker")
