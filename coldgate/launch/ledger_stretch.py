"""A stretch of the ledger, read and hashed by one process of several."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from coldgate.chain import FIRST, Finding, read_again
from coldgate.merkle import TILE_WIDTH, Frontier, root_of
from coldgate.storage import kept_rows, ledger, schema
from coldgate.storage.connection import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from coldgate.storage.connection import Connection

STRETCH: Final = 1 << 14  # entries of one task, a full subtree
_AT_ONCE: Final = 1 << 12  # rows in memory
_open: list[Connection] = []  # this process's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Entries ``after`` + 1 to ``upto``; ``marks`` are sizes of the tree that are asked about."""

    after: int
    upto: int
    marks: tuple[int, ...]


@dataclass(slots=True, kw_only=True)
class Stretch:
    """What was found: the hash before and the last, subtrees, and the frontier at each mark."""

    task: Task
    previous: bytes | None = None  # what its first entry refers to
    last: bytes = FIRST
    tiles: list[bytes] = field(default_factory=list)
    frontier: Frontier = field(default_factory=Frontier)
    marks: dict[int, tuple[bytes, ...]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    whole: bool = True  # no entry is missing


def start(dsn: str) -> None:
    """Open this process's connection, once."""
    connection = connect(dsn, autocommit=True)
    connection.read_only = True
    ledger.read_strictly(connection)
    _open.append(connection)


def stop() -> None:
    """Close it again."""
    _open.pop().close()


def read_stretch(task: Task) -> Stretch:
    """Check the chain over the task's entries and build its part of the tree."""
    connection, found = _open[-1], Stretch(task=task)
    marks = list(task.marks)
    previous: bytes | None = None
    for after in range(task.after, task.upto, _AT_ONCE):
        upto = min(after + _AT_ONCE, task.upto)
        rows = ledger.rows(connection, after=after, upto=upto)
        reading = read_again(rows, sequence=after, previous=previous)
        if found.previous is None and rows:
            found.previous = rows[0][6]
        found.findings += reading.findings
        if len(rows) != upto - after:
            found.whole = False
            if reading.sequence < upto:
                place = f"ledger/{reading.sequence + 1}…{upto}"
                found.findings.append(Finding(place=place, problem="is missing from the chain"))
        previous = found.last = reading.hash
        _grow(found, reading.leaves, marks)
    found.findings += _other_tiles(connection, found) if found.whole else []
    return found


def _grow(found: Stretch, leaves: Sequence[bytes], marks: list[int]) -> None:
    """Add leaves to the stretch's tree, tile by tile."""
    begin = found.task.after
    for first in range(0, len(leaves), TILE_WIDTH):
        tile = leaves[first : first + TILE_WIDTH]
        size = found.frontier.size
        while marks and marks[0] - begin <= size + len(tile):
            mark = marks.pop(0)
            partial = Frontier(found.frontier.roots, size)
            for leaf in tile[: mark - begin - size]:
                partial.append(leaf)
            found.marks[mark] = tuple(partial.roots)
        if len(tile) == TILE_WIDTH:
            found.tiles.append(root_of(tile))
            found.frontier.append(found.tiles[-1], leaves=TILE_WIDTH)
        else:
            for leaf in tile:
                found.frontier.append(leaf)


def _other_tiles(connection: Connection, found: Stretch) -> list[Finding]:
    first = found.task.after // TILE_WIDTH
    kept = ledger.tile_roots(connection, 1, first=first, stop=first + len(found.tiles))
    return [
        Finding(place=f"ledger_tile/1/{first + place}", problem="is not the root of its entries")
        for place, root in enumerate(found.tiles)
        if kept.get(first + place) != root
    ]


def compare_rows(table: str) -> list[Finding]:
    """What differs between a table and the ledger."""
    return kept_rows.differences(_open[-1], table)


def compare_contents(kind: str) -> list[Finding]:
    """What differs between bodies and contents and their digests."""
    return _CONTENTS[kind](_open[-1])


_CONTENTS: Final[dict[str, Callable[[Connection], list[Finding]]]] = {
    "evaluation": ledger.evaluation_bodies,
    "document": ledger.document_contents,
    "consignment_line": ledger.line_states,
    "tables": kept_rows.replaced,
    "schema": schema.changes,
}
CONTENTS: Final = tuple(_CONTENTS)
