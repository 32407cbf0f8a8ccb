"""Codes of an authenticator (RFC 6238), each good for once."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, Final

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from datetime import datetime

    from api.signing import Signer

STEP_SECONDS: Final = 30
ISSUER: Final = "Coldgate"
_PURPOSE: Final = "totp-secret"
_NONCE_BYTES: Final = 12  # SP 800-38D: 96 random bits


def new_secret() -> str:
    """A secret of 160 bits as base32, as RFC 4226, section 4, recommends."""
    return pyotp.random_base32()


def uri(secret: str, login: str) -> str:
    """What an authenticator reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)


def step_of(secret: str, code: str, at: datetime) -> int | None:
    """The step that ``code`` is of, now or one to either side; None for a wrong code."""
    totp = pyotp.TOTP(secret)
    now = int(at.timestamp()) // STEP_SECONDS
    steps = (now, now - 1, now + 1)
    return next((s for s in steps if hmac.compare_digest(totp.generate_otp(s), code)), None)


def sealed(secret: str, user_id: int, signer: Signer) -> bytes:
    """The secret as it is stored: a dump of the database makes no code."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + _cipher(signer).encrypt(nonce, secret.encode(), _owner(user_id))


def unsealed(stored: bytes, user_id: int, signer: Signer) -> str | None:
    """The secret; None if another key or user sealed it."""
    try:
        secret = _cipher(signer).decrypt(
            stored[:_NONCE_BYTES], stored[_NONCE_BYTES:], _owner(user_id)
        )
    except InvalidTag:
        return None
    return secret.decode()


def _cipher(signer: Signer) -> AESGCM:
    return AESGCM(signer.derived_key(_PURPOSE))


def _owner(user_id: int) -> bytes:
    return f"user {user_id}".encode()
