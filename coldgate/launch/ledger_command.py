"""``coldgate ledger verify``: progress while it runs, then what was found."""

from __future__ import annotations

import base64
import os
import sys
import time
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coldgate.crypto import public_key_text
from coldgate.errors import SettingsError
from coldgate.launch.judge_command import database_in
from coldgate.launch.ledger_audit import Sources, verify
from coldgate.storage.connection import connect
from coldgate.storage.migrate import require_current

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from coldgate.launch.ledger_audit import Report

CHECKPOINTS: Final = "checkpoints"  # the file in a machine's folder
SIGNING_KEY: Final = "signing-key"
KEY_VARIABLE: Final = "COLDGATE_API_SIGNING_KEY"
_TELL_SECONDS: Final = 1.0
_MOST_SHOWN: Final = 100


def verify_ledger(folder: Path, checkpoints: Path | None, write: Callable[[str], None]) -> int:
    """0 when everything is as it was, 1 when something is not; each finding is a line.

    The database is the one that the environment names, else the one in ``folder``.
    """
    if checkpoints is None and (folder / CHECKPOINTS).exists():
        checkpoints = folder / CHECKPOINTS
    if checkpoints is not None and not checkpoints.exists():
        raise SettingsError(f"{checkpoints}: no such file of checkpoints")
    begun = time.monotonic()
    with database_in(folder) as dsn:
        with connect(dsn) as connection:
            require_current(connection)
        sources = Sources(
            dsn=dsn, checkpoints=checkpoints, machine_key=_machine_key(folder / SIGNING_KEY)
        )
        report = verify(sources, _Progress(begun))
    for line in told(report, sources, seconds=time.monotonic() - begun):
        write(line)
    return 1 if report.findings else 0


def told(report: Report, sources: Sources, *, seconds: float) -> list[str]:
    """The report in lines."""
    lines = [f"{finding}" for finding in report.findings[:_MOST_SHOWN]]
    more = len(report.findings) - len(lines)
    lines += [f"and {more} more"] if more else []
    file = "no file of checkpoints" if sources.checkpoints is None else f"{report.filed} in a file"
    looked_at = (
        f"{report.entries:,} entries, {report.checkpoints:,} checkpoints, {file}, {seconds:.1f} s"
    )
    verdict = f"BROKEN: {len(report.findings)} findings" if report.findings else "intact"
    return [*lines, f"ledger {verdict} ({looked_at})"]


class _Progress:
    """Says on stderr how far it has come, no more than once a second."""

    def __init__(self, begun: float) -> None:
        self._begun = self._told = begun

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._told < _TELL_SECONDS:
            return
        self._told = now
        left = (now - self._begun) / done * (total - done)
        sys.stderr.write(f"{done:,} of {total:,} entries read, about {left:.0f} s left\n")


def _machine_key(file: Path) -> str | None:
    """Public half of the key that this machine signs with, None where it has none."""
    secret = os.environ.get(KEY_VARIABLE, "")
    if not secret and file.exists():
        secret = file.read_text(encoding="utf-8").strip()
    if not secret:
        return None
    seed = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    return public_key_text(Ed25519PrivateKey.from_private_bytes(seed))
