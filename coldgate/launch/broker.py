"""MQTT brokers of our own on loopback: NATS, or mosquitto when told so. Nobody is anonymous.

    with NatsBroker(BrokerSettings(folder=Path("state/broker"))) as broker:
        connect(broker.host, broker.port, broker.ingest_username, broker.ingest_password)

A gateway may publish below its own ``up/`` and subscribe below its own ``down/``. In NATS the API
answers for each connection (``api/devices/broker_auth.py``); mosquitto reads a password file, which
``coldgate/launch/admission.py`` keeps as the registry is.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

import nkeys  # type: ignore[import-untyped]  # the package ships no types

from coldgate.errors import LaunchError
from coldgate.launch.folder import LOOPBACK, accepts, write_private
from coldgate.launch.process import Command, recorded_pid, signal_if_caught
from coldgate.launch.server import EmbeddedServer
from coldgate.secrets import hash_secret, new_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

INGEST: Final = "ingest"
AUTHORITY: Final = "authority"
CALLOUT_SECONDS: Final = 5
GREETING_BYTES: Final = 4096
NATS_VARIABLE: Final = "COLDGATE_NATS_BIN"
TOPIC_BYTES: Final = 1024  # head and topic of a packet, beside its payload
MOSQUITTO_SAVE_SECONDS: Final = 30
MOSQUITTO_VARIABLE: Final = "COLDGATE_MOSQUITTO_BIN"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """What to run. ``ack_wait_seconds`` until an unacknowledged message comes again (NATS only).

    ``max_ack_pending`` messages may be on their way to ingest: 4096 of 100 readings are seven
    seconds of 60,000 readings/s. Payloads may exceed the wire's limit, so that ingest sees them
    and keeps them in quarantine.
    """

    folder: Path
    ack_wait_seconds: int = 30
    max_ack_pending: int = 4096
    max_payload_bytes: int = 1024 * 1024


class EmbeddedBroker(EmbeddedServer):
    """What both brokers share: loopback, a kept port, and the user that ingest connects as."""

    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    name: ClassVar[str] = "broker"
    host: ClassVar[str] = LOOPBACK
    ingest_username: ClassVar[str] = INGEST

    def __init__(self, settings: BrokerSettings) -> None:
        super().__init__(settings.folder)
        self.settings = settings
        self.port = 0
        self.ingest_password = ""

    @property
    def server_port(self) -> int:
        """Where ingest connects; the gateways' port unless the broker keeps the two apart."""
        return self.port

    @property
    def store(self) -> Path:
        """Where the broker keeps messages and sessions over restarts."""
        return self.folder.path / "store"

    def _make_state(self) -> None:
        self.ingest_password = self.folder.secret("ingest-password", new_secret)
        self.port = self.folder.port("mqtt-port")
        self.store.mkdir(mode=0o700, exist_ok=True)
        self._configure()

    @abstractmethod
    def _configure(self) -> None:
        """Write the broker's own configuration."""


class NatsBroker(EmbeddedBroker):
    """NATS with MQTT and a JetStream file store; ``url`` is for the authority only.

    Attributes:
        authority_password: of the user that answers for gateways.
        authority_seed: the key that its answers are signed with.
    """

    def __init__(self, settings: BrokerSettings) -> None:
        super().__init__(settings)
        self.authority_password = ""
        self.authority_seed = ""
        self._client_port = 0

    @property
    def url(self) -> str:
        """Where the authority connects."""
        return f"nats://{LOOPBACK}:{self._client_port}"

    def command(self) -> Command:
        """The server with its configuration file; it holds secrets and is readable by us only."""
        return Command(
            argv=(_program(NATS_VARIABLE, "nats-server"), "-c", str(self._configuration)),
            death_signal=signal.SIGTERM,
            record=self.record,
        )

    def ready(self) -> bool:
        """Whether the server greets with JetStream on and takes MQTT connections."""
        try:
            with socket.create_connection((LOOPBACK, self._client_port), timeout=1) as connection:
                greeting = connection.recv(GREETING_BYTES)
        except OSError:
            return False
        return b'"jetstream":true' in greeting and accepts(self.port)

    @property
    def _configuration(self) -> Path:
        return self.folder.path / "nats.conf"

    def _configure(self) -> None:
        self.authority_password = self.folder.secret("authority-password", new_secret)
        self.authority_seed = self.folder.secret("authority-seed", new_seed)
        self._client_port = self.folder.port("nats-port")
        write_private(self._configuration, json.dumps(self._document(), indent=2))

    def _document(self) -> Mapping[str, object]:
        """The configuration; NATS reads JSON as it reads its own notation."""
        issuer = issuer_of(self.authority_seed)
        callout = {"issuer": issuer, "account": "AUTH", "auth_users": [AUTHORITY, INGEST]}
        return {
            "server_name": "coldgate",
            "listen": f"{LOOPBACK}:{self._client_port}",
            "logtime_utc": True,
            "max_payload": self.settings.max_payload_bytes,
            "jetstream": {"store_dir": str(self.store)},
            "mqtt": {
                "listen": f"{LOOPBACK}:{self.port}",
                "ack_wait": f"{self.settings.ack_wait_seconds}s",
                "max_ack_pending": self.settings.max_ack_pending,
            },
            "authorization": {"timeout": CALLOUT_SECONDS, "auth_callout": callout},
            "accounts": {
                "COLDGATE": {"jetstream": "enabled", "users": [self._ingest_user()]},
                "AUTH": {"users": [{"user": AUTHORITY, "password": self.authority_password}]},
                "SYS": {},
            },
            "system_account": "SYS",
        }

    def _ingest_user(self) -> Mapping[str, object]:
        return {
            "user": INGEST,
            "password": self.ingest_password,
            "allowed_connection_types": ["MQTT"],
            "permissions": {
                "publish": ["coldgate.v1.*.*.down.>"],
                # MQTT's "up/#" means "up" as well, so NATS asks for both
                "subscribe": ["coldgate.v1.*.*.up", "coldgate.v1.*.*.up.>"],
            },
        }


class MosquittoBroker(EmbeddedBroker):
    """Debian's mosquitto; gateways are the ones of the last ``admit``, at a start nobody.

    Gateways and ingest have a listener each: on the gateways' one the client id is the user
    name, so that nobody takes over another's session.
    """

    def __init__(self, settings: BrokerSettings) -> None:
        super().__init__(settings)
        self._server_port = 0

    @staticmethod
    def available() -> bool:
        """Whether this machine has mosquitto."""
        return _found(MOSQUITTO_VARIABLE, "mosquitto") is not None

    @property
    def server_port(self) -> int:
        """Where ingest connects, with client ids of its own choice."""
        return self._server_port

    def command(self) -> Command:
        """The server with its configuration file."""
        return Command(
            argv=(_program(MOSQUITTO_VARIABLE, "mosquitto"), "-c", str(self._configuration)),
            env={"TZ": "UTC"},  # of its log
            death_signal=signal.SIGTERM,
            record=self.record,
        )

    def ready(self) -> bool:
        """Whether both listeners take connections."""
        return accepts(self.port) and accepts(self._server_port)

    def admit(self, stored: Mapping[str, str]) -> bool:
        """Let exactly these gateways connect from now on: id to ``coldgate.secrets`` stored form.

        The answer is that of ``announce``. Nothing restarts. The caller need not own the broker:
        it may be any process that may write into the folder.
        """
        ingest_password = self.folder.secret("ingest-password", new_secret)
        users = {**stored, INGEST: hash_secret(ingest_password)}
        lines = (f"{username}:{form}\n" for username, form in sorted(users.items()))
        write_private(self._passwords, "".join(lines))
        return self.announce()

    def announce(self) -> bool:
        """Have the running broker read its list again; False while it does not take the signal.

        A broker that starts reads the list by itself, but maybe the one before: repeat it then.
        Connections whose password is not in the list any more are ended.
        """
        pid = recorded_pid(self.record)
        return pid is not None and signal_if_caught(pid, signal.SIGHUP)

    @property
    def _configuration(self) -> Path:
        return self.folder.path / "mosquitto.conf"

    @property
    def _passwords(self) -> Path:
        return self.folder.path / "passwords"

    def _configure(self) -> None:
        self._server_port = self.folder.port("server-port")
        self.admit({})  # nobody else, before the registry was asked
        rules = self.folder.path / "rules"
        write_private(rules, _MOSQUITTO_RULES)
        lines = (
            f"listener {self.port} {LOOPBACK}",
            "use_username_as_clientid true",
            f"listener {self._server_port} {LOOPBACK}",
            "allow_anonymous false",
            f"password_file {self._passwords}",
            f"acl_file {rules}",
            "persistence true",
            f"persistence_location {self.store}/",
            f"autosave_interval {MOSQUITTO_SAVE_SECONDS}",
            "max_queued_messages 0",  # a full disk stops it, not a number
            f"max_inflight_messages {self.settings.max_ack_pending}",
            f"max_packet_size {self.settings.max_payload_bytes + TOPIC_BYTES}",
            "log_dest stderr",  # to a pipe, stdout comes late and in blocks
            "log_timestamp_format %Y-%m-%dT%H:%M:%SZ",
            "log_type error",
            "log_type warning",
            "log_type notice",
            *(["user root"] if os.geteuid() == 0 else []),  # it must read its 0600 files again
        )
        write_private(self._configuration, "\n".join([*lines, ""]))


_MOSQUITTO_RULES: Final = f"""\
pattern write coldgate/v1/+/%u/up/#
pattern read coldgate/v1/+/%u/down/#
user {INGEST}
topic read coldgate/v1/+/+/up/#
topic write coldgate/v1/+/+/down/#
"""


def new_seed() -> str:
    """The seed of a new NATS account key, with which the authority signs its answers."""
    seed: bytes = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_ACCOUNT)
    return seed.decode()


def issuer_of(seed: str) -> str:
    """The public key by which the broker knows answers signed with ``seed``."""
    issuer: bytes = nkeys.from_seed(seed.encode()).public_key
    return issuer.decode()


def _program(variable: str, name: str) -> str:
    found = _found(variable, name)
    if found is None:
        raise LaunchError(f"no {name} here; install it, or set {variable} to its path")
    return found


def _found(variable: str, name: str) -> str | None:
    """Path of a broker: the one that the variable names, else beside Python, else on PATH."""
    beside = str(Path(sys.executable).parent)
    places = os.pathsep.join([beside, os.environ.get("PATH", ""), "/usr/sbin"])
    return shutil.which(os.environ.get(variable, name), path=places)
