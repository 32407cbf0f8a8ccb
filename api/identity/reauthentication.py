"""A person proves at the moment of signing that it is still there; a session never suffices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import Field, model_validator

from api.caller import key_digest
from api.identity.proving import LOCK, Given, Refusal, prove, tell_if_locked
from api.identity.rights import Right
from api.schemas import Body, SecretText, example
from coldgate.errors import ForbiddenError
from coldgate.storage import credentials
from coldgate.storage.credentials import Ticket

if TYPE_CHECKING:
    from datetime import datetime

    from api.caller import Caller, CallerUser
    from api.context import Context

TICKET_LIFETIME: Final = timedelta(minutes=5)
TICKET_PREFIX: Final = "ct_"

Password = Annotated[SecretText, Field(min_length=1, max_length=1_000)]
Code = Annotated[str, Field(pattern=r"^[0-9]{6}$", description="Of the authenticator (RFC 6238)")]
Token = Annotated[SecretText, Field(min_length=1, max_length=200)]


class Proof(Body):
    """What shows who signs: the password, with a code where one is in use, or a ticket."""

    model_config = example(password="correct horse battery staple", totp="123456")  # noqa: S106  # an example
    password: Password | None = None
    totp: Code | None = None
    ticket: Token | None = Field(default=None, description="Of `/v1/oidc/reauthenticate`")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.password is None) == (self.ticket is None):
            raise ValueError("give either a password or a ticket")
        if self.ticket is not None and self.totp is not None:
            raise ValueError("a code belongs to a password")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Reauthenticated:
    """Who proved to be there, how, and when by the database's clock."""

    user: CallerUser
    method: str
    at: datetime


def reauthenticate(
    context: Context, caller: Caller, proof: Proof, digest: bytes
) -> Reauthenticated:
    """The person behind a session, proven anew for one signature under the record ``digest``.

    Runs in transactions of its own, committed before the caller's begins: a wrong proof counts
    although the request is refused, and a right one is used up although the signature may fail.
    """
    caller.require(Right.SIGN)
    user = caller.user
    if user is None:
        raise ForbiddenError("PEOPLE_ONLY", "only a person's session can sign")
    result = (
        _by_ticket(context, user, proof.ticket.get_secret_value(), digest)
        if proof.ticket is not None
        else _by_password(context, user, proof)
    )
    if isinstance(result, Refusal):
        raise _refused(result)
    return result


def _by_password(context: Context, user: CallerUser, proof: Proof) -> Reauthenticated | Refusal:
    password = proof.password.get_secret_value() if proof.password is not None else ""
    result = prove(context, user.id, Given(password=password, code=proof.totp), known=True)
    if isinstance(result, Refusal):
        return result
    return Reauthenticated(user=user, method=result.method, at=result.at)


def _by_ticket(
    context: Context, user: CallerUser, token: str, digest: bytes
) -> Reauthenticated | Refusal:
    ticket = Ticket(sha256=key_digest(token), user_id=user.id, record_digest=digest)
    with context.everything() as connection:
        attempt = credentials.begin(connection, user.id, LOCK, known=True)
        if attempt is None:
            return Refusal.LOCKED
        at = credentials.use_ticket(connection, ticket, TICKET_LIFETIME)
        if at is None:
            tell_if_locked(connection, attempt)
            return Refusal.WRONG
        credentials.clear(connection, user.id, known=True)
    return Reauthenticated(user=user, method="oidc", at=at)


def _refused(refusal: Refusal) -> ForbiddenError:
    if refusal is Refusal.LOCKED:
        return ForbiddenError("ACCOUNT_LOCKED", "this account is locked; try again later")
    return ForbiddenError("SIGNATURE_REFUSED", "this does not prove who signs; nothing was signed")
