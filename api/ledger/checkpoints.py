"""Checkpoints: signed statements of how long the ledger is and what root its tree has."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from coldgate.crypto import public_key_from_text
from coldgate.errors import LedgerError, NoteError
from coldgate.note import Checkpoint, NoteKey, sign_note, split_notes
from coldgate.storage import ledger, visibility
from coldgate.storage.ledger import CheckpointRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from api.signing import Signer
    from coldgate.storage.connection import Connection

_TAIL_BYTES: Final = 64 * 1024  # holds the last note of the file, and what is left of a cut one
_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Notary:
    """Who signs for the ledger ``origin``; ``file`` keeps the checkpoints out of its reach.

    Whoever owns the database could rewrite it with its checkpoints, but not that file.
    """

    signer: Signer
    origin: str
    file: Path | None = None

    def checkpoint(self, connection: Connection, now: datetime) -> CheckpointRow | None:
        """Sign for the ledger as it is; None where it has not grown, or was signed for this minute.

        Raises:
            LedgerError: the ledger is not what was signed for before. Nothing is signed then.
        """
        visibility.limit_to(connection, None)
        ledger.lock_checkpoints(connection)
        size, _ = ledger.head(connection)
        newest = ledger.newest_checkpoint(connection)
        if newest is not None:
            _require_same_beginning(connection, newest, size)
            if newest.size == size or _minute(newest.made_at) == _minute(now):
                return None
        if size == 0:
            return None
        row = self._signed(size, ledger.root_at(connection, size), now)
        ledger.add_checkpoint(connection, row)
        return row

    def publish(self, connection: Connection) -> int:
        """Append to the file the committed checkpoints that it lacks; how many there were.

        A crash before that leaves them to the next call. Several processes take turns.
        """
        if self.file is None:
            return 0
        visibility.limit_to(connection, None)
        descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            begin = max(file.seek(0, os.SEEK_END) - _TAIL_BYTES, 0)
            file.seek(begin)
            whole, size = _last_note(file.read())
            file.truncate(begin + whole)  # what a lost power left of a note
            file.seek(0, os.SEEK_END)
            rows = ledger.checkpoints(connection, after=size, limit=_AT_ONCE)
            file.write("".join(row.note + "\n" for row in rows).encode())
            file.flush()
            os.fsync(file.fileno())
        return len(rows)

    def _signed(self, size: int, root: bytes, now: datetime) -> CheckpointRow:
        text = Checkpoint(origin=self.origin, size=size, root=root).text
        key = note_key(self.origin, self.signer.public_key)
        return CheckpointRow(
            size=size,
            root=root,
            note=sign_note(text, key, self.signer.sign_note),
            key_id=self.signer.key_id,
            made_at=now,
        )


def note_key(origin: str, public_key: str) -> NoteKey:
    """The key in base64url as notes of that origin name it."""
    return NoteKey(name=origin, public=public_key_from_text(public_key).public_bytes_raw())


def _require_same_beginning(connection: Connection, newest: CheckpointRow, size: int) -> None:
    if size < newest.size:
        raise LedgerError(f"{newest.size} entries were signed for, and there are {size}")
    if ledger.root_at(connection, newest.size) != newest.root:
        raise LedgerError(f"the first {newest.size} entries are not those that were signed for")


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _last_note(tail: bytes) -> tuple[int, int]:
    """Where the last whole note of the file's end stops, and the size that it tells of."""
    end = tail.rfind(b"\n\n", 0, len(tail))
    while end >= 0:
        text = tail[: end + 2].decode(errors="replace")
        size = _size_of(split_notes(text))
        if size is not None:
            return end + 2, size
        end = tail.rfind(b"\n\n", 0, end)
    return 0, 0


def _size_of(notes: Sequence[str]) -> int | None:
    """The size in the last note, None where that is not a whole one."""
    if not notes or not notes[-1].rpartition("\n\n")[2].startswith("— "):
        return None
    try:
        return Checkpoint.parse(notes[-1].rpartition("\n\n")[0] + "\n").size
    except NoteError:
        return None
