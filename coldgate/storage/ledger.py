"""The ledger: entries that wait for their place, the chain, the tree over it, its checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from coldgate.chain import FIRST, Finding
from coldgate.errors import LedgerError, NotFoundError
from coldgate.merkle import TILE_WIDTH, range_root, root_of
from coldgate.storage.queries import columns, load_queries
from coldgate.storage.rows import fetch_all, fetch_one

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from coldgate.chain import DueRow, KeptRow, Link
    from coldgate.merkle import NodeReader
    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("ledger")
_LINK_COLUMNS: Final = 5
MOST_FINDINGS: Final = 1_000  # of one kind


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointRow:
    """A signed statement of how long the ledger was and what root its tree had."""

    size: int
    root: bytes
    note: str
    key_id: str
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRow:
    """What was found when the ledger was last read again; ``broken_at`` is a sequence number."""

    verified_upto: int
    broken: str | None
    broken_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    """One entry at its place; digests in hex."""

    sequence: int
    entered_at: datetime
    actor: str
    kind: str
    subject: str
    digest: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeEntryRow(EntryRow):
    """One entry with its leaf and its body, which is None where bodies were not kept yet."""

    leaf: str
    body: bytes | None


def lead(connection: Connection) -> bool:
    """Whether this transaction is the one that may chain entries; no other can until it ends."""
    row = connection.execute(_SQL["lead"]).fetchone()
    return bool(row and row[0])


def due(connection: Connection, *, most: int) -> list[DueRow]:
    """The first ``most`` committed entries that have no place in the chain yet."""
    with connection.cursor(binary=True) as cursor:
        found: list[DueRow] = cursor.execute(_SQL["due"], {"most": most}).fetchall()
    return found


def head(connection: Connection) -> tuple[int, bytes]:
    """Number and hash of the last entry of the chain; (0, `FIRST`) of an empty one."""
    row = connection.execute(_SQL["head"]).fetchone()
    return (row[0], row[1]) if row else (0, FIRST)


def hash_at(connection: Connection, sequence: int) -> bytes | None:
    """Hash of the entry with that number, `FIRST` of number 0; None where it is missing."""
    if sequence == 0:
        return FIRST
    row = connection.execute(_SQL["hash_at"], {"sequence": sequence}).fetchone()
    return row[0] if row else None


def add_links(connection: Connection, links: Sequence[Link]) -> None:
    """Give entries their places; they are not due any more."""
    rows = [(one.sequence, one.entry_id, one.previous, one.hash, one.leaf) for one in links]
    connection.execute(_SQL["add_links"], columns(rows, _LINK_COLUMNS))
    connection.execute(_SQL["settle"], {"entries": [link.entry_id for link in links]})


def nodes(connection: Connection) -> NodeReader:
    """Leaves and roots of full tiles, as proofs want them."""

    def read(level: int, first: int, count: int) -> Sequence[bytes]:
        bounds = {"level": level, "first": first, "stop": first + count}
        query = _SQL["tiles"] if level else _SQL["leaves"]
        found = [row[0] for row in connection.execute(query, bounds)]
        if len(found) != count:
            raise LedgerError(f"{count - len(found)} rows of the ledger's tree are missing")
        return found

    return read


def root_at(connection: Connection, size: int) -> bytes:
    """Root of the tree over the first ``size`` entries."""
    return range_root(nodes(connection), 0, size)


def complete_tiles(connection: Connection, size: int) -> None:
    """Keep the roots of the subtrees of 256, 256², … leaves that are full by now."""
    read, level, full = nodes(connection), 1, size // TILE_WIDTH
    while full:
        row = connection.execute(_SQL["tile_count"], {"level": level}).fetchone()
        known = row[0] if row else 0
        roots = [
            root_of(read(level - 1, position * TILE_WIDTH, TILE_WIDTH))
            for position in range(known, full)
        ]
        if roots:
            connection.execute(_SQL["add_tiles"], (level, list(range(known, full)), roots))
        level, full = level + 1, full // TILE_WIDTH


def lock_checkpoints(connection: Connection) -> None:
    """Let nobody else make a checkpoint until this transaction ends."""
    connection.execute(_SQL["lock_checkpoints"])


def newest_checkpoint(connection: Connection) -> CheckpointRow | None:
    """The checkpoint that tells of the most entries."""
    return fetch_one(connection, CheckpointRow, _SQL["newest_checkpoint"], {})


def checkpoints(connection: Connection, *, after: int = 0, limit: int) -> list[CheckpointRow]:
    """Checkpoints of more than ``after`` entries, the smallest first."""
    parameters = {"after": after, "limit": limit}
    return fetch_all(connection, CheckpointRow, _SQL["checkpoints"], parameters)


def add_checkpoint(connection: Connection, row: CheckpointRow) -> None:
    """Keep a checkpoint for ever."""
    parameters = {"size": row.size, "root": row.root, "note": row.note, "key_id": row.key_id}
    connection.execute(_SQL["add_checkpoint"], parameters | {"made_at": row.made_at})


def state(connection: Connection) -> StateRow:
    """What was found when the ledger was last read again."""
    found = fetch_one(connection, StateRow, _SQL["state"], {})
    return found or StateRow(verified_upto=0, broken="ledger_state has no row", broken_at=1)


def keep_state(connection: Connection, found: StateRow) -> None:
    """Have the gate know what was found."""
    parameters = {"verified_upto": found.verified_upto, "broken": found.broken}
    connection.execute(_SQL["keep_state"], parameters | {"broken_at": found.broken_at})


def rows(connection: Connection, *, after: int, upto: int) -> list[KeptRow]:
    """The chain's rows with numbers in ``(after, upto]``, beside what was entered."""
    with connection.cursor(binary=True) as cursor:
        found: list[KeptRow] = cursor.execute(
            _SQL["rows"], {"after": after, "upto": upto}
        ).fetchall()
    return found


def entries(connection: Connection, **wanted: object) -> list[EntryRow]:
    """Entries of a party's own doing or about its consignments: after, scope, subject, kind, limit.

    ``scope`` None is everything.
    """
    return fetch_all(connection, EntryRow, _SQL["entries"], wanted)


def entry(connection: Connection, sequence: int, *, scope: str | None) -> WholeEntryRow:
    """One entry that ``scope`` may see."""
    parameters = {"sequence": sequence, "scope": scope}
    found = fetch_one(connection, WholeEntryRow, _SQL["entry"], parameters)
    if found is None:
        raise NotFoundError("ledger entry", str(sequence))
    return found


def read_strictly(connection: Connection) -> None:
    """Have a session read what is stored and nothing else, whatever the database's owner set."""
    connection.execute(_SQL["read_strictly"])


def tile_roots(connection: Connection, level: int, *, first: int, stop: int) -> dict[int, bytes]:
    """Kept roots of one level by position, ``stop`` not included; some may be missing."""
    bounds = {"level": level, "first": first, "stop": stop}
    return dict(connection.execute(_SQL["tile_roots"], bounds).fetchall())


def overdue(connection: Connection, *, age: timedelta) -> list[Finding]:
    """Entries without a place that have waited for longer, or wait for none."""
    parameters = {"age": age, "limit": MOST_FINDINGS}
    return [
        Finding(place=f"ledger_entry/{id_}", problem=f"({kind} {subject}) has no place since {at}")
        for id_, kind, subject, at in connection.execute(_SQL["overdue"], parameters)
    ]


def evaluation_bodies(connection: Connection) -> list[Finding]:
    """Evaluations whose body is not the one that was entered."""
    return _findings(connection, "evaluation_bodies")


def document_contents(connection: Connection) -> list[Finding]:
    """Documents whose content has not the digest that was entered."""
    return _findings(connection, "document_contents")


def line_states(connection: Connection) -> list[Finding]:
    """Lines in a state that no transition brought them to."""
    return _findings(connection, "line_states")


def _findings(connection: Connection, name: str) -> list[Finding]:
    found = connection.execute(_SQL[name], {"limit": MOST_FINDINGS})
    return [Finding(place=place, problem=problem) for place, problem in found]
