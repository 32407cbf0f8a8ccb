"""What is told of the ledger. Hashes are published: they say nothing of what was hashed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from api.ledger.checkpoints import note_key
from api.ledger.schemas import (
    CheckpointView,
    ConsistencyView,
    EntryView,
    InclusionView,
    KeyList,
    KeyView,
    WholeEntryView,
)
from api.schemas import Page, page_of
from coldgate import merkle
from coldgate.errors import ConflictError, NotFoundError
from coldgate.storage import gate, ledger, signing_keys, visibility

if TYPE_CHECKING:
    from api.caller import Caller
    from coldgate.storage.connection import Connection
    from coldgate.storage.ledger import CheckpointRow, WholeEntryRow

_EVALUATION: Final = "evaluation"


def list_keys(connection: Connection, _caller: Caller, *, origin: str) -> KeyList:
    """Every key that ever signed."""
    keys = [
        KeyView(
            id=row.id,
            public_key=row.public_key,
            note_key=note_key(origin, row.public_key).text,
            added_at=row.added_at,
        )
        for row in signing_keys.keys(connection)
    ]
    return KeyList(origin=origin, items=keys)


def newest_checkpoint(connection: Connection, _caller: Caller) -> CheckpointView:
    """The checkpoint that tells of the most entries."""
    newest = ledger.newest_checkpoint(connection)
    if newest is None:
        raise NotFoundError("checkpoint", "yet")
    return _checkpoint_view(newest)


def list_checkpoints(
    connection: Connection, _caller: Caller, *, after: int, limit: int
) -> Page[CheckpointView]:
    """Checkpoints of more than ``after`` entries."""
    rows = ledger.checkpoints(connection, after=after, limit=limit)
    views = [_checkpoint_view(row) for row in rows]
    return page_of(CheckpointView, views, limit=limit, cursor="size")


def _checkpoint_view(row: CheckpointRow) -> CheckpointView:
    return CheckpointView(
        size=row.size, root=row.root.hex(), note=row.note, key_id=row.key_id, made_at=row.made_at
    )


def list_entries(
    connection: Connection,
    caller: Caller,
    *,
    subject: str | None,
    kind: str | None,
    after: int,
    limit: int,
) -> Page[EntryView]:
    """Entries of the caller's party, and about consignments that it takes part in."""
    rows = ledger.entries(
        connection, after=after, scope=caller.scope, subject=subject, kind=kind, limit=limit
    )
    return page_of(EntryView, rows, limit=limit, cursor="sequence")


def get_entry(connection: Connection, caller: Caller, sequence: int) -> WholeEntryView:
    """One entry with its body, unless that names consignments which the caller may not see."""
    row = ledger.entry(connection, sequence, scope=caller.scope)
    body = None if row.body is None or _names_others(connection, row) else row.body.decode()
    return WholeEntryView.model_validate(
        {name: getattr(row, name) for name in WholeEntryView.model_fields} | {"body": body}
    )


def _names_others(connection: Connection, row: WholeEntryRow) -> bool:
    """Whether an evaluation counts what a lot spent on journeys that the caller may not see."""
    if row.kind != _EVALUATION or row.body is None:
        return False
    named = _journeys(row.body)
    return not named.issubset(gate.seen(connection, sorted(named)))


def _journeys(evaluation: bytes) -> set[str]:
    """The consignments on which its stability budgets were spent before."""
    return {
        source.partition("/")[0]
        for budget in json.loads(evaluation).get("budgets", [])
        for part in ("spent", "here", "total")
        for source in budget.get(part, {}).get("sources", [])
    }


def prove_inclusion(
    connection: Connection, caller: Caller, sequence: int, *, size: int | None
) -> InclusionView:
    """What proves an entry that the caller may see; in the newest checkpoint's tree unless told."""
    row = ledger.entry(connection, sequence, scope=caller.scope)
    with visibility.everything(connection):
        whole = _size(connection, sequence, size)
        read = ledger.nodes(connection)
        proof = merkle.inclusion_proof(read, sequence - 1, whole)
        root = merkle.range_root(read, 0, whole)
    return InclusionView(
        sequence=sequence,
        index=sequence - 1,
        size=whole,
        leaf=row.leaf,
        root=root.hex(),
        proof=[one.hex() for one in proof],
    )


def prove_consistency(
    connection: Connection, _caller: Caller, *, first: int, second: int
) -> ConsistencyView:
    """What proves that the ledger of ``second`` entries begins with that of ``first``."""
    with visibility.everything(connection):
        if not first <= second <= ledger.head(connection)[0]:
            raise ConflictError("SIZE_UNKNOWN", "the ledger never grew from the first to the other")
        read = ledger.nodes(connection)
        proof = merkle.consistency_proof(read, first, second)
        roots = [merkle.range_root(read, 0, size) for size in (first, second)]
    return ConsistencyView(
        first=first,
        second=second,
        first_root=roots[0].hex(),
        second_root=roots[1].hex(),
        proof=[one.hex() for one in proof],
    )


def _size(connection: Connection, sequence: int, wanted: int | None) -> int:
    if wanted is None:
        newest = ledger.newest_checkpoint(connection)
        if newest is None or newest.size < sequence:
            raise ConflictError(
                "CHECKPOINT_PENDING", "the next checkpoint will sign for it, in about a minute"
            )
        return newest.size
    if not sequence <= wanted <= ledger.head(connection)[0]:
        raise ConflictError("SIZE_UNKNOWN", "the ledger never had that size with this entry in it")
    return wanted
