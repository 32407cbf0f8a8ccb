"""Documents about goods, byte for byte, what products demand of them, and how they verify."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date, datetime  # noqa: TC003 - pydantic reads the annotations when it runs
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature

from coldgate.crypto import public_key_from_text
from coldgate.errors import ConflictError, NotFoundError
from coldgate.storage import visibility
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_new, fetch_one

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("documents")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a document is about: one of a product (or its lot), a consignment, a carrier."""

    product: str | None = None
    lot: str | None = None
    consignment: str | None = None
    carrier: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDocument:
    """A document to keep; ``signature`` is Ed25519 over ``content`` by ``signing_key``."""

    party: str
    kind: str
    subject: Subject
    title: str
    media_type: str
    sha256: bytes
    content: bytes
    valid_until: date | None
    signature: bytes | None
    signing_key: str | None
    uploaded_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRow:
    """What is known of a document beside its bytes; it counts while ``withdrawn_at`` is None."""

    id: int
    party_id: str
    kind: str
    product_id: str | None
    lot_number: str | None
    consignment_id: str | None
    carrier_id: str | None
    title: str
    media_type: str
    sha256: str
    size: int
    valid_until: date | None
    signing_key: str | None
    uploaded_by: str
    uploaded_at: datetime
    withdrawal_reason: str | None
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    vouched_by: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The bytes of a document as they came, and what they were taken for."""

    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A key by which a party signs documents; in force while ``revoked_at`` is None."""

    id: int
    party_id: str
    public_key: str
    label: str
    added_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequirement:
    """What a product demands: ``per`` product, lot, consignment or carrier; for a step or both."""

    product: str
    kind: str
    per: str
    purpose: str
    signed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementRow:
    """What a product demands, until it was removed."""

    id: int
    product_id: str
    kind: str
    per: str
    purpose: str
    signed: bool
    added_at: datetime
    removed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a product of a consignment demands, and the best document there is for it.

    ``document_id`` is None where there is none, and so are the members after it. ``verified``: the
    digest is that of the bytes as they are stored now and, where a signature is there or demanded,
    it is that of a key in force of who entered the document; see `with_signatures`.
    """

    requirement_id: int
    product_id: str
    lot_number: str | None
    carrier_id: str | None
    kind: str
    per: str
    purpose: str
    signed: bool
    document_id: int | None
    valid_until: date | None
    expired: bool | None
    digest_matches: bool | None
    signed_by: str | None
    verified: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which documents to list; None is no bound."""

    subject: Subject
    kind: str | None = None
    after: int = 0
    limit: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    id: int
    content: bytes
    signature: bytes
    signing_key: str


def insert(connection: Connection, new: NewDocument) -> DocumentRow:
    """Keep a document for ever."""
    values = {**asdict(new), **asdict(new.subject), "size": len(new.content)}
    del values["subject"]
    row = connection.execute(_SQL["insert"], values).fetchone()
    assert row is not None  # noqa: S101 - INSERT … RETURNING gives its row
    return document(connection, row[0])


def document(connection: Connection, document_id: int) -> DocumentRow:
    """One document that the transaction may see."""
    found = fetch_one(connection, DocumentRow, _SQL["document"], {"id": document_id})
    if found is None:
        raise NotFoundError("document", str(document_id))
    return found


def documents(connection: Connection, wanted: Wanted) -> list[DocumentRow]:
    """Documents that the transaction may see, withdrawn ones included, oldest first."""
    bounds = {"kind": wanted.kind, "after": wanted.after, "limit": wanted.limit}
    parameters = {**bounds, **asdict(wanted.subject)}
    return fetch_all(connection, DocumentRow, _SQL["documents"], parameters)


def content(connection: Connection, document_id: int) -> Content:
    """The bytes of a document that the transaction may see."""
    row = fetch_one(connection, Content, _SQL["content"], {"id": document_id})
    if row is None:
        raise NotFoundError("document", str(document_id))
    return row


def withdraw(
    connection: Connection, document_id: int, *, reason: str, withdrawn_by: str
) -> DocumentRow:
    """Let a document count nowhere any more; its bytes stay."""
    parameters = {"id": document_id, "reason": reason, "withdrawn_by": withdrawn_by}
    if connection.execute(_SQL["withdraw"], parameters).fetchone() is None:
        raise ConflictError("ALREADY_WITHDRAWN", f"document {document_id} is withdrawn already")
    return document(connection, document_id)


def vouch(connection: Connection, document_id: int, *, party: str, vouched_by: str) -> DocumentRow:
    """Put ``party``'s word behind a document; twice is once."""
    parameters = {"id": document_id, "party": party, "vouched_by": vouched_by}
    connection.execute(_SQL["vouch"], parameters)
    return document(connection, document_id)


def insert_key(connection: Connection, *, party: str, public_key: str, label: str) -> KeyRow:
    """Register a key that the party signs documents by."""
    parameters = {"party": party, "public_key": public_key, "label": label}
    return fetch_new(connection, KeyRow, _SQL["insert_key"], parameters)


def keys(connection: Connection, *, scope: str | None, after: int, limit: int) -> list[KeyRow]:
    """Keys of the party ``scope``, of all where it is None, revoked ones included."""
    parameters = {"scope": scope, "id": None, "after": after, "limit": limit}
    return fetch_all(connection, KeyRow, _SQL["keys"], parameters)


def is_key_in_force(connection: Connection, *, party: str, public_key: str) -> bool:
    """Whether the party signs by this key."""
    parameters = {"party": party, "public_key": public_key}
    row = connection.execute(_SQL["is_key_in_force"], parameters).fetchone()
    return row is not None and row[0] is True


def revoke_key(connection: Connection, *, scope: str | None, key_id: int) -> KeyRow:
    """Let what the key signed count as unsigned from now on; again keeps the first time."""
    row = fetch_one(connection, KeyRow, _SQL["revoke_key"], {"id": key_id, "scope": scope})
    if row is None:
        raise NotFoundError("key", str(key_id))
    return row


def sees_product(connection: Connection, product: str) -> bool:
    """Whether the transaction's party owns the product or has a part in moving it."""
    row = connection.execute(_SQL["sees_product"], {"product": product}).fetchone()
    return row is not None and row[0] is True


def insert_requirement(connection: Connection, new: NewRequirement) -> RequirementRow:
    """Demand a kind of document from now on."""
    return fetch_new(connection, RequirementRow, _SQL["insert_requirement"], asdict(new))


def requirements(connection: Connection, product: str) -> list[RequirementRow]:
    """What the product demands and demanded, oldest first."""
    return fetch_all(connection, RequirementRow, _SQL["requirements"], {"product": product})


def remove_requirement(connection: Connection, product: str, requirement: int) -> RequirementRow:
    """Demand it no longer; removing again keeps the first time."""
    parameters = {"product": product, "id": requirement}
    row = fetch_one(connection, RequirementRow, _SQL["remove_requirement"], parameters)
    if row is None:
        raise NotFoundError("requirement", str(requirement))
    return row


def with_signatures(connection: Connection, demands: Sequence[Demand]) -> list[Demand]:
    """The demands, verified whoever asks; the database is asked only where there is a signature."""
    signed = [one.document_id for one in demands if one.signed_by is not None]
    genuine = _genuine(connection, signed) if signed else frozenset()
    return [_verified(demand, genuine) for demand in demands]


def _genuine(connection: Connection, signed: Sequence[int | None]) -> frozenset[int]:
    """Those of the documents whose signature is that of a key in force."""
    with visibility.everything(connection):
        rows = fetch_all(connection, _Signed, _SQL["signed_contents"], {"ids": signed})
    return frozenset(row.id for row in rows if _is_genuine(row))


def is_signed(content_bytes: bytes, *, signature: bytes, public_key: str) -> bool:
    """Whether ``signature`` is that of the key over these bytes (Ed25519)."""
    try:
        public_key_from_text(public_key).verify(signature, content_bytes)
    except (InvalidSignature, ValueError):
        return False
    return True


def _is_genuine(row: _Signed) -> bool:
    return is_signed(row.content, signature=row.signature, public_key=row.signing_key)


def _verified(demand: Demand, genuine: frozenset[int]) -> Demand:
    proven = demand.document_id in genuine
    wants_signature = demand.signed or demand.signed_by is not None
    verified = demand.digest_matches is True and (proven or not wants_signature)
    return replace(demand, verified=verified)
