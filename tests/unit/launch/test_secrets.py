"""Secrets that are given out once, and their stored form."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from hypothesis import given, settings
from hypothesis import strategies as st

from coldgate.secrets import hash_secret, new_secret, secret_matches


def test_secret_has_256_bits_and_is_never_the_same() -> None:
    secrets = {new_secret() for _ in range(100)}

    assert len(secrets) == 100
    assert all(len(base64.urlsafe_b64decode(secret + "=")) == 32 for secret in secrets)


def test_stored_form_is_pbkdf2_sha512_as_mosquitto_reads_it() -> None:
    _, version, iterations, salt, digest = hash_secret("opens").split("$")
    oracle = PBKDF2HMAC(SHA512(), 64, base64.b64decode(salt), int(iterations))

    assert version == "7"
    oracle.verify(b"opens", base64.b64decode(digest))


@settings(max_examples=25)
@given(st.text(max_size=50), st.text(max_size=50))
def test_stored_form_matches_its_own_secret_and_no_other(secret: str, other: str) -> None:
    stored = hash_secret(secret)

    assert secret_matches(secret, stored)
    assert secret_matches(other, stored) == (other == secret)


def test_same_secret_is_stored_differently_each_time() -> None:
    assert hash_secret("opens") != hash_secret("opens")


@given(st.one_of(st.text(max_size=30), st.from_regex(r"\$7\$-?\d{1,3}\$[\w=]*\$[\w=]*")))
def test_stored_form_that_is_none_matches_nothing(stored: str) -> None:
    assert not secret_matches("opens", stored)


def test_stored_form_of_another_kind_matches_nothing() -> None:
    assert not secret_matches("opens", hash_secret("opens").replace("$7$", "$6$"))
