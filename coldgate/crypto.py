"""Keys, signatures and digests: Ed25519, COSE_Sign1 (RFC 9052), canonical JSON, SHA-256."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from coldgate.errors import SettingsError, WireError

if TYPE_CHECKING:
    from pathlib import Path

COSE_SIGN1_TAG: Final = 18  # RFC 9052, section 2
_ALGORITHM: Final = 1  # header label "alg", RFC 9052, section 3.1
_KEY_ID: Final = 4  # header label "kid"
_EDDSA: Final = -8  # RFC 9053, section 2.2
_SIGNATURE_BYTES: Final = 64
_MAX_HEADER_BYTES: Final = 64
_ENVELOPE_PARTS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A COSE_Sign1 taken apart; nothing in it is to be believed before `verify` returned."""

    key_id: str
    protected: bytes
    payload: bytes
    signature: bytes


def sign(payload: bytes, *, key: Ed25519PrivateKey, key_id: str) -> bytes:
    """Tagged COSE_Sign1 around ``payload``; the same input gives the same bytes (Ed25519)."""
    protected = cbor2.dumps({_ALGORITHM: _EDDSA, _KEY_ID: key_id.encode()}, canonical=True)
    signature = key.sign(_to_be_signed(protected, payload))
    return cbor2.dumps(cbor2.CBORTag(COSE_SIGN1_TAG, [protected, {}, payload, signature]))


def open_envelope(signed: bytes) -> Envelope:
    """Take a COSE_Sign1 apart without believing it; ``WireError("UNREADABLE")`` if it is none."""
    try:
        stream = io.BytesIO(signed)
        tagged = cbor2.load(stream, max_depth=3, allow_indefinite=False)
        if stream.read(1):
            raise WireError("UNREADABLE", "bytes behind the end of the COSE_Sign1")
        parts = tagged.value if isinstance(tagged, cbor2.CBORTag) else None
        if not isinstance(parts, list | tuple) or len(parts) != _ENVELOPE_PARTS:
            raise WireError("UNREADABLE", "not a COSE_Sign1 structure")
        protected, unprotected, payload, signature = parts
        if tagged.tag != COSE_SIGN1_TAG or not isinstance(unprotected, Mapping) or unprotected:
            raise WireError("UNREADABLE", "not a COSE_Sign1 with an empty unprotected header")
        if not all(isinstance(part, bytes) for part in (protected, payload, signature)):
            raise WireError("UNREADABLE", "COSE_Sign1 with a part that is no byte string")
        return Envelope(
            key_id=_key_id(protected), protected=protected, payload=payload, signature=signature
        )
    except (cbor2.CBORError, ValueError, RecursionError) as error:
        raise WireError("UNREADABLE", f"not CBOR: {error}") from error


def _key_id(protected: bytes) -> str:
    if len(protected) > _MAX_HEADER_BYTES:
        raise WireError("UNREADABLE", "COSE header is too long")
    header = cbor2.loads(protected, max_depth=2, allow_indefinite=False)
    if not isinstance(header, dict) or set(header) != {_ALGORITHM, _KEY_ID}:
        raise WireError("UNREADABLE", "COSE header must hold the algorithm and the key id only")
    key_id = header[_KEY_ID]
    if header[_ALGORITHM] != _EDDSA or not isinstance(key_id, bytes):
        raise WireError("UNREADABLE", "COSE header must name EdDSA and a key id")
    return key_id.decode("ascii")


def verify(envelope: Envelope, key: Ed25519PublicKey) -> None:
    """Return if the signature is ``key``'s, else raise ``WireError("SIGNATURE_INVALID")``."""
    try:
        key.verify(envelope.signature, _to_be_signed(envelope.protected, envelope.payload))
    except InvalidSignature as error:
        raise WireError("SIGNATURE_INVALID", f"not signed by {envelope.key_id}") from error


def _to_be_signed(protected: bytes, payload: bytes) -> bytes:
    """``Sig_structure`` of RFC 9052, section 4.4, with an empty external_aad."""
    return cbor2.dumps(["Signature1", protected, b"", payload])


def create_private_key(path: Path) -> Ed25519PrivateKey:
    """A new key, written to ``path`` (PEM, mode 0600); an existing file is never replaced."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    return key


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """The Ed25519 key in the PEM file ``path``; ``SettingsError`` if there is none."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(f"{path}: cannot read the private key: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(f"{path}: not an Ed25519 key")
    return key


def public_key_text(key: Ed25519PrivateKey | Ed25519PublicKey) -> str:
    """The public key's 32 bytes as base64url without padding, as gateways register it."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return base64.urlsafe_b64encode(public.public_bytes_raw()).rstrip(b"=").decode()


def public_key_from_text(text: str) -> Ed25519PublicKey:
    """Inverse of `public_key_text`; ``ValueError`` says what is wrong."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise ValueError("public key is not base64url") from error
    try:
        return Ed25519PublicKey.from_public_bytes(raw)
    except ValueError as error:
        raise ValueError("public key is not an Ed25519 key of 32 bytes") from error


def canonical_json(value: object) -> bytes:
    """One byte string for one value: sorted keys, no spaces, UTF-8, NaN and infinity refused."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def sha256_hex(content: bytes) -> str:
    """SHA-256 of ``content`` in 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
