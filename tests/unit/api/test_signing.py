"""The server's own key: one purpose's signature is no other's, and its seed is well formed."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature

from api.signing import Signer, seed_from_text
from coldgate.crypto import public_key_from_text
from coldgate.secrets import new_secret


def test_signature_holds_for_its_purpose_and_bytes_only() -> None:
    signer = Signer(new_secret())
    key = public_key_from_text(signer.public_key)

    signature = signer.sign("permit", b"lot A1")

    key.verify(signature, b"coldgate/permit\0lot A1")
    for other in (b"coldgate/signature\0lot A1", b"coldgate/permit\0lot A2", b"lot A1"):
        with pytest.raises(InvalidSignature):
            key.verify(signature, other)


def test_the_same_secret_is_the_same_key_and_another_is_not() -> None:
    secret = new_secret()

    assert Signer(secret).key_id == Signer(secret).key_id != Signer(new_secret()).key_id
    assert Signer(secret).keyed_digest(b"x") == Signer(secret).keyed_digest(b"x")
    assert Signer(secret).keyed_digest(b"x") != Signer(new_secret()).keyed_digest(b"x")
    assert Signer(secret).derived_key("digest") != Signer(secret).derived_key("totp")


@pytest.mark.parametrize("text", ["", "A" * 42, "A" * 44, "A" * 42 + "é", "A" * 42 + "!", "a b"])
def test_secret_that_is_not_32_bytes_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not 32 bytes as base64url$"):
        seed_from_text(text)
