"""Visits to the identity provider: to log in, or to prove oneself again before signing."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from api.caller import key_digest
from api.errors import UnauthenticatedError
from api.identity.oidc import SKEW_SECONDS, Binding
from api.identity.reauthentication import TICKET_PREFIX
from api.identity.schemas import OidcAnswer, TicketCreated
from api.identity.sessions import begin
from coldgate.errors import ConflictError
from coldgate.secrets import new_secret
from coldgate.storage import credentials, identity
from coldgate.storage.credentials import Ticket

if TYPE_CHECKING:
    from api.context import Context
    from api.identity.oidc import Claims, Provider
    from api.signing import Signer
    from coldgate.storage.connection import Connection
    from coldgate.storage.credentials import Visit

VISIT_LIFETIME: Final = timedelta(minutes=10)
FRESH: Final = timedelta(seconds=60)
METHOD: Final = "oidc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Where to send a browser, and the secret that it must bring back in a cookie."""

    url: str
    browser: str


def depart(
    context: Context, *, user_id: int | None = None, digest: bytes | None = None
) -> Departure:
    """Begin a visit: to log in, or for a user to prove itself for the record ``digest``."""
    provider = _provider(context)
    state, browser = new_secret(), new_secret()
    binding = _binding(context.signer, state)
    url = provider.authorization_url(binding, fresh=user_id is not None)
    with context.everything() as connection:
        credentials.start_flow(
            connection,
            state_sha256=key_digest(state),
            browser_sha256=key_digest(browser),
            user_id=user_id,
            record_digest=digest,
        )
    return Departure(url=url, browser=browser)


def arrive(context: Context, *, state: str, code: str, browser: str) -> OidcAnswer:
    """A session, or a ticket for one signature; the same browser has to come back, once."""
    provider = _provider(context)
    with context.everything() as connection:
        visit = credentials.end_flow(
            connection,
            state_sha256=key_digest(state),
            browser_sha256=key_digest(browser),
            lifetime=VISIT_LIFETIME,
        )
    if visit is None:
        raise refused("this visit did not begin in this browser, or is over")
    claims = provider.claims(code, _binding(context.signer, state))
    with context.everything() as connection:
        user = identity.linked_user(connection, issuer=claims.issuer, subject=claims.subject)
        if user is None:
            raise refused("nobody is known by this account")
        if visit.user_id is None:
            session = begin(connection, identity.user(connection, user), METHOD)
            return OidcAnswer(session=session, ticket=None)
        _require_fresh(visit, claims, user)
        return OidcAnswer(session=None, ticket=_ticket(connection, visit, user))


def refused(problem: str) -> UnauthenticatedError:
    """The provider's word does not say who asks."""
    return UnauthenticatedError(problem, "OIDC_REFUSED")


def _require_fresh(visit: Visit, claims: Claims, user: int) -> None:
    """Return if the same person proved itself during this visit, a moment ago.

    Whole seconds: that is all that a provider tells.
    """
    if user != visit.user_id:
        raise refused("somebody else logged in")
    earliest = max(int(visit.started_at.timestamp()), int((visit.at - FRESH).timestamp()))
    latest = int(visit.at.timestamp()) + SKEW_SECONDS
    at = claims.authenticated_at
    if at is None or not earliest <= at <= latest:
        raise refused("the provider did not ask for the proof again")


def _ticket(connection: Connection, visit: Visit, user: int) -> TicketCreated:
    token = TICKET_PREFIX + new_secret()
    digest = visit.record_digest or b""
    credentials.issue_ticket(
        connection, Ticket(sha256=key_digest(token), user_id=user, record_digest=digest)
    )
    return TicketCreated(ticket=token, digest=digest.hex())


def _provider(context: Context) -> Provider:
    if context.provider is None:
        raise ConflictError("OIDC_MISSING", "no identity provider is configured")
    return context.provider


def _binding(signer: Signer, state: str) -> Binding:
    """Nobody but us can tell nonce and verifier from the state that the browser carries."""
    return Binding(
        state=state,
        nonce=_derived(signer, "nonce", state),
        verifier=_derived(signer, "verifier", state),
    )


def _derived(signer: Signer, purpose: str, state: str) -> str:
    digest = signer.keyed_digest(f"oidc {purpose} {state}".encode())
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
