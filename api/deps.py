"""What routes are given: who asks, and the transaction that the answer is made in."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Concatenate, Final, ParamSpec, TypeVar

from fastapi import Depends, Header, Request, Response
from fastapi.params import Depends as DependsMarker
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from api.caller import OPERATOR, Caller, CallerUser, key_digest
from api.context import Context
from api.errors import AnsweredBefore, UnauthenticatedError
from api.identity.reauthentication import Proof, Reauthenticated, reauthenticate
from api.identity.rights import Right, Role, rights_of_key, rights_of_roles
from api.schemas import ShownOnce
from coldgate.errors import ConflictError
from coldgate.storage import parties, records, sessions, visibility
from coldgate.storage.connection import Connection
from coldgate.storage.records import StoredAnswer
from coldgate.storage.sessions import Ages

P = ParamSpec("P")
T = TypeVar("T")
Answer = TypeVar("Answer", bound=BaseModel)

REPLAYED: Final = "Idempotency-Replayed"
SESSION_PREFIX: Final = "cs_"  # lets secret scanners recognise a leaked token, as `cg_` a key

_bearer: Final = HTTPBearer(auto_error=False, description="API key `cg_…` or session `cs_…`")


async def get_context(request: Request) -> Context:
    """The running parts of this application."""
    context: Context = request.app.state.context
    return context


def get_caller(
    context: Annotated[Context, Depends(get_context)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """Who asks; `UnauthenticatedError` without a key or session in force."""
    if credentials is None:
        raise UnauthenticatedError("send an API key or session as: Authorization: Bearer …")
    token = credentials.credentials
    find = _caller_of_session if token.startswith(SESSION_PREFIX) else _caller_of_key
    with context.door.connection() as connection:
        caller = find(connection, key_digest(token), context.settings.session_ages)
    if caller is None:
        raise UnauthenticatedError("this API key or session is unknown, expired or revoked")
    return caller


def _caller_of_key(connection: Connection, sha256: bytes, _ages: Ages) -> Caller | None:
    holder = parties.key_holder(connection, sha256)
    if holder is None:
        return None
    scopes = None if holder.scopes is None else [Right(scope) for scope in holder.scopes]
    return Caller(
        party=holder.party_id,
        kind=holder.kind,
        rights=rights_of_key(scopes, operator=holder.kind == OPERATOR),
        key_id=holder.key_id,
    )


def _caller_of_session(connection: Connection, sha256: bytes, ages: Ages) -> Caller | None:
    holder = sessions.holder(connection, sha256, ages)
    if holder is None:
        return None
    roles = frozenset(Role(role) for role in holder.roles)
    return Caller(
        party=holder.party_id,
        kind=holder.kind,
        rights=rights_of_roles(roles),
        session_id=holder.session_id,
        user=CallerUser(
            id=holder.user_id, login=holder.login, printed_name=holder.printed_name, roles=roles
        ),
    )


@dataclass(frozen=True, slots=True)
class Needs:
    """Lets only callers through that have ``right``; for a GET, the right to read."""

    right: Right

    async def __call__(
        self, request: Request, caller: Annotated[Caller, Depends(get_caller)]
    ) -> None:
        """Return for a caller with the right, before anything is looked up for it."""
        caller.require(Right.READ if request.method in {"GET", "HEAD"} else self.right)


def needs(right: Right) -> DependsMarker:
    """What a router declares: nobody asks it for more than to read without ``right``."""
    return DependsMarker(Needs(right))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One authenticated request that changes nothing."""

    context: Context
    caller: Caller

    def read(
        self,
        action: Callable[Concatenate[Connection, Caller, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """What ``action`` returns, read in one transaction."""
        with self.context.pool.connection() as connection:
            visibility.limit_to(connection, self.caller.scope)
            return action(connection, self.caller, *args, **kwargs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """One authenticated request that changes something, at most once per idempotency key."""

    context: Context
    caller: Caller
    key: str | None
    request_digest: str  # keyed: a body may hold a password
    status: int  # of the route, when it succeeds

    def write(
        self,
        action: Callable[Concatenate[Connection, Caller, P], Answer],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Response:
        """The answer of ``action``, or the one kept from the first time.

        Effect and kept answer commit together; a crash before that leaves neither, so that the
        client may send the request again. Two at once wait for each other.
        """
        with self.context.pool.connection() as connection:
            visibility.limit_to(connection, self.caller.scope)
            kept = self._kept(connection)
            if kept is not None:
                return _repeated(kept)
            answer = action(connection, self.caller, *args, **kwargs)
            self._keep(connection, answer)
        return _json(self.status, _serialised(answer))

    def reauthenticate(self, proof: Proof, digest: bytes) -> Reauthenticated:
        """The person who asks, proven anew for a signature under the record with this digest."""
        self.stop_if_answered()
        return reauthenticate(self.context, self.caller, proof, digest)

    def stop_if_answered(self) -> None:
        """Return for a new request; `AnsweredBefore` with the answer that was given.

        For requests with a proof in them: it was used up when they were answered.
        """
        with self.context.pool.connection() as connection:
            visibility.limit_to(connection, self.caller.scope)
            kept = self._kept(connection)
        if kept is not None:
            raise AnsweredBefore(_repeated(kept))

    def _kept(self, connection: Connection) -> StoredAnswer | None:
        if self.key is None:
            return None
        kept = records.stored_answer(connection, party=self.caller.party, key=self.key)
        if kept is not None and kept.request_digest != self.request_digest:
            raise ConflictError(
                "IDEMPOTENCY_KEY_REUSED", "this Idempotency-Key came with another request before"
            )
        return kept

    def _keep(self, connection: Connection, answer: BaseModel) -> None:
        if self.key is None:
            return
        # What is shown once is not kept: a database dump must not hold a secret in clear.
        repeatable = answer.without_secret() if isinstance(answer, ShownOnce) else answer
        kept = StoredAnswer(
            request_digest=self.request_digest,
            status=self.status,
            response=_serialised(repeatable),
        )
        records.store_answer(connection, party=self.caller.party, key=self.key, answer=kept)


async def get_reader(
    context: Annotated[Context, Depends(get_context)],
    caller: Annotated[Caller, Depends(get_caller)],
) -> Reader:
    """The request, for a route that changes nothing."""
    return Reader(context=context, caller=caller)


async def get_writer(
    request: Request,
    context: Annotated[Context, Depends(get_context)],
    caller: Annotated[Caller, Depends(get_caller)],
    idempotency_key: Annotated[
        str | None,
        Header(
            pattern=r"^[!-~]{1,200}$",
            description="Any text of your own; the same text with the same request answers as the "
            "first time did and changes nothing again. Secrets are not repeated.",
            examples=["0b1f2c54-gate-7781"],
        ),
    ] = None,
) -> Writer:
    """The request, for a route that changes something."""
    user = caller.user.id if caller.user else None  # colleagues do not repeat one another
    target = f"{user} {request.method} {request.url.path}?{request.url.query}\n"
    digest = context.signer.keyed_digest(target.encode() + await request.body()).hex()
    return Writer(
        context=context,
        caller=caller,
        key=idempotency_key,
        request_digest=digest,
        status=request.scope["route"].status_code or HTTPStatus.OK,
    )


Read = Annotated[Reader, Depends(get_reader)]
Write = Annotated[Writer, Depends(get_writer)]


def _repeated(kept: StoredAnswer) -> Response:
    return _json(kept.status, kept.response, {REPLAYED: "true"})


def _serialised(answer: BaseModel) -> bytes:
    return answer.model_dump_json().encode()


def _json(status: int, body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status, media_type="application/json", headers=headers)
