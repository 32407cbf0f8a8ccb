"""The whole ledger checked: chain, tree, checkpoints, and the rows that its entries speak of."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from coldgate.chain import FIRST, Finding
from coldgate.crypto import public_key_from_text
from coldgate.errors import NoteError
from coldgate.launch import ledger_stretch
from coldgate.launch.ledger_stretch import CONTENTS, STRETCH, Stretch, Task
from coldgate.merkle import TILE_WIDTH, Frontier, fold, root_of
from coldgate.note import Checkpoint, NoteKey, open_note, split_notes
from coldgate.storage import ledger, signing_keys
from coldgate.storage.connection import connect
from coldgate.storage.kept_rows import KEPT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from coldgate.storage.connection import Connection

UNCHAINED: Final = timedelta(seconds=60)
_CROWD: Final = 2 * STRETCH  # entries from which a second process is worth its start
_MOST_PROCESSES: Final = 8
_PAGE: Final = 10_000
Given = TypeVar("Given")
Made = TypeVar("Made")


class Crew(Protocol):
    """Whoever does the tasks, in order."""

    def map(self, function: Callable[[Given], Made], tasks: Iterable[Given], /) -> Iterator[Made]:
        """What ``function`` makes of each task, in order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The database, and what its owner cannot reach: checkpoints in a file, the machine's key."""

    dsn: str
    checkpoints: Path | None = None
    machine_key: str | None = None  # public, base64url


@dataclass(slots=True, kw_only=True)
class Report:
    """What was looked at, and everything that is not as it was."""

    entries: int = 0
    checkpoints: int = 0
    filed: int = 0  # checkpoints in the file
    findings: list[Finding] = field(default_factory=list)

    def blame(self, place: str, problem: str) -> None:
        """Add something that does not hold."""
        self.findings.append(Finding(place=place, problem=problem))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A root that somebody signed for."""

    place: str
    size: int
    root: bytes


def verify(sources: Sources, tell: Callable[[int, int], None]) -> Report:
    """Check everything; ``tell`` hears how many of how many entries were read."""
    report = Report()
    with connect(sources.dsn, autocommit=True) as connection:
        connection.read_only = True
        ledger.read_strictly(connection)
        report.entries, _ = ledger.head(connection)
        keys = _keys(connection, sources, report)
        signed = _signed_rows(connection, sources, keys, report)
        signed += _signed_file(sources, keys, report)
        _compare_lengths(signed, report)
        report.findings += ledger.overdue(connection, age=UNCHAINED)
        with _crew(sources.dsn, report.entries) as crew:
            _read_chain(connection, crew, signed, report, tell)
            for found in crew.map(ledger_stretch.compare_rows, KEPT):
                report.findings += found
            for found in crew.map(ledger_stretch.compare_contents, CONTENTS):
                report.findings += found
    return report


@contextmanager
def _crew(dsn: str, entries: int) -> Iterator[Crew]:
    """As many processes as the machine has cores, or this one alone for a short ledger."""
    if entries < _CROWD:
        ledger_stretch.start(dsn)
        try:
            yield _Alone()
        finally:
            ledger_stretch.stop()
        return
    with ProcessPoolExecutor(
        min(os.cpu_count() or 1, _MOST_PROCESSES),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=ledger_stretch.start,
        initargs=(dsn,),
    ) as pool:
        yield pool


class _Alone:
    """This process as the whole crew."""

    def map(self, function: Callable[[Given], Made], tasks: Iterable[Given], /) -> Iterator[Made]:
        return map(function, tasks)


def _keys(connection: Connection, sources: Sources, report: Report) -> list[str]:
    """Public keys that may have signed; the machine's must be among the published ones."""
    published = []
    for row in signing_keys.keys(connection):
        if _is_key(row.public_key):
            published.append(row.public_key)
        else:
            report.blame(f"signing_key/{row.id}", "has no public key any more")
    own = sources.machine_key
    if own is not None and own not in published and ledger.newest_checkpoint(connection):
        report.blame("signing_key", "does not list the key of this machine")
    return [*published, own] if own is not None and own not in published else published


def _is_key(text: str) -> bool:
    try:
        public_key_from_text(text)
    except ValueError:
        return False
    return True


def _signed_rows(
    connection: Connection, sources: Sources, keys: Sequence[str], report: Report
) -> list[Signed]:
    signed: list[Signed] = []
    newest_signer = ""
    while page := ledger.checkpoints(
        connection, after=signed[-1].size if signed else 0, limit=_PAGE
    ):
        for row in page:
            place = f"ledger_checkpoint/{row.size}"
            newest_signer = _open_checkpoint(place, row.note, (row.size, row.root), keys, report)
            signed.append(Signed(place=place, size=row.size, root=row.root))
    if sources.machine_key not in (None, newest_signer) and newest_signer:
        report.blame(signed[-1].place, "is not signed with the key of this machine")
    report.checkpoints = len(signed)
    return signed


def _open_checkpoint(
    place: str, note: str, told: tuple[int, bytes] | None, keys: Sequence[str], report: Report
) -> str:
    """The public key that signed a note, '' where it does not hold what it should."""
    try:
        origin = note.partition("\n")[0]
        named = {_note_key(origin, key): key for key in keys}
        text, signer = open_note(note, named)
        checkpoint = Checkpoint.parse(text)
    except NoteError as error:
        report.blame(place, str(error))
        return ""
    if told is not None and (checkpoint.size, checkpoint.root) != told:
        report.blame(place, "has another size or root than the note that signs for it")
    return named[signer]


def _note_key(origin: str, public_key: str) -> NoteKey:
    return NoteKey(name=origin, public=public_key_from_text(public_key).public_bytes_raw())


def _signed_file(sources: Sources, keys: Sequence[str], report: Report) -> list[Signed]:
    if sources.checkpoints is None:
        return []
    signed: list[Signed] = []
    notes = split_notes(sources.checkpoints.read_text(encoding="utf-8"))
    for number, note in enumerate(notes, start=1):
        place = f"{sources.checkpoints.name}, checkpoint {number}"
        if not _open_checkpoint(place, note, None, keys, report):
            continue
        checkpoint = Checkpoint.parse(note)
        if signed and checkpoint.size <= signed[-1].size:
            report.blame(place, "is not of a longer ledger than the one before it")
        signed.append(Signed(place=place, size=checkpoint.size, root=checkpoint.root))
    report.filed = len(notes)
    return signed


def _compare_lengths(signed: Sequence[Signed], report: Report) -> None:
    for one in signed:
        if one.size > report.entries:
            report.blame(
                one.place, f"signs for {one.size} entries, and {report.entries} are left of them"
            )


def _read_chain(
    connection: Connection,
    crew: Crew,
    signed: Sequence[Signed],
    report: Report,
    tell: Callable[[int, int], None],
) -> None:
    """Read all entries in stretches, and put their parts of the tree together."""
    tree, last, tiles, whole = Frontier(), FIRST, list[bytes](), True
    for found in crew.map(ledger_stretch.read_stretch, _tasks(signed, report.entries)):
        report.findings += found.findings
        if found.previous not in (None, last):
            place = f"ledger/{found.task.after + 1}"
            report.blame(place, "does not refer to the entry before it")
        whole, last = whole and found.whole, found.last
        if whole:
            _compare_roots(tree, found, signed, report)
            tiles += found.tiles
            if found.frontier.size == STRETCH:
                tree.append(found.frontier.root(), leaves=STRETCH)
        tell(found.task.upto, report.entries)
    if whole:
        _compare_tiles(connection, tiles, report)
    elif signed:
        report.blame("ledger", "cannot be compared with its checkpoints while entries are missing")


def _tasks(signed: Sequence[Signed], entries: int) -> Iterator[Task]:
    sizes = sorted({one.size for one in signed})
    for after in range(0, entries, STRETCH):
        upto = min(after + STRETCH, entries)
        marks = tuple(size for size in sizes if after < size <= upto)
        yield Task(after=after, upto=upto, marks=marks)


def _compare_roots(
    tree: Frontier, found: Stretch, signed: Sequence[Signed], report: Report
) -> None:
    """Compare what was signed for sizes within this stretch with what its entries give."""
    for one in signed:
        part = found.marks.get(one.size)
        if part is not None and fold([*tree.roots, *part]) != one.root:
            report.blame(
                one.place, f"signed for another tree: one of the first {one.size} entries is new"
            )


def _compare_tiles(connection: Connection, roots: list[bytes], report: Report) -> None:
    """Compare the kept roots of higher levels; the lowest one was, stretch by stretch."""
    level = 2
    while len(roots) >= TILE_WIDTH:
        full = len(roots) // TILE_WIDTH
        roots = [root_of(roots[n * TILE_WIDTH : (n + 1) * TILE_WIDTH]) for n in range(full)]
        kept = ledger.tile_roots(connection, level, first=0, stop=full)
        for position, root in enumerate(roots):
            if kept.get(position) != root:
                report.blame(f"ledger_tile/{level}/{position}", "is not the root of its entries")
        level += 1
