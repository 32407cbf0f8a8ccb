"""Documents: who may enter one, and how it is checked before it is kept.

Decision 0093. Everybody enters about what it answers for; whether that counts at the gate, the
gate finds out from who entered it and who vouched for it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from api import quotas
from api.documents.content import checked_type
from api.documents.schemas import DocumentView, signature_bytes
from api.identity.rights import Right
from api.schemas import Page, page_of
from coldgate.errors import DocumentError, ForbiddenError, NotFoundError
from coldgate.storage import consignments, documents, goods
from coldgate.storage.documents import NewDocument, Subject, Wanted
from coldgate.storage.quotas import Part, require_room

if TYPE_CHECKING:
    from api.caller import Caller
    from api.documents.schemas import DocumentsQuery, UploadQuery, WithdrawalIn
    from coldgate.storage.connection import Connection
    from coldgate.storage.documents import Content, DocumentRow

MANUFACTURER: Final = "manufacturer"


def add_document(
    connection: Connection, caller: Caller, said: UploadQuery, media_type: str, content: bytes
) -> DocumentView:
    """Keep the document if its bytes are what is said of them.

    Raises:
        DocumentError: type, digest or signature do not fit the bytes.
    """
    party = caller.acting_for(said.party)
    _require_right(connection, caller, said, party)
    if said.consignment is not None:
        require_room(connection, said.consignment, Part.DOCUMENTS, party=party)
    new = NewDocument(
        party=party,
        kind=said.kind,
        subject=_subject(said),
        title=said.title,
        media_type=checked_type(media_type, content),
        sha256=_digest(said, content),
        content=content,
        valid_until=said.valid_until,
        signature=_signature(connection, said, content, party),
        signing_key=said.key,
        uploaded_by=caller.actor,
    )
    row = documents.insert(connection, new)
    view = DocumentView.model_validate(row)
    facts = view.model_dump(mode="json", exclude={"uploaded_at"})
    caller.record(connection, "document.added", str(row.id), **facts)
    quotas.spend(connection, caller, quotas.UPLOADS, size=len(content))
    return view


def list_documents(
    connection: Connection, _caller: Caller, query: DocumentsQuery
) -> Page[DocumentView]:
    """Documents that the caller may see, oldest first."""
    subject = Subject(
        product=query.product,
        lot=query.lot,
        consignment=query.consignment,
        carrier=query.carrier,
    )
    wanted = Wanted(subject=subject, kind=query.kind, after=query.after, limit=query.limit)
    return page_of(DocumentView, documents.documents(connection, wanted), limit=query.limit)


def get_document(connection: Connection, _caller: Caller, document_id: int) -> DocumentView:
    """One document that the caller may see, without its bytes."""
    return DocumentView.model_validate(documents.document(connection, document_id))


def get_content(connection: Connection, _caller: Caller, document_id: int) -> Content:
    """The bytes of a document that the caller may see."""
    return documents.content(connection, document_id)


def withdraw(
    connection: Connection, caller: Caller, document_id: int, why: WithdrawalIn
) -> DocumentView:
    """Let a document count no longer; who entered it says so, or the operator."""
    row = documents.document(connection, document_id)
    if not caller.is_operator and row.party_id != caller.party:
        raise ForbiddenError("NOT_YOUR_DOCUMENT", "who entered a document withdraws it")
    row = documents.withdraw(connection, document_id, reason=why.reason, withdrawn_by=caller.actor)
    caller.record(connection, "document.withdrawn", str(row.id), reason=why.reason)
    return DocumentView.model_validate(row)


def vouch(connection: Connection, caller: Caller, document_id: int) -> DocumentView:
    """Sign in what a carrier entered: it counts where the caller's word does."""
    row = documents.document(connection, document_id)
    _require_voucher(connection, caller, row)
    row = documents.vouch(connection, document_id, party=caller.party, vouched_by=caller.actor)
    caller.record(connection, "document.vouched", str(row.id), sha256=row.sha256)
    return DocumentView.model_validate(row)


def _require_right(connection: Connection, caller: Caller, said: UploadQuery, party: str) -> None:
    """Return for who answers for what the document is about."""
    if said.product is not None:
        caller.require(Right.GOODS)
        goods.product(connection, scope=caller.scope, product_id=said.product)
        known = {lot.number for lot in goods.lots(connection, said.product)}
        if said.lot is not None and said.lot not in known:
            raise NotFoundError("lot", f"{said.product}/{said.lot}")
    if said.consignment is not None:
        consignments.visible(connection, said.consignment, scope=caller.scope)
    if said.carrier is not None and said.carrier != party:
        _require_trust(caller)


def _require_voucher(connection: Connection, caller: Caller, row: DocumentRow) -> None:
    """Return for somebody else than who entered it, whose word can count."""
    if caller.party in (row.party_id, row.carrier_id):
        raise ForbiddenError("CANNOT_VOUCH", "nobody vouches for what it entered itself")
    if row.consignment_id is None:
        _require_trust(caller)
        return
    sent = consignments.visible(connection, row.consignment_id, scope=caller.scope)
    if not caller.is_operator and caller.party != sent.consignor_id:
        raise ForbiddenError("CANNOT_VOUCH", "the operator or the consignor vouches for it")


def _require_trust(caller: Caller) -> None:
    if not caller.is_operator and caller.kind != MANUFACTURER:
        raise ForbiddenError(
            "CANNOT_VOUCH", "the operator or the manufacturer of the goods speaks of a carrier"
        )


def _subject(said: UploadQuery) -> Subject:
    return Subject(
        product=said.product,
        lot=said.lot,
        consignment=said.consignment,
        carrier=said.carrier,
    )


def _digest(said: UploadQuery, content: bytes) -> bytes:
    digest = hashlib.sha256(content).digest()
    if said.sha256 is not None and bytes.fromhex(said.sha256) != digest:
        raise DocumentError("DOCUMENT_DIGEST_MISMATCH", f"the bytes that came have {digest.hex()}")
    return digest


def _signature(
    connection: Connection, said: UploadQuery, content: bytes, party: str
) -> bytes | None:
    """The signature, if it is one over these bytes by a key of ``party`` in force."""
    if said.signature is None or said.key is None:
        return None
    if not documents.is_key_in_force(connection, party=party, public_key=said.key):
        raise DocumentError("DOCUMENT_KEY_UNKNOWN", f"{party} has no such key in force")
    signature = signature_bytes(said.signature)
    if not documents.is_signed(content, signature=signature, public_key=said.key):
        raise DocumentError("DOCUMENT_SIGNATURE_INVALID", "the key did not sign these bytes")
    return signature
