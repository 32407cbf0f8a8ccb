"""The hash chain of the ledger: which bytes stand for an entry, and what follows from them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from coldgate import merkle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FIRST: Final = bytes(32)  # what the first entry has for the hash before it
_SEPARATOR: Final = "\x1f"  # no field holds it


DueRow: TypeAlias = "tuple[int, int, str, str, str, bytes]"  # as the query `due` gives them


@dataclass(frozen=True, slots=True)
class Link:
    """The place of an entry in the chain: the hash before it, its own, and its leaf in the tree."""

    sequence: int
    entry_id: int
    previous: bytes
    hash: bytes
    leaf: bytes


def linked(entries: Iterable[DueRow], *, sequence: int, previous: bytes) -> Iterator[Link]:
    """The entries in this order, behind the one with that number and hash."""
    stamps = _Stamps()
    for number, row in enumerate(entries, start=sequence + 1):
        entry_id, entered, actor, kind, subject, digest = row
        canonical = previous + _canonical(number, stamps.of(entered), actor, kind, subject, digest)
        own = hashlib.sha256(canonical).digest()
        yield Link(number, entry_id, previous, own, merkle.leaf_hash(canonical))
        previous = own


def _canonical(
    number: int, entered: str, actor: str, kind: str, subject: str, digest: bytes
) -> bytes:
    """What stands for an entry behind the hash before it, in the chain and as a leaf."""
    return _SEPARATOR.join((str(number), entered, actor, kind, subject, digest.hex())).encode()


KeptRow: TypeAlias = (
    "tuple[int, int, str, str, str, bytes, bytes, bytes, bytes, int, bool | None, bytes | None,"
    " bool | None]"
)  # as the query `rows` of storage/ledger.sql gives them


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that was changed behind the ledger's back: where, and what is wrong there.

    ``sequence`` is the number that it was seen at, None where that is no place of the chain.
    """

    place: str
    problem: str
    sequence: int | None = None

    def __str__(self) -> str:
        return f"{self.place} {self.problem}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a stretch of the chain came to: its last number and hash, its leaves, its faults.

    ``leaves`` are computed from the rows, not taken from them.
    """

    sequence: int
    hash: bytes
    leaves: list[bytes]
    findings: list[Finding]


def read_again(rows: Iterable[KeptRow], *, sequence: int, previous: bytes | None) -> Reading:
    """Check rows that follow the one with that number and hash; None: it is not known.

    Each row must have the next number, refer to the hash before, have the hash and the leaf that
    its fields give, and be the same as its entry, whose body must have its digest.
    """
    sha256, leaves, findings, stamps = hashlib.sha256, [], [], _Stamps()
    for row in rows:
        number, entered, actor, kind, subject, digest, prior, own, leaf, _, same, body, old = row
        sequence += 1
        if number != sequence:
            findings.append(_missing(sequence, number - 1))
            sequence, previous = number, None
        canonical = prior + _canonical(number, stamps.of(entered), actor, kind, subject, digest)
        computed = sha256(b"\x00" + canonical).digest()
        leaves.append(computed)
        fits = own == sha256(canonical).digest() and leaf == computed
        if not (fits and same and (old if body is None else sha256(body).digest() == digest)):
            findings.append(_changed(row, fits=fits))
        elif previous not in (None, prior):
            findings.append(Finding(place=f"ledger/{number}", problem=_UNLINKED, sequence=number))
        previous = own
    return Reading(sequence=sequence, hash=previous or FIRST, leaves=leaves, findings=findings)


_UNLINKED: Final = "does not refer to the entry before it: that one is another than it was"


def _missing(first: int, last: int) -> Finding:
    named = f"ledger/{first}" if first == last else f"ledger/{first}…{last}"
    return Finding(place=named, problem="is missing from the chain", sequence=first)


def _changed(row: KeptRow, *, fits: bool) -> Finding:
    number, entry_id, same, body = row[0], row[9], row[10], row[11]
    if not fits:
        problem = "has other fields than its hash says"
        return Finding(place=f"ledger/{number}", problem=problem, sequence=number)
    if same is None:
        problem = f"is gone, and ledger/{number} tells of it"
    elif not same:
        problem = f"differs from ledger/{number}, which fits its hash"
    elif body is None:
        problem = f"has lost its body (ledger/{number})"
    else:
        problem = f"has another body than its digest says (ledger/{number})"
    return Finding(place=f"ledger_entry/{entry_id}", problem=problem, sequence=number)


class _Stamps:
    """Instants as they are hashed, from microseconds; neighbours share their second."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def of(self, microseconds: int) -> str:
        second, rest = divmod(microseconds, 1_000_000)
        if second != self._second:
            self._second = second
            self._text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._text}.{rest:06}Z"
