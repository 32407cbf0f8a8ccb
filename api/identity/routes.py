"""Routes of sessions, passwords and second components."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.context import Context
from api.deps import Read, Write, get_context, needs
from api.identity import secrets, sessions
from api.identity.rights import Right
from api.identity.schemas import (
    LoginIn,
    PasswordIn,
    PasswordSet,
    SessionCreated,
    SessionEnded,
    SessionList,
    TotpConfirm,
    TotpCreated,
    TotpIn,
    TotpView,
    WhoAmI,
)
from api.schemas import RowId

# Nobody is known here yet: these routes find out who asks.
public = APIRouter(prefix="/v1", tags=["people"])
router = APIRouter(prefix="/v1", tags=["people"], dependencies=[needs(Right.READ)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A request of somebody who is not known yet."""

    context: Context
    address: str


def get_visitor(request: Request, context: Annotated[Context, Depends(get_context)]) -> Visitor:
    """Where the request comes from; behind a proxy on this machine, what that one says."""
    return Visitor(context=context, address=request.client.host if request.client else "")


Visit = Annotated[Visitor, Depends(get_visitor)]


@public.post("/session", status_code=201)
def log_in(given: LoginIn, visitor: Visit, response: Response) -> SessionCreated:
    """Begin a session; its token is shown once, in this answer."""
    response.headers["Cache-Control"] = "no-store"
    return sessions.log_in(visitor.context, given, visitor.address)


@public.post("/password")
def set_password(given: PasswordIn, visitor: Visit) -> PasswordSet:
    """Set a password with an invitation, or change it with the old one; sessions end."""
    return secrets.set_password(visitor.context, given, visitor.address)


@router.get("/session")
def who_am_i(request: Read) -> WhoAmI:
    """Show who asks and what it may do."""
    return request.read(sessions.who_am_i)


@router.delete("/session", response_model=SessionEnded)
def log_out(request: Write) -> Response:
    """End the session that the request is made with."""
    return request.write(sessions.end, None)


@router.get("/sessions")
def list_sessions(request: Read) -> SessionList:
    """List the caller's sessions."""
    return request.read(sessions.list_own, request.context.settings.session_ages)


@router.post("/sessions/{session}/revoke", response_model=SessionEnded)
def revoke_session(session: RowId, request: Write) -> Response:
    """End one of the caller's sessions."""
    return request.write(sessions.end, session)


@router.post("/totp", status_code=201, response_model=TotpCreated)
def enrol_totp(given: TotpIn, request: Write) -> Response:
    """Get a secret for an authenticator; it is shown once, and counts when it is confirmed."""
    user = secrets.require_password(request.context, request.identify_once(), given)
    return request.write(secrets.enrol, user, signer=request.context.signer)


@router.post("/totp/confirm", response_model=TotpView)
def confirm_totp(given: TotpConfirm, request: Write) -> Response:
    """Confirm the authenticator with a code; from now on one is demanded."""
    return request.write(secrets.confirm, given, signer=request.context.signer)


@router.post("/totp/remove", response_model=TotpView)
def remove_totp(given: TotpIn, request: Write) -> Response:
    """Go back to the password alone."""
    user = secrets.require_password(request.context, request.identify_once(), given)
    return request.write(secrets.remove, user)
