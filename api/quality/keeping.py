"""Who may write into a record of the quality side, and on what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coldgate.errors import ConflictError, ForbiddenError, NotFoundError
from coldgate.storage import quality_notes
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from collections.abc import Iterable

    from api.caller import Caller
    from api.quality.schemas import NoteIn
    from coldgate.storage.connection import Connection
    from coldgate.storage.quality_notes import Subject


def require_keeper(caller: Caller, party: str) -> None:
    """Return for the party that keeps the record, and for the operator."""
    if not caller.is_operator and caller.party != party:
        raise ForbiddenError("NOT_KEEPER", "the consignor's quality side keeps this record")


def require_current(stored: int, based_on: int) -> None:
    """Return if nobody wrote into the record since the caller read it."""
    if stored != based_on:
        raise ConflictError(
            "REVISION_CONFLICT", f"the record is at revision {stored}; read it again"
        )


def require_users(connection: Connection, party: str, users: Iterable[int | None]) -> None:
    """Return if each of the users belongs to the party and is not disabled."""
    wanted = {user for user in users if user is not None}
    if not wanted:
        return
    with everything(connection):
        unknown = wanted - quality_notes.users_of(connection, party, wanted)
    if unknown:
        raise NotFoundError("user of this party", str(min(unknown)))


def require_document(connection: Connection, document: int | None) -> None:
    """Return if the caller may see the document, or names none."""
    if document is not None and not quality_notes.seen_documents(connection, [document]):
        raise NotFoundError("document", str(document))


def write_note(connection: Connection, caller: Caller, subject: Subject, new: NoteIn) -> None:
    """Add a comment, or a document with words to it."""
    require_document(connection, new.document)
    kind = "comment" if new.document is None else "attachment"
    quality_notes.add(
        connection, subject, kind=kind, body=new.body, author=caller.actor, document=new.document
    )
    caller.record(
        connection,
        f"{subject.kind}.{'commented' if new.document is None else 'document_attached'}",
        f"{subject.kind}/{subject.id}",
        document=new.document,
        body=new.body,
    )


def acknowledge(connection: Connection, caller: Caller, subject: Subject) -> None:
    """Note that the caller has seen it; that decides nothing and signs nothing."""
    quality_notes.add(connection, subject, kind="acknowledgement", body="seen", author=caller.actor)
    kind = f"{subject.kind}.acknowledged"
    caller.record(connection, kind, f"{subject.kind}/{subject.id}")
