"""The identity provider: authorization code with PKCE, and what its tokens say (OpenID Connect)."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import httpx
from authlib.oauth2.base import OAuth2Error  # type: ignore[import-untyped]  # comes without types
from authlib.oauth2.client import OAuth2Client  # type: ignore[import-untyped]  # same
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, KeySet

from api.errors import ProviderError, ThrottledError, UnauthenticatedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import SecretStr

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")  # never "none", never a shared secret
KEY_TYPES: Final = frozenset({"RSA", "EC", "OKP"})
SCOPE: Final = "openid"
TIMEOUT_SECONDS: Final = 5.0
PLACES: Final = 8  # threads that wait for the provider; the process has others to serve
RETRY_AFTER: Final = timedelta(seconds=2)
SKEW_SECONDS: Final = 5  # between the provider's clock and ours
ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """Where the provider is, and as whom Coldgate is known there."""

    issuer: str
    client_id: str
    client_secret: SecretStr
    redirect_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What an id_token says; ``authenticated_at`` is in seconds since 1970, None where untold."""

    issuer: str
    subject: str
    authenticated_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What ties an answer of the provider to the question; derived from the state."""

    state: str
    nonce: str
    verifier: str


class Provider:
    """One OpenID provider; nothing of it is kept: its keys may change at any time."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self.issuer = settings.issuer
        self._places = threading.BoundedSemaphore(PLACES)

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place among those who wait for the provider; `ThrottledError` where all are taken.

        Whoever is not known yet may ask for one, and a slow provider keeps it for a while.
        """
        if not self._places.acquire(blocking=False):
            raise ThrottledError(RETRY_AFTER)
        try:
            yield
        finally:
            self._places.release()

    def authorization_url(self, binding: Binding, *, fresh: bool) -> str:
        """Where to send the browser; ``fresh`` demands that the person proves itself again."""
        again = {"prompt": "login", "max_age": 0} if fresh else {}
        with self.place(), _browser() as session:
            endpoint = self._metadata(session)["authorization_endpoint"]
            url, _ = self._client(session).create_authorization_url(
                endpoint,
                state=binding.state,
                code_verifier=binding.verifier,
                nonce=binding.nonce,
                **again,
            )
        return str(url)

    def claims(self, code: str, binding: Binding) -> Claims:
        """What the provider says for ``code``.

        Raises:
            ProviderError: it cannot be reached, or does not speak OpenID Connect.
            UnauthenticatedError: it does not know the code, or its token is not for us and now.
        """
        with self.place(), _browser() as session:
            metadata = self._metadata(session)
            token = self._id_token(session, metadata["token_endpoint"], code, binding)
            keys = _fetched(session, metadata["jwks_uri"]).get("keys")
        if not isinstance(keys, list):
            raise ProviderError(self.issuer)
        return self._believed(token, keys, binding.nonce)

    def _id_token(self, session: httpx.Client, endpoint: str, code: str, binding: Binding) -> str:
        settings = self._settings
        identity = httpx.BasicAuth(  # RFC 6749, section 2.3.1: both are form-encoded first
            quote(settings.client_id, safe=""),
            quote(settings.client_secret.get_secret_value(), safe=""),
        )
        try:
            answer = self._client(session).fetch_token(
                endpoint,
                grant_type="authorization_code",
                code=code,
                code_verifier=binding.verifier,
                auth=identity,
            )
        except OAuth2Error as error:
            raise _refused("the provider does not accept the code") from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise ProviderError(self.issuer) from error
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise _refused("the provider sent no id_token")
        return token

    def _believed(self, token: str, keys: list[object], nonce: str) -> Claims:
        """The claims of a token that is signed, ours, in force and the answer to our question."""
        rules = jwt.JWTClaimsRegistry(
            leeway=SKEW_SECONDS,
            iss={"essential": True, "value": self.issuer},
            sub={"essential": True},
            aud={"essential": True, "value": self._settings.client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = jwt.decode(token, _usable(keys), list(ALGORITHMS)).claims
            rules.validate(claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise _refused("the provider's token is not believed") from error
        self._require_ours(claims)
        moment = claims.get("auth_time")
        return Claims(
            issuer=self.issuer,
            subject=str(claims["sub"]),
            authenticated_at=moment if isinstance(moment, int) else None,
        )

    def _require_ours(self, claims: dict[str, Any]) -> None:
        """Return for a token issued to us (OpenID Connect Core, section 3.1.3.7, 3 to 5)."""
        audience = claims["aud"]
        alone = isinstance(audience, str) or len(audience) == 1
        party = claims.get("azp", self._settings.client_id if alone else None)
        if party != self._settings.client_id:
            raise _refused("the provider's token was issued to somebody else")

    def _client(self, session: httpx.Client) -> OAuth2Client:
        return OAuth2Client(
            session,
            client_id=self._settings.client_id,
            scope=SCOPE,
            redirect_uri=self._settings.redirect_uri,
            code_challenge_method="S256",
        )

    def _metadata(self, session: httpx.Client) -> dict[str, str]:
        """What the provider publishes about itself (OpenID Connect Discovery, section 4)."""
        found = _fetched(
            session, f"{self.issuer.removesuffix('/')}/.well-known/openid-configuration"
        )
        endpoints = {name: found[name] for name in ENDPOINTS if isinstance(found.get(name), str)}
        # Section 4.3: an issuer that calls itself otherwise could be speaking for another one.
        if found.get("issuer") != self.issuer or len(endpoints) < len(ENDPOINTS):
            raise ProviderError(self.issuer)
        return endpoints


def _browser() -> httpx.Client:
    return httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False)


def _fetched(session: httpx.Client, url: str) -> dict[str, Any]:
    try:
        answer = session.get(url).raise_for_status().json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ProviderError(url) from error
    if not isinstance(answer, dict):
        raise ProviderError(url)
    return answer


def _usable(keys: list[object]) -> KeySet:
    """The published keys that we understand; a provider may have others beside them."""
    found = []
    for key in keys:
        with suppress(JoseError, ValueError, KeyError, TypeError):
            if isinstance(key, dict) and key.get("kty") in KEY_TYPES:
                found.append(JWKRegistry.import_key(key))
    return KeySet(found)


def _refused(problem: str) -> UnauthenticatedError:
    return UnauthenticatedError(problem, "OIDC_REFUSED")
