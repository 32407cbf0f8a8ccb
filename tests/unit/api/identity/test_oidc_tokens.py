"""Which tokens of an identity provider are believed."""

from __future__ import annotations

import base64
import hmac
import time
from typing import Any, Final

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from pydantic import SecretStr

from api.errors import UnauthenticatedError
from api.identity.oidc import Claims, Provider, ProviderSettings

ISSUER: Final = "https://login.example"
KEY: Final = ECKey.generate_key("P-256", {"kid": "one"})
PUBLISHED: Final = KeySet([KEY]).as_dict(private=False)["keys"]
PROVIDER: Final = Provider(
    ProviderSettings(
        issuer=ISSUER,
        client_id="coldgate",
        client_secret=SecretStr("s"),
        redirect_uri="https://cold.example/v1/oidc/callback",
    )
)


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    told = {
        "iss": ISSUER,
        "sub": "ada",
        "aud": "coldgate",
        "iat": now,
        "exp": now + 60,
        "nonce": "n",
        "auth_time": now,
    } | changed
    return {name: value for name, value in told.items() if value is not None}


def token(key: Any = KEY, algorithm: str = "ES256", **changed: Any) -> str:
    header = {"alg": algorithm, "kid": "one"}
    return jwt.encode(header, claims(**changed), key, [algorithm])


def believed(text: str) -> Claims:
    return PROVIDER._believed(text, PUBLISHED, "n")


def test_token_of_the_provider_for_us_and_now_is_believed() -> None:
    said = believed(token())

    assert (said.issuer, said.subject) == (ISSUER, "ada")
    assert said.authenticated_at is not None


def test_token_for_several_names_us_as_its_party() -> None:
    assert believed(token(aud=["coldgate", "other"], azp="coldgate"))


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://other.example"},
        {"aud": "other"},
        {"aud": ["coldgate", "other"]},
        {"aud": ["coldgate", "other"], "azp": "other"},
        {"azp": "other"},
        {"nonce": "of another visit"},
        {"nonce": None},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"nbf": 4_000_000_000},
    ],
)
def test_token_for_others_or_another_time_is_not_believed(changed: dict[str, Any]) -> None:
    with pytest.raises(UnauthenticatedError) as caught:
        believed(token(**changed))
    assert caught.value.code == "OIDC_REFUSED"


def test_token_signed_by_somebody_else_is_not_believed() -> None:
    with pytest.raises(UnauthenticatedError):
        believed(token(ECKey.generate_key("P-256")))


def test_token_signed_with_the_published_key_as_a_secret_is_not_believed() -> None:
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').rstrip(b"=").decode()
    signed = f"{head}.{token().split('.')[1]}"
    code = hmac.digest(KEY.as_pem(private=False), signed.encode(), "sha256")

    with pytest.raises(UnauthenticatedError):
        believed(f"{signed}.{base64.urlsafe_b64encode(code).rstrip(b'=').decode()}")


def test_token_without_a_signature_is_not_believed() -> None:
    head = "eyJhbGciOiJub25lIn0"
    body = token().split(".")[1]

    with pytest.raises(UnauthenticatedError):
        believed(f"{head}.{body}.")


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "....", "é"])
def test_what_is_no_token_is_not_believed(text: str) -> None:
    with pytest.raises(UnauthenticatedError):
        believed(text)


def test_key_of_another_kind_under_the_same_name_is_not_believed() -> None:
    with pytest.raises(UnauthenticatedError):
        believed(token(RSAKey.generate_key(2048), "RS256"))


def test_time_of_proof_that_is_no_number_is_none() -> None:
    assert believed(token(auth_time="now")).authenticated_at is None


@pytest.mark.parametrize(
    "beside",
    [
        {},
        {"kty": "new"},
        {"kty": "EC", "crv": "new", "x": "", "y": ""},
        7,
        {"kty": "oct", "k": "c2VjcmV0"},
    ],
)
def test_published_key_that_is_not_understood_is_passed_over(beside: object) -> None:
    assert PROVIDER._believed(token(), [beside, *PUBLISHED], "n").subject == "ada"


def test_secret_that_was_published_is_no_key() -> None:
    secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "one", "alg": "HS256"}

    with pytest.raises(UnauthenticatedError):
        PROVIDER._believed(token(), [secret], "n")
