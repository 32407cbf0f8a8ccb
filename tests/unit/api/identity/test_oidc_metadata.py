"""What a provider publishes about itself, and when it is none."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar

import httpx
import pytest
from pydantic import SecretStr

from api.errors import ProviderError, ThrottledError
from api.identity.oidc import PLACES, Binding, Provider, ProviderSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

BINDING = Binding(state="s", nonce="n", verifier="v" * 43)


class Publisher(BaseHTTPRequestHandler):
    body: ClassVar[bytes] = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def issuer() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Publisher) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def provider(issuer: str) -> Provider:
    return Provider(
        ProviderSettings(
            issuer=issuer,
            client_id="coldgate",
            client_secret=SecretStr("s"),
            redirect_uri="https://cold.example/v1/oidc/callback",
        )
    )


def publish(issuer: str, /, **changed: object) -> None:
    told = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/keys",
    }
    Publisher.body = json.dumps(told | changed).encode()


def test_browser_is_sent_with_everything_that_ties_the_answer_to_it(issuer: str) -> None:
    publish(issuer)

    asked = httpx.URL(provider(issuer).authorization_url(BINDING, fresh=True)).params

    assert (asked["state"], asked["nonce"], asked["scope"]) == ("s", "n", "openid")
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["code_challenge"] not in {"", BINDING.verifier}
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")


def test_login_does_not_ask_for_a_fresh_proof(issuer: str) -> None:
    publish(issuer)

    asked = httpx.URL(provider(issuer).authorization_url(BINDING, fresh=False)).params

    assert not {"prompt", "max_age"} & set(asked)


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://other.example"},
        {"issuer": None},
        {"authorization_endpoint": None},
        {"jwks_uri": 7},
    ],
)
def test_provider_that_speaks_for_another_or_says_too_little_is_none(
    issuer: str, changed: dict[str, object]
) -> None:
    publish(issuer, **changed)

    with pytest.raises(ProviderError):
        provider(issuer).authorization_url(BINDING, fresh=False)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\xff"])
def test_answer_that_is_no_object_is_none_of_a_provider(issuer: str, body: bytes) -> None:
    Publisher.body = body

    with pytest.raises(ProviderError):
        provider(issuer).authorization_url(BINDING, fresh=False)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9/token", "no address", "http://[", ""])
def test_token_endpoint_that_is_away_or_no_address_is_the_providers_fault(
    issuer: str, endpoint: str
) -> None:
    publish(issuer, token_endpoint=endpoint)

    with pytest.raises(ProviderError):
        provider(issuer).claims("code", BINDING)


def test_crowd_that_waits_for_a_slow_provider_is_kept_small(issuer: str) -> None:
    publish(issuer)
    asked = provider(issuer)

    with ExitStack() as crowd:
        for _ in range(PLACES):
            crowd.enter_context(asked.place())
        with pytest.raises(ThrottledError):
            asked.authorization_url(BINDING, fresh=False)
    assert asked.authorization_url(BINDING, fresh=False)
