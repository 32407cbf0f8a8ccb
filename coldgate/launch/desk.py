"""One gateway's place at the machine: its folder, its key, its credentials, its processes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from coldgate.crypto import create_private_key, load_private_key, public_key_text
from coldgate.errors import ConflictError, LaunchError
from coldgate.launch.client import ALREADY_EXISTS, Answer
from coldgate.launch.process import python
from coldgate.launch.worker import captured

if TYPE_CHECKING:
    from pathlib import Path

    from coldgate.launch.client import ApiClient
    from coldgate.launch.parcel import LoggerFile
    from coldgate.launch.process import Command

SEND_SECONDS: Final = 60
SENT: Final = re.compile(
    r": [0-9]+ readings, (?P<new>[0-9]+) new, the last is number (?P<last>[0-9]+)$", re.MULTILINE
)


class Credentials(Answer):
    """What a gateway needs to connect; the password is shown once."""

    id: str
    partition: str
    broker_host: str
    broker_port: int
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A delivered file: ``added`` readings of it were new, the newest got ``last_sequence``."""

    added: int
    last_sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A registered gateway that can be started; its outbox and key stay in ``folder``."""

    folder: Path
    credentials: Credentials

    def environment(self, **more: str | int) -> dict[str, str]:
        """The gateway's settings as variables; ``more`` adds to them or replaces some."""
        known: dict[str, str | int] = {
            "id": self.credentials.id,
            "partition": self.credentials.partition,
            "key_file": str(_key_file(self.folder)),
            "outbox": str(self.folder / "outbox.db"),
            "broker_host": self.credentials.broker_host,
            "broker_port": self.credentials.broker_port,
            "broker_password": self.credentials.password,
            "reconnect_at_most_every": "PT1S",  # the broker is on this machine
        }
        return {
            f"COLDGATE_GATEWAY_{name.upper()}": str(value) for name, value in (known | more).items()
        }

    def running(self, **more: str | int) -> Command:
        """The gateway as a process that runs until stopped."""
        return python("gateway", "run", env=self.environment(**more))

    async def send(self, file: LoggerFile) -> Sent:
        """Deliver a file; returns once the server has committed it."""
        command = python(
            "gateway",
            "send",
            *file.arguments(),
            "--wait",
            str(SEND_SECONDS),
            env=self.environment(),
        )
        status, output, problem = await captured(command)
        found = SENT.search(output.decode(errors="replace"))
        if status or found is None:
            said = problem.decode(errors="replace").strip().splitlines()
            raise LaunchError(said[-1] if said else f"the gateway ended with status {status}")
        return Sent(added=int(found["new"]), last_sequence=int(found["last"]))


async def open_desk(client: ApiClient, name: str, folder: Path, *, party: str) -> Desk:
    """The gateway ``name`` of ``party``, registered if it was not, with a password of its own.

    A gateway that exists gets a new password: the one before was shown to somebody else, once.
    """
    body = {"id": name, "public_key": _public_key(folder), "party": party}
    try:
        credentials = await client.post("/gateways", body, Credentials)
    except ConflictError as error:
        if error.code != ALREADY_EXISTS:
            raise
        credentials = await client.post(f"/gateways/{name}/rotate", {}, Credentials)
    return Desk(folder=folder, credentials=credentials)


def _public_key(folder: Path) -> str:
    """The public half of the key in ``folder``, made there if there is none."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = _key_file(folder)
    key = load_private_key(path) if path.exists() else create_private_key(path)
    return public_key_text(key)


def _key_file(folder: Path) -> Path:
    return folder / "key.pem"
