"""What people decide about goods that the evidence does not let go."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from coldgate.errors import NotFoundError
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_one

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("dispositions")
_EVERY: Final = 2**31 - 1  # more than a consignment can have


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDisposition:
    """A proposal; ``positions`` are those of the consignment's lines."""

    consignment: str
    positions: Sequence[int]
    decision: str
    evaluation_id: int
    verdict: str
    rationale: str
    statement_document_id: int | None
    author: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DispositionRow:
    """A disposition as stored; proposed until its approval is closed."""

    id: int
    consignment_id: str
    positions: list[int]
    decision: str
    evaluation_id: int
    evaluation_version: int
    verdict: str
    rationale: str
    statement_document_id: int | None
    author: str
    approval_id: int | None
    state: str
    created_at: datetime
    granted_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRow:
    """The evaluation that a disposition is about; ``body`` as the judge wrote it.

    ``reason_codes`` and ``zones`` are None of one that was stored before they were kept.
    """

    id: int
    version: int
    verdict: str
    provisional: bool
    with_excursions: bool
    engine: str
    input_digest: str
    reason_codes: list[str] | None
    zones: dict[str, object] | None
    body: bytes
    profile_id: str
    profile_version: int
    profile_digest: str
    newest: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    """A document that is named as the manufacturer's word; ``void`` if withdrawn or expired.

    ``articles`` are those of the product's number; none where it speaks of no product.
    """

    id: int
    party_id: str
    kind: str
    lot_number: str | None
    consignment_id: str | None
    title: str
    sha256: bytes
    articles: list[str]
    void: bool


def insert(connection: Connection, new: NewDisposition) -> int:
    """Propose; the id of the disposition."""
    parameters = {**asdict(new), "positions": list(new.positions)}
    row = connection.execute(_SQL["insert"], parameters).fetchone()
    return int(row[0]) if row else 0


def attach(connection: Connection, disposition: int, approval: int) -> None:
    """Name the request for signatures that decides it; once."""
    connection.execute(_SQL["attach"], {"id": disposition, "approval": approval})


def close(connection: Connection, disposition: int, state: str) -> DispositionRow:
    """Close a proposal; SQLSTATE CG001 if it is closed already."""
    connection.execute(_SQL["close"], {"id": disposition, "state": state})
    return by_id(connection, disposition)


def by_id(
    connection: Connection, disposition: int, *, consignment: str | None = None
) -> DispositionRow:
    """One disposition, of that consignment if one is named; else not found."""
    rows = _dispositions(connection, id=disposition, consignment=consignment)
    if not rows:
        raise NotFoundError("disposition", str(disposition))
    return rows[0]


def of_consignment(
    connection: Connection, consignment: str, *, after: int, limit: int
) -> list[DispositionRow]:
    """Dispositions about a consignment, oldest first."""
    return _dispositions(connection, consignment=consignment, after=after, limit=limit)


def proposed(connection: Connection, consignment: str) -> list[DispositionRow]:
    """Proposals that nobody has decided yet."""
    return _dispositions(connection, consignment=consignment, state="proposed")


def judged(connection: Connection, consignment: str, version: int) -> JudgedRow:
    """One evaluation with the profile that it went by; else not found."""
    parameters = {"consignment": consignment, "version": version}
    row = fetch_one(connection, JudgedRow, _SQL["evaluation"], parameters)
    if row is None:
        raise NotFoundError("evaluation", str(version))
    return row


def statement(connection: Connection, document: int) -> StatementRow:
    """A document that is named as the manufacturer's word; else not found."""
    row = fetch_one(connection, StatementRow, _SQL["statement"], {"id": document})
    if row is None:
        raise NotFoundError("document", str(document))
    return row


def makers(connection: Connection, consignment: str, positions: Iterable[int]) -> frozenset[str]:
    """Who answers for how the goods of these lines were made."""
    parameters = {"consignment": consignment, "positions": list(positions)}
    rows = connection.execute(_SQL["makers"], parameters).fetchall()
    return frozenset(party for (party,) in rows)


def _dispositions(connection: Connection, **wanted: object) -> list[DispositionRow]:
    every = {"id": None, "consignment": None, "state": None, "after": 0, "limit": _EVERY}
    return fetch_all(connection, DispositionRow, _SQL["dispositions"], {**every, **wanted})
