"""Keys of parties for detached signatures over documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.documents.schemas import DocumentKeyView
from api.schemas import Page, page_of
from coldgate.storage import documents

if TYPE_CHECKING:
    from api.caller import Caller
    from api.documents.schemas import DocumentKeyIn
    from coldgate.storage.connection import Connection


def add_key(connection: Connection, caller: Caller, new: DocumentKeyIn) -> DocumentKeyView:
    """Register a key; documents may be signed by it from now on."""
    party = caller.acting_for(new.party)
    row = documents.insert_key(connection, party=party, public_key=new.public_key, label=new.label)
    facts = {"party": party, "public_key": row.public_key, "label": row.label}
    caller.record(connection, "document_key.added", str(row.id), **facts)
    return DocumentKeyView.model_validate(row)


def list_keys(
    connection: Connection, caller: Caller, *, after: int, limit: int
) -> Page[DocumentKeyView]:
    """The caller's keys."""
    rows = documents.keys(connection, scope=caller.scope, after=after, limit=limit)
    return page_of(DocumentKeyView, rows, limit=limit)


def revoke_key(connection: Connection, caller: Caller, key_id: int) -> DocumentKeyView:
    """Trust the key no longer, whenever it signed: nobody knows since when others have it."""
    row = documents.revoke_key(connection, scope=caller.scope, key_id=key_id)
    caller.record(connection, "document_key.revoked", str(row.id), party=row.party_id)
    return DocumentKeyView.model_validate(row)
