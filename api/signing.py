"""What Coldgate itself vouches for: signatures by its key, and digests nobody can guess."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from coldgate.crypto import public_key_from_text, public_key_text, sha256_hex
from coldgate.storage import signing_keys

if TYPE_CHECKING:
    from coldgate.storage.connection import Connection

SEED_BYTES: Final = 32
KEY_ID_DIGITS: Final = 16


class Signer:
    """The server's key. Each ``purpose`` is a domain of its own: no signature serves for two."""

    def __init__(self, secret: str) -> None:
        self._seed = seed_from_text(secret)
        self._key = Ed25519PrivateKey.from_private_bytes(self._seed)
        self.public_key = public_key_text(self._key)
        self.key_id = _key_id(self.public_key)
        self._digest_key = self.derived_key("digest")

    def sign(self, purpose: str, payload: bytes) -> bytes:
        """Ed25519 over purpose and payload, 64 bytes."""
        return self._key.sign(_to_be_signed(purpose, payload))

    def sign_note(self, text: bytes) -> bytes:
        """Ed25519 over the text of a note as it stands, which C2SP signed-note asks for.

        Neither of the two is ever taken for the other: what `sign` signs has a NUL, and no text.
        """
        if b"\0" in text:
            raise ValueError("a note has no NUL")
        return self._key.sign(text)

    def derived_key(self, purpose: str) -> bytes:
        """A symmetric key of 32 bytes for one purpose (HKDF-SHA256, RFC 5869)."""
        derivation = HKDF(
            hashes.SHA256(), length=32, salt=None, info=b"coldgate/" + purpose.encode()
        )
        return derivation.derive(self._seed)

    def keyed_digest(self, payload: bytes) -> bytes:
        """HMAC-SHA256 of ``payload``: unlike a plain digest it does not let anybody try guesses."""
        return hmac.digest(self._digest_key, payload, hashlib.sha256)

    def publish(self, connection: Connection) -> None:
        """Put the public half where everybody finds it, beside those of earlier keys."""
        signing_keys.ensure(connection, key_id=self.key_id, public_key=self.public_key)


def verify(
    connection: Connection, *, key_id: str, purpose: str, payload: bytes, signature: bytes
) -> bool:
    """Whether the key with this id, in force or an old one, signed ``payload`` for ``purpose``."""
    known = signing_keys.public_key(connection, key_id)
    if known is None:
        return False
    try:
        public_key_from_text(known).verify(signature, _to_be_signed(purpose, payload))
    except (InvalidSignature, ValueError):
        return False
    return True


def _to_be_signed(purpose: str, payload: bytes) -> bytes:
    return b"coldgate/" + purpose.encode() + b"\0" + payload


def _key_id(public_key: str) -> str:
    return sha256_hex(public_key.encode())[:KEY_ID_DIGITS]


def seed_from_text(text: str) -> bytes:
    """The 32 bytes of a key given as base64url; ``ValueError`` without the text says otherwise."""
    try:
        seed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        seed = b""
    if len(seed) != SEED_BYTES:
        raise ValueError(f"not {SEED_BYTES} bytes as base64url")
    return seed
