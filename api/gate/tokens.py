"""Permit tokens: what the gate gives to whoever asked, and knows again.

``cgp1.<payload>.<signature>``, both base64url: canonical JSON and Ed25519 over it in the domain
``permit``, so that nothing else that the server signs can be taken for one.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from api.signing import verify
from coldgate.crypto import canonical_json
from coldgate.errors import ConflictError

if TYPE_CHECKING:
    from datetime import timedelta

    from api.signing import Signer
    from coldgate.storage.connection import Connection
    from coldgate.storage.tokens import PermitRow

PREFIX: Final = "cgp1"  # lets secret scanners recognise a leaked permit
PURPOSE: Final = "permit"
PARTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Who signs permits, and for how long they are good."""

    signer: Signer
    lifetime: timedelta


def token_of(permit: PermitRow, signer: Signer) -> str:
    """The permit as its holder carries it."""
    payload = canonical_json({**_claims(permit), "key": signer.key_id})
    return f"{PREFIX}.{_text(payload)}.{_text(signer.sign(PURPOSE, payload))}"


def permit_id(connection: Connection, token: str) -> int:
    """The number of a permit that this server signed, now or by an earlier key.

    Raises:
        ConflictError: `PERMIT_FORGED`, whatever is wrong with it.
    """
    try:
        payload, signature = _parts(token)
        claims = json.loads(payload)
        genuine = verify(
            connection,
            key_id=claims["key"],
            purpose=PURPOSE,
            payload=payload,
            signature=signature,
        )
        number: int = claims["permit"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _forged() from error
    if not genuine:
        raise _forged()
    return number


def require_same(token: str, permit: PermitRow) -> None:
    """Return if the token says what was recorded of the permit when it was given."""
    payload, _ = _parts(token)
    claims = json.loads(payload)
    if {name: claims.get(name) for name in _claims(permit)} != _claims(permit):
        raise _forged()


def _claims(permit: PermitRow) -> dict[str, object]:
    return {
        "permit": permit.id,
        "decision": permit.decision_id,
        "consignment": permit.consignment_id,
        "purpose": permit.purpose,
        "audience": permit.audience,
        "lines": permit.lines,
        "issued_at": permit.issued_at.isoformat(),
        "expires_at": permit.expires_at.isoformat(),
    }


def _parts(token: str) -> tuple[bytes, bytes]:
    parts = token.split(".")
    if len(parts) != PARTS or parts[0] != PREFIX:
        raise ValueError(token[: len(PREFIX)])
    return _bytes(parts[1]), _bytes(parts[2])


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(text[:10]) from error
    if _text(content) != text:  # one way to write a token, so that one is as good as its bytes
        raise ValueError(text[:10])
    return content


def _forged() -> ConflictError:
    return ConflictError("PERMIT_FORGED", "this is no permit that this server gave")
