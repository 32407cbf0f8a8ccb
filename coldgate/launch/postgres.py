"""A PostgreSQL server of our own on loopback, whose data survive every restart.

with EmbeddedPostgres(PostgresSettings(folder=Path("state/postgres"))) as server:
    connect(server.dsn)
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from coldgate.errors import LaunchError
from coldgate.launch import postgres_binaries
from coldgate.launch.folder import LOOPBACK, account_named, closed_parent, write_private
from coldgate.launch.process import Account, Command, wait_until
from coldgate.launch.server import STOP_SECONDS, EmbeddedServer
from coldgate.launch.tether import start_ticks
from coldgate.secrets import new_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coldgate.launch.postgres_binaries import Binaries

logger = logging.getLogger(__name__)

SUPERUSER: Final = "coldgate"
DATABASE: Final = "coldgate"
OPEN_TO_ALL: Final = Path("/var/lib/coldgate")  # root's substitute for a path others cannot pass
STATUS_LINE: Final = 7  # of postmaster.pid, counted from 0; "ready" or "starting" (pidfile.h)
VOLATILE: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresSettings:
    """What to run; ``settings`` are server parameters, such as ``shared_preload_libraries``.

    ``durable=False`` trades the data's safety in a crash for speed: for tests only.
    """

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    binaries: Path | None = None
    durable: bool = True


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL in ``settings.folder``, reached by ``dsn`` with a password made once.

    As root it runs as an unprivileged user (PostgreSQL refuses root). Its death signal asks for
    a fast shutdown, so even kill -9 of the owner leaves nothing running and nothing to repair.
    """

    name: ClassVar[str] = "postgres"
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT  # "fast": ends sessions, keeps commits

    def __init__(self, settings: PostgresSettings) -> None:
        super().__init__(settings.folder)
        self.settings = settings
        self.port = 0
        self._account: Account | None = None
        self._binaries: Binaries | None = None
        self._password = ""

    @property
    def data(self) -> Path:
        """The data directory; elsewhere than in the folder only where root must choose so."""
        return self._home() / "data"

    @property
    def dsn(self) -> str:
        """How a client reaches the database, password included: never log it."""
        return self.dsn_of(DATABASE)

    def dsn_of(self, database: str) -> str:
        """The same for another database of this server."""
        return _dsn(self._password, self.port, database)

    def command(self) -> Command:
        """The server, with every parameter on its command line: nothing is edited on disk."""
        parameters = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",  # paths over 107 bytes fail, and TCP is enough
            "password_encryption": "scram-sha-256",
            "log_line_prefix": "%m ",
            "timezone": "UTC",
            **({} if self.settings.durable else VOLATILE),
            **self.settings.settings,
        }
        options = [part for name, value in parameters.items() for part in ("-c", f"{name}={value}")]
        program = str(self._chosen().folder / "postgres")
        command = self._command(program, "-D", str(self.data), *options)
        return replace(command, record=self.record)

    def ready(self) -> bool:
        """Whether the postmaster says that it takes clients (what ``pg_ctl --wait`` reads)."""
        lines = self._pidfile()
        if len(lines) <= STATUS_LINE or lines[STATUS_LINE].strip() != "ready":
            return False
        return _works_in(int(lines[0]), self.data)

    def clear_left_overs(self) -> None:
        """End the server of an owner that was killed, and wait for its sessions to notice.

        A pid file whose process is gone stays: PostgreSQL itself uses it to make sure that no
        session of the dead server still writes. One that names a stranger would stop it for ever.

        Raises:
            LaunchError: somebody else's server uses the data directory.
        """
        super().clear_left_overs()
        lines = self._pidfile()
        if not lines:
            return
        pid = int(lines[0])
        if _works_in(pid, self.data):
            raise LaunchError(f"{self.data} is in use by a PostgreSQL with process id {pid}")
        wait_until(lambda: not _anyone_in(self.data), seconds=STOP_SECONDS)
        if start_ticks(pid) is not None:
            (self.data / "postmaster.pid").unlink()

    def _pidfile(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return []

    def _home(self) -> Path:
        """The folder that holds the data: ours, unless the server's user could not get there.

        A substitute is named once and noted in our folder: a new folder at the same path must not
        find an old one's data, whose password is gone.
        """
        account = self._user()
        ours = self.folder.path
        if account is None or closed_parent(ours / "data", account) is None:
            return ours
        return Path(self.folder.secret("data-is-in", lambda: str(_substitute(ours.name))))

    def _user(self) -> Account | None:
        if os.geteuid() == 0 and self._account is None:
            self._account = account_named("postgres", "nobody")
        return self._account

    def _chosen(self) -> Binaries:
        if self._binaries is None:
            raise LaunchError("prepare() comes before command()")
        return self._binaries

    def _command(self, *argv: str) -> Command:
        return Command(argv=argv, cwd=Path("/"), account=self._user(), death_signal=signal.SIGINT)

    def _make_state(self) -> None:
        self._password = self.folder.secret("password", new_secret)
        self._binaries = self._reachable(
            postgres_binaries.choose(
                data_major=_major_of(self.data), explicit=self.settings.binaries
            )
        )
        if not self.data.exists():
            self._initialise()
        self.port = self.folder.port("port")

    def _reachable(self, found: Binaries) -> Binaries:
        """The same binaries, copied to where the server's user can read them if it must be."""
        account = self._user()
        closed = closed_parent(found.folder / "postgres", account) if account else None
        if account is None or closed is None:
            return found
        if found.folder != postgres_binaries.wheel_folder():
            raise LaunchError(
                f"user {account.name} cannot reach {found.folder}: {closed} is closed to it"
            )
        made_at = int((found.folder / "postgres").stat().st_mtime)  # an upgrade is another copy
        _make_passable(OPEN_TO_ALL)
        copy = postgres_binaries.copy_wheel(OPEN_TO_ALL / f"postgresql-{found.major}-{made_at}")
        return replace(found, folder=copy)

    def _initialise(self) -> None:
        """Make the cluster and our database beside the final place, then move it in one step."""
        home = self._home()
        if home != self.folder.path:
            logger.warning("data kept elsewhere", extra={"path": str(home), "reason": "closed"})
            _make_passable(home)
        draft, password = home / "data.new", home / "password.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        write_private(password, self._password + "\n")
        self._give(draft)
        self._give(password)
        self._run_initdb(draft, password)
        password.unlink()
        self._create_database(draft)
        draft.rename(self.data)

    def _give(self, path: Path) -> None:
        account = self._user()
        if account is not None:
            os.chown(path, account.uid, account.gid)

    def _run_initdb(self, data: Path, password: Path) -> None:
        initdb = str(self._chosen().folder / "initdb")
        options = ["--auth=scram-sha-256", f"--username={SUPERUSER}", f"--pwfile={password}"]
        locale = ["--encoding=UTF8", "--locale=C"]  # the same order of text on every machine
        sync = [] if self.settings.durable else ["--no-sync"]
        self._finish(initdb, *options, *locale, *sync, "-D", str(data))

    def _create_database(self, data: Path) -> None:
        program = str(self._chosen().folder / "postgres")
        sync = [] if self.settings.durable else ["-F"]
        statement = f"CREATE DATABASE {DATABASE}"
        self._finish(program, "--single", *sync, "-D", str(data), "template1", stdin=statement)

    def _finish(self, *argv: str, stdin: str = "") -> None:
        command = self._command(*argv)
        answer = subprocess.run(
            command.tethered(),
            cwd=command.cwd,
            env=command.environment(),
            input=stdin + "\n",
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,  # Ctrl-C is for the owner; half a cluster helps nobody
        )
        if answer.returncode:
            raise LaunchError(f"{argv[0]} failed: {answer.stderr.strip()}")


def dsn_in(folder: Path) -> str:
    """The DSN of the server that another process runs in ``folder``."""
    try:
        password, port = (
            (folder / name).read_text("utf-8").strip() for name in ("password", "port")
        )
    except FileNotFoundError as error:
        raise LaunchError(f"{folder} is in use, but no server takes clients there yet") from error
    return _dsn(password, int(port), DATABASE)


def _dsn(password: str, port: int, database: str) -> str:
    return f"postgresql://{SUPERUSER}:{password}@{LOOPBACK}:{port}/{database}"


def _substitute(name: str) -> Path:
    return OPEN_TO_ALL / f"{name}-{secrets.token_hex(6)}"


def _make_passable(folder: Path) -> None:
    """Make the folder one that the server's user may pass, whatever root's umask is."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in (folder, OPEN_TO_ALL):
        each.chmod(0o711)


def _major_of(data: Path) -> int | None:
    try:
        return int((data / "PG_VERSION").read_text(encoding="ascii"))
    except FileNotFoundError:
        return None


def _anyone_in(folder: Path) -> bool:
    """Whether any process works in that folder: sessions that outlived their postmaster."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return any(_works_in(pid, folder) for pid in pids)


def _works_in(pid: int, folder: Path) -> bool:
    """Whether that process lives and works in that folder, as a postmaster does in its data."""
    try:
        return Path(f"/proc/{pid}/cwd").samefile(folder)
    except OSError:
        return False
