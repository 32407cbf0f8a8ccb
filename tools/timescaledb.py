#!/usr/bin/env python3
"""A real TimescaleDB in a private folder, without root and without touching the system.

Prints the folder of its programs, for ``COLDGATE_PG_BIN`` and for the tests. The packages are
Debian's (suite trixie: PostgreSQL 17 and the Apache edition of TimescaleDB), fetched and verified
by apt's own client from the mirror that this machine's apt already uses. They bring their own C
library, so ``postgres`` and ``initdb`` are wrapped to run under the loader that came with them.
A second run finds the work done and returns at once.

Exit status: 0 with the folder on stdout; 3 with one line on stderr when it cannot be had here.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

SUITE: Final = "trixie"
MAJOR: Final = 17
KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SECONDARY_SUITES: Final = ("-security", "-updates", "-backports")
WRAPPED: Final = ("initdb", "pg_ctl", "postgres")
EXIT_UNAVAILABLE: Final = 3
PACKAGES: Final = (
    f"postgresql-{MAJOR}",
    f"postgresql-{MAJOR}-timescaledb",
    "libc6",
    "libaudit1",
    "libcap-ng0",
    "libcap2",
    "libcom-err2",
    "libgcc-s1",
    "libgssapi-krb5-2",
    "libicu76",
    "libk5crypto3",
    "libkeyutils1",
    "libkrb5-3",
    "libkrb5support0",
    "libldap2",
    "liblz4-1",
    "liblzma5",
    "libpam0g",
    "libpq5",
    "libsasl2-2",
    "libssl3t64",
    "libstdc++6",
    "libsystemd0",
    "libxml2",
    "libzstd1",
    "zlib1g",
)


class UnavailableError(Exception):
    """TimescaleDB cannot be had on this machine; the message is one line and says why."""


def install(folder: Path) -> Path:
    """The ``bin`` folder of TimescaleDB's PostgreSQL below ``folder``, made when it is missing.

    Raises:
        UnavailableError: no apt, no mirror, no network, or programs that do not run here.
    """
    root = folder.resolve() / "root"  # one for all checkouts that link to it
    binaries = root / "usr/lib/postgresql" / str(MAJOR) / "bin"
    finished = folder / "finished"  # holds the path that the wrappers were written for
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if finished.exists() and finished.read_text(encoding="utf-8") == str(root):
            return binaries
        shutil.rmtree(root, ignore_errors=True)
        _unpack(_download(folder), root)
        _wrap(root, binaries)
        _check(binaries)
        for scaffolding in ("packages", "apt"):
            shutil.rmtree(folder / scaffolding)
        finished.write_text(str(root), encoding="utf-8")
    return binaries


def _download(folder: Path) -> list[Path]:
    """The packages' files, verified by apt against the system's own keys of the archive."""
    for tool in ("apt-get", "apt-config", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise UnavailableError(f"{tool} is missing: this is not a Debian machine")
    if not KEYRING.exists():
        raise UnavailableError(f"{KEYRING} is missing; install debian-archive-keyring")
    packages = folder / "packages"
    shutil.rmtree(packages, ignore_errors=True)
    packages.mkdir()
    environment = {**os.environ, "APT_CONFIG": str(_configure(folder, _mirror()))}
    _run(["apt-get", "-q", "update"], environment=environment)
    _run(["apt-get", "-q", "download", *PACKAGES], environment=environment, cwd=packages)
    return sorted(packages.glob("*.deb"))


def _mirror() -> str:
    """The address of the Debian archive that this machine's apt uses."""
    form = "$(REPO_URI) $(RELEASE)"
    listing = _run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"])
    for line in listing.splitlines():
        address, _, suite = line.partition(" ")
        archive = address.rstrip("/").endswith("/debian")
        if archive and not suite.endswith(SECONDARY_SUITES):
            return address
    raise UnavailableError("apt on this machine names no Debian archive")


def _configure(folder: Path, mirror: str) -> Path:
    """An apt configuration with folders of its own; only how to fetch comes from the system's."""
    state = folder.absolute() / "apt"
    for name in ("lists/partial", "cache/archives/partial", "empty"):
        (state / name).mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    source = f"deb [signed-by={KEYRING}] {mirror} {SUITE} main\n"
    (state / "sources.list").write_text(source, encoding="utf-8")
    settings = {
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "Dir::Etc::sourcelist": state / "sources.list",
        "Dir::Etc::sourceparts": state / "empty",
        "Dir::Etc::parts": state / "empty",  # else the system's hooks would run
        "Dir::Etc::main": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": state / "empty",
        "APT::Sandbox::User": "root",  # the folder may be closed to apt's own user
        "APT::Get::List-Cleanup": "false",
        "Acquire::Languages": "none",
    }
    dump = _run(["apt-config", "dump"]).splitlines()
    inherited = [
        line for line in dump if line.startswith("Acquire::") and "::Languages" not in line
    ]
    own = [f'{name} "{value}";' for name, value in settings.items()]
    configuration = state / "apt.conf"
    configuration.write_text("\n".join([*inherited, *own, ""]), encoding="utf-8")
    return configuration


def _unpack(packages: list[Path], root: Path) -> None:
    draft = root.with_name("root.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    for package in packages:
        _run(["dpkg-deb", "-x", str(package), str(draft)])
    for folder in (draft / "usr/share").iterdir():
        if folder.name != "postgresql":  # manuals, debugger scripts: nothing that a server reads
            shutil.rmtree(folder)
    draft.rename(root)


def _wrap(root: Path, binaries: Path) -> None:
    """Make each program start under the packages' own loader, believing in its usual path.

    ``--argv0`` matters: PostgreSQL finds its share folder from the path it was called by.
    """
    loader = next(root.glob("usr/lib/*/ld-linux-*.so.*"), None)
    if loader is None:
        raise UnavailableError(f"no loader among the packages of {SUITE}")
    for name in WRAPPED:
        program, original = binaries / name, binaries / f"{name}.bin"
        program.rename(original)
        program.write_text(
            f'#!/bin/sh\nexec "{loader}" --argv0 "{program}" --library-path "{loader.parent}" '
            f'"{original}" "$@"\n',
            encoding="utf-8",
        )
        program.chmod(0o755)


def _check(binaries: Path) -> None:
    version = _run([str(binaries / "postgres"), "--version"])
    if f"(PostgreSQL) {MAJOR}" not in version:
        raise UnavailableError(f"the wrapped postgres answers {version.strip()!r}")


def _run(
    argv: list[str], *, environment: dict[str, str] | None = None, cwd: Path | None = None
) -> str:
    answer = subprocess.run(
        argv, env=environment, cwd=cwd, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        reason = (answer.stderr.strip() or "no reason given").splitlines()[-1]
        raise UnavailableError(f"{Path(argv[0]).name} {argv[-1]}: {reason}")
    return answer.stdout


def main() -> int:
    """Install, and print where."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    default = Path(__file__).resolve().parents[1] / ".cache" / "timescaledb"
    parser.add_argument("--folder", type=Path, default=default, help="default: %(default)s")
    try:
        print(install(parser.parse_args().folder))
    except (UnavailableError, OSError) as error:
        print(f"TimescaleDB cannot be had here: {error}", file=sys.stderr)
        return EXIT_UNAVAILABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
