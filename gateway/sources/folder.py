"""A folder that logger files are dropped into: each file is taken once, a longer one adds the rest.

Files stay where they are. A file counts as complete when two looks in a row find the same size and
time of change. A file that cannot be read is reported once, and again when it, or its mapping,
changes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from coldgate.crypto import sha256_hex
from coldgate.errors import FileFormatError, OutboxFullError
from gateway.blocks import Arrival
from gateway.clerk import now_ms
from gateway.readers.choose import find_mapping, load_bytes, read_logger_file
from gateway.report import encode_description

if TYPE_CHECKING:
    from datetime import timedelta, tzinfo
    from pathlib import Path

    from gateway.clerk import Clerk
    from gateway.outbox import Outbox
    from gateway.readers.logger_file import LoggerFile

logger: Final = logging.getLogger(__name__)
_SUFFIXES: Final = (".txt", ".csv")


@dataclass(frozen=True, slots=True)
class _Look:
    """What a file looked like, and its mapping beside it, when the folder was last read."""

    size: int
    changed_ns: int
    mapping_changed_ns: int


class FolderSource:
    """Takes every logger file in ``folder``; ``zone`` is that of files that name none."""

    def __init__(
        self, clerk: Clerk, folder: Path, *, every: timedelta, zone: tzinfo | None
    ) -> None:
        self._clerk = clerk
        self._folder = folder
        self._every_seconds = every.total_seconds()
        self._zone = zone
        self._looks: dict[Path, _Look] = {}
        self._done: dict[Path, _Look] = {}

    async def run(self) -> None:
        """Look into the folder again and again until cancelled."""
        while True:
            await self.scan()
            await asyncio.sleep(self._every_seconds)

    async def scan(self) -> int:
        """Take what is complete now; how many readings were new."""
        looks = await asyncio.to_thread(_look, self._folder)
        complete = [
            path
            for path, look in sorted(looks.items())
            if self._looks.get(path) == look and self._done.get(path) != look
        ]
        self._looks = looks
        added = 0
        for path in complete:
            added += await self._take(path)
            self._done[path] = looks[path]
        return added

    async def _take(self, path: Path) -> int:
        try:
            return await take_file(self._clerk, path, zone=self._zone, mapping=find_mapping(path))
        except FileFormatError as error:
            await self._refuse(path, error)
            return 0
        except OutboxFullError as error:
            logger.warning("file waits for room", extra={"file": path.name, "problem": str(error)})
            self._looks.pop(path, None)
            return 0

    async def _refuse(self, path: Path, error: FileFormatError) -> None:
        """Say once what is wrong with the file and where."""
        digest = await asyncio.to_thread(_refusal_digest, path, str(self._zone), str(error))
        if await self._clerk.call(lambda outbox: outbox.knows_file(digest)):
            return
        logger.warning("file refused", extra={"file": path.name, "problem": str(error)})
        await self._clerk.call(
            lambda outbox: outbox.refuse_file(
                digest=digest, name=path.name, problem=str(error), now_ms=now_ms()
            )
        )


async def take_file(clerk: Clerk, path: Path, *, zone: tzinfo | None, mapping: Path | None) -> int:
    """Store the readings of one file that are new; how many. `FileFormatError` stores nothing."""
    content = await asyncio.to_thread(load_bytes, path)
    digest = sha256_hex(content)
    if await clerk.call(lambda outbox: outbox.knows_file(digest)):
        return 0
    file = await asyncio.to_thread(read_logger_file, path, content, zone=zone, mapping=mapping)
    added = await clerk.call(lambda outbox: store_file(outbox, file, digest=digest, name=path.name))
    clerk.changed.set()
    facts = {"file": path.name, "serial": file.serial, "readings": file.readings, "new": added}
    logger.info("file taken", extra=facts)
    return added


def store_file(outbox: Outbox, file: LoggerFile, *, digest: str, name: str) -> int:
    """Put a file's readings into the outbox; how many of them were new."""
    return outbox.store_file(
        [Arrival(block=block, numbered=False) for block in file.blocks],
        digest=digest,
        name=name,
        report=encode_description(file),
        now_ms=now_ms(),
    )


def _look(folder: Path) -> dict[Path, _Look]:
    """Every logger file in the folder; one that vanishes meanwhile, or a folder, is none."""
    looks = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.suffix.lower() in _SUFFIXES and not path.name.startswith("."):
            with contextlib.suppress(FileNotFoundError):
                looks[path] = _look_at(path)
    return looks


def _look_at(path: Path) -> _Look:
    status, mapping = path.stat(), find_mapping(path)
    mapping_ns = mapping.stat().st_mtime_ns if mapping else 0
    return _Look(status.st_size, status.st_mtime_ns, mapping_ns)


def _refusal_digest(path: Path, zone: str, problem: str) -> str:
    """One digest for this content refused with this problem under these settings."""
    try:
        content = load_bytes(path)
    except FileFormatError:
        content = str(path).encode()
    return sha256_hex(b"\0".join((content, zone.encode(), problem.encode())))
