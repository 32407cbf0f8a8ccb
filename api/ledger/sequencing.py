"""Entries get their place in the chain, and the chain is read again behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from coldgate.chain import linked, read_again
from coldgate.errors import LedgerError
from coldgate.storage import ledger, visibility
from coldgate.storage.ledger import StateRow

if TYPE_CHECKING:
    from coldgate.chain import Finding, Reading
    from coldgate.storage.connection import Connection

BATCH: Final = 1_000  # entries chained in one transaction
STRETCH: Final = 2_000  # rows read for the first time in one transaction
PATROL: Final = 500  # rows read once more; requests wait meanwhile


def sequence(connection: Connection) -> int:
    """Chain the committed entries that wait, oldest number first; how many there were.

    Only one process at a time does: the lock ends with the transaction that writes, so that no
    lost connection can leave two at it. An entry is taken when it can be seen, never by a mark
    that its number has to pass: a slow transaction's comes later, behind higher numbers.
    """
    visibility.limit_to(connection, None)
    if not ledger.lead(connection):
        return 0
    entries = ledger.due(connection, most=BATCH)
    if not entries:
        return 0
    number, previous = ledger.head(connection)
    links = list(linked(entries, sequence=number, previous=previous))
    ledger.add_links(connection, links)
    ledger.complete_tiles(connection, links[-1].sequence)
    kept = ledger.state(connection)
    if kept.broken is None and kept.verified_upto == number:
        # What was read and chained just now need not be read at once again; `patrol` will.
        upto = StateRow(verified_upto=links[-1].sequence, broken=None, broken_at=None)
        ledger.keep_state(connection, upto)
    return len(links)


def recheck(connection: Connection) -> StateRow:
    """Read what was chained since the last time; tell the gate of anything that does not hold.

    What was found broken stays so until all from there on was read again, and holds.
    """
    visibility.limit_to(connection, None)
    kept = ledger.state(connection)
    after = kept.verified_upto
    if kept.broken is not None:
        after = max(min(after, (kept.broken_at or 1) - 1), 0)
    length, _ = ledger.head(connection)
    if length < kept.verified_upto:
        return _keep(connection, kept, _cut(length))
    if length == after and kept.broken is None:
        return kept
    upto = min(length, after + STRETCH)
    reading = _read(connection, after, upto)
    if reading.findings or reading.sequence < upto:
        return _keep(connection, kept, _first(reading, upto))
    if kept.broken is not None:
        if upto < length:
            return _keep(connection, kept, (kept.broken, upto + 1))
        other = _other_root(connection, length)
        if other is not None:
            return _keep(connection, kept, other)
    found = StateRow(verified_upto=upto, broken=None, broken_at=None)
    ledger.keep_state(connection, found)
    return found


def patrol(connection: Connection, after: int) -> int:
    """Read a stretch behind ``after`` once more, and where the next one begins.

    By and by every row is looked at again, whoever changed it whenever.
    """
    visibility.limit_to(connection, None)
    kept = ledger.state(connection)
    upto = min(kept.verified_upto, after + PATROL)
    if kept.broken is None:
        reading = _read(connection, after, upto)
        sound = not reading.findings and reading.sequence == upto
        broken = _other_root(connection, kept.verified_upto) if sound else _first(reading, upto)
        if broken is not None:
            _keep(connection, kept, broken)
    return upto if upto < kept.verified_upto else 0


def _other_root(connection: Connection, length: int) -> tuple[str, int] | None:
    """What the newest checkpoint signed and the tree does not give; None where they agree."""
    newest = ledger.newest_checkpoint(connection)
    if newest is None or newest.size > length:
        return None
    try:
        if ledger.root_at(connection, newest.size) == newest.root:
            return None
        problem = "has another root than the checkpoint signed"
    except LedgerError as error:
        problem = str(error)
    return f"the tree of {newest.size} entries: {problem}", newest.size


def _read(connection: Connection, after: int, upto: int) -> Reading:
    rows = ledger.rows(connection, after=after, upto=upto)
    return read_again(rows, sequence=after, previous=ledger.hash_at(connection, after))


def _first(reading: Reading, upto: int) -> tuple[str, int]:
    found: Finding | None = reading.findings[0] if reading.findings else None
    if found is None or found.sequence is None:
        return _cut(reading.sequence) if found is None else (str(found), upto)
    return str(found), found.sequence


def _cut(length: int) -> tuple[str, int]:
    return f"the entries behind ledger/{length} are gone", length + 1


def _keep(connection: Connection, kept: StateRow, broken: tuple[str, int]) -> StateRow:
    found = StateRow(verified_upto=kept.verified_upto, broken=broken[0], broken_at=broken[1])
    if found != kept:
        ledger.keep_state(connection, found)
    return found
