"""The hash chain of the ledger: which bytes stand for an entry, and what follows from them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from coldgate import merkle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FIRST: Final = bytes(32)  # what the first entry has for the hash before it
_SEPARATOR: Final = "\x1f"  # no field holds it


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What somebody entered; ``id`` is known before it has its place."""

    id: int
    entered_at: datetime
    actor: str
    kind: str
    subject: str
    digest: bytes  # SHA-256 of the body


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An entry at its place in the chain."""

    sequence: int
    entry: Entry
    previous: bytes

    @property
    def canonical(self) -> bytes:
        """The bytes that stand for it, in the chain and as a leaf of the tree."""
        return self.previous + _SEPARATOR.join(
            (
                str(self.sequence),
                instant(self.entry.entered_at),
                self.entry.actor,
                self.entry.kind,
                self.entry.subject,
                self.entry.digest.hex(),
            )
        ).encode("utf-8")

    @property
    def hash(self) -> bytes:
        """What the next entry refers to."""
        return hashlib.sha256(self.canonical).digest()

    @property
    def leaf(self) -> bytes:
        """Its leaf in the tree (RFC 9162, section 2.1.1)."""
        return merkle.leaf_hash(self.canonical)


def instant(moment: datetime) -> str:
    """UTC to the microsecond, as it is hashed."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def linked(entries: Iterable[Entry], *, sequence: int, previous: bytes) -> Iterator[Link]:
    """The entries in this order, behind the one with that number and hash."""
    for number, entry in enumerate(entries, start=sequence + 1):
        link = Link(sequence=number, entry=entry, previous=previous)
        previous = link.hash
        yield link
