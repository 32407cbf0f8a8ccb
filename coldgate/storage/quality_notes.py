"""What is added to deviations and CAPAs: words, documents, and every state they were in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("quality_notes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a note or a revision is about: ``kind`` is deviation, capa or capa_action."""

    kind: str
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRow:
    """A comment, an acknowledgement or an attached document."""

    id: int
    kind: str
    body: str
    document_id: int | None
    author: str
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionRow:
    """What a record said until somebody wrote over it; ``number`` counts from 1."""

    number: int
    content: dict[str, object]
    author: str
    recorded_at: datetime


def add(
    connection: Connection,
    subject: Subject,
    *,
    kind: str,
    body: str,
    author: str,
    document: int | None = None,
) -> None:
    """Add a note for ever; an author acknowledges once, however often it says so."""
    parameters = {
        **_key(subject),
        "kind": kind,
        "body": body,
        "author": author,
        "document": document,
    }
    connection.execute(_SQL["add"], parameters)


def notes(connection: Connection, subject: Subject) -> list[NoteRow]:
    """Notes in the order in which they were written."""
    return fetch_all(connection, NoteRow, _SQL["notes"], _key(subject))


def revisions(
    connection: Connection, subject: Subject, *, after: int, limit: int
) -> list[RevisionRow]:
    """Every state the record was in, oldest first."""
    parameters = {**_key(subject), "after": after, "limit": limit}
    return fetch_all(connection, RevisionRow, _SQL["revisions"], parameters)


def seen_documents(connection: Connection, documents: Iterable[int]) -> frozenset[int]:
    """Those of the documents that the transaction may see."""
    parameters = {"documents": sorted(documents)}
    return frozenset(row[0] for row in connection.execute(_SQL["documents"], parameters))


def users_of(connection: Connection, party: str, users: Iterable[int]) -> frozenset[int]:
    """Those of the users that belong to the party and are not disabled."""
    parameters = {"party": party, "users": sorted(users)}
    return frozenset(row[0] for row in connection.execute(_SQL["users_of"], parameters))


def _key(subject: Subject) -> dict[str, object]:
    return {"subject_kind": subject.kind, "subject_id": subject.id}
