"""Secrets that Coldgate gives out once, and the one stored form that both brokers can check."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Final

SECRET_BYTES: Final = 32
SALT_BYTES: Final = 12  # what mosquitto 2.0 expects
ITERATIONS: Final = 1_000  # the secret is 256 random bits: nothing to stretch, but mosquitto's form


def new_secret() -> str:
    """A secret of 256 random bits, safe in URLs, shell words and configuration files."""
    return secrets.token_urlsafe(SECRET_BYTES)


def hash_secret(secret: str) -> str:
    """The form to store, ``$7$iterations$salt$hash`` (PBKDF2-SHA512), as mosquitto reads it."""
    salt = secrets.token_bytes(SALT_BYTES)
    digest = _derive(secret, salt, ITERATIONS)
    return f"$7${ITERATIONS}${_text(salt)}${_text(digest)}"


def secret_matches(secret: str, stored: str) -> bool:
    """Whether ``stored`` was made from ``secret``; False for a stored form that is none."""
    try:
        empty, version, iterations, salt, digest = stored.split("$")
        expected = base64.b64decode(digest, validate=True)
        actual = _derive(secret, base64.b64decode(salt, validate=True), int(iterations))
    except (ValueError, OverflowError, binascii.Error):
        return False
    return (empty, version) == ("", "7") and hmac.compare_digest(actual, expected)


def _derive(secret: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, iterations)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
