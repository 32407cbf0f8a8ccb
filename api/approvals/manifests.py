"""Manifests of signatures: sealed when they are given, verified whenever they are read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from api import signing
from api.approvals.cases import dossiers
from coldgate.crypto import canonical_json
from coldgate.errors import NotFoundError
from coldgate.storage import approvals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from api.approvals.cases import Dossier
    from api.signing import Signer
    from coldgate.storage.approvals import SignatureRow
    from coldgate.storage.connection import Connection

PURPOSE: Final = "signature"
FORM: Final = 1  # of the manifest; raise it with any change of its members


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was found when a signature was read; it counts if all three are true.

    ``seal``: the manifest is, letter for letter, what the server sealed. ``digest``: it speaks of
    the record that is stored with the approval. ``record``: that record is still what its feature
    has stored.
    """

    seal: bool
    digest: bool
    record: bool

    @property
    def valid(self) -> bool:
        """Whether the signature stands."""
        return self.seal and self.digest and self.record


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """One signature with what was found about it."""

    row: SignatureRow
    manifest: dict[str, object]
    verification: Verification


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRecord:
    """One request for signatures, and every signature under it."""

    dossier: Dossier
    signatures: tuple[Signed, ...]


def manifest_of(dossier: Dossier, row: SignatureRow) -> dict[str, object]:
    """What is sealed: who signed what, as what, when, how, why, and with what meaning."""
    approval, flow = dossier.approval, dossier.flow
    lender = {
        "delegation": row.delegation_id,
        "user": row.for_user_id,
        "printed_name": row.for_name,
    }
    return {
        "form": FORM,
        "approval": approval.id,
        "subject": {"kind": approval.subject_kind, "id": approval.subject_id},
        "flow": {
            "id": flow.name,
            "version": flow.version,
            "party": flow.party_id,
            "digest": flow.digest,
        },
        "step": row.step,
        "record_sha256": row.record_digest.hex(),
        "signer": {
            "user": row.user_id,
            "login": row.login,
            "printed_name": row.printed_name,
            "party": row.party_id,
            "role": row.role,
        },
        "on_behalf_of": lender if row.delegation_id is not None else None,
        "meaning": row.meaning,
        "reason": row.reason,
        "signed_at": row.signed_at.isoformat(timespec="microseconds"),
        "method": row.method,
    }


def sealed(dossier: Dossier, row: SignatureRow, signer: Signer) -> SignatureRow:
    """The signature with the server's seal on its manifest."""
    seal = signer.sign(PURPOSE, canonical_json(manifest_of(dossier, row)))
    return replace(row, key_id=signer.key_id, seal=seal)


def read(
    connection: Connection,
    found: Iterable[Dossier],
    record_now: Callable[[Connection, str, str], Mapping[str, object]],
) -> list[SignedRecord]:
    """The requests with every signature verified; ``record_now`` takes kind and id of a subject."""
    return [_read(connection, dossier, record_now) for dossier in found]


def of_subject(
    connection: Connection, subject_kind: str, subject_id: str, record: Mapping[str, object]
) -> list[SignedRecord]:
    """Every request about one subject, for the feature that shows it.

    ``record`` is the subject's record as it is now.
    """
    rows = approvals.of_subjects(connection, subject_kind, [subject_id])
    return read(connection, dossiers(connection, rows), lambda _connection, _kind, _id: record)


def _read(
    connection: Connection,
    dossier: Dossier,
    record_now: Callable[[Connection, str, str], Mapping[str, object]],
) -> SignedRecord:
    if not dossier.signatures:
        return SignedRecord(dossier=dossier, signatures=())
    unchanged = _is_unchanged(connection, dossier, record_now)
    stored = hashlib.sha256(dossier.approval.record).digest()
    return SignedRecord(
        dossier=dossier,
        signatures=tuple(
            Signed(
                row=row,
                manifest=manifest_of(dossier, row),
                verification=Verification(
                    seal=_is_sealed(connection, dossier, row),
                    digest=stored == row.record_digest == dossier.approval.record_digest,
                    record=unchanged,
                ),
            )
            for row in dossier.signatures
        ),
    )


def _is_sealed(connection: Connection, dossier: Dossier, row: SignatureRow) -> bool:
    return signing.verify(
        connection,
        key_id=row.key_id,
        purpose=PURPOSE,
        payload=canonical_json(manifest_of(dossier, row)),
        signature=row.seal,
    )


def _is_unchanged(
    connection: Connection,
    dossier: Dossier,
    record_now: Callable[[Connection, str, str], Mapping[str, object]],
) -> bool:
    approval = dossier.approval
    try:
        current = record_now(connection, approval.subject_kind, approval.subject_id)
    except NotFoundError:
        return False
    return canonical_json(current) == approval.record
