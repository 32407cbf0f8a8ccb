"""What routes are given: who asks, and the transaction that the answer is made in."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Concatenate, Final, ParamSpec, TypeVar

import psycopg
from fastapi import Depends, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.params import Depends as DependsMarker
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from api import quotas
from api.again import once_more
from api.caller import OPERATOR, Caller, CallerUser, key_digest
from api.context import Context
from api.errors import AnsweredBefore, UnauthenticatedError, describe
from api.identity.reauthentication import Proof, Reauthenticated, reauthenticate
from api.identity.rights import Right, Role, rights_of_key, rights_of_roles
from api.schemas import ShownOnce
from coldgate.errors import ColdgateError, ConflictError
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


@dataclass(frozen=True, slots=True)
class Needs:
    """Lets only callers through that have ``right``; for a GET, the right to read."""

    right: Right

    async def __call__(self, request: Request) -> None:
        """Have whoever finds out who asks look for the right, before anything else is looked up."""
        request.state.right = Right.READ if request.method in {"GET", "HEAD"} else self.right


def needs(right: Right) -> DependsMarker:
    """What a router declares: nobody asks it for more than to read without ``right``."""
    return DependsMarker(Needs(right))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Whoever sent a request: known by name only once the database was asked."""

    context: Context
    token: str
    right: Right

    def identify(self) -> Caller:
        """Who asks, with the right that the route needs.

        Raises:
            UnauthenticatedError: the key or session is not in force.
            ForbiddenError: it has not the right.
        """
        caller = self.find()
        caller.require(self.right)
        return caller

    def find(self) -> Caller:
        """Who asks, whatever it may do; `UnauthenticatedError` if the proof is not in force."""
        find = _caller_of_session if self.token.startswith(SESSION_PREFIX) else _caller_of_key
        with self.context.door.connection() as connection:
            ages = self.context.settings.session_ages
            caller = find(connection, key_digest(self.token), ages)
        if caller is None:
            raise UnauthenticatedError("this API key or session is unknown, expired or revoked")
        return caller


async def get_asker(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Asker:
    """Who asks, not looked up yet; `UnauthenticatedError` without a key or session.

    To look it up takes the database and so a thread; the one that answers the request does it.
    """
    if credentials is None:
        raise UnauthenticatedError("send an API key or session as: Authorization: Bearer …")
    asker = Asker(
        context=request.app.state.context,
        token=credentials.credentials,
        right=request.state.right,
    )
    request.state.asker = asker
    return asker


async def answer_misunderstood(request: Request, error: Exception) -> Response:
    """What a request that is not understood is told: whoever may not ask learns only that."""
    asker = getattr(request.state, "asker", None)
    if asker is not None:
        try:
            await run_in_threadpool(asker.identify)
        except (ColdgateError, psycopg.Error) as refusal:
            error = refusal
    return describe(error).response()


def require_caller(asker: Annotated[Asker, Depends(get_asker)]) -> None:
    """Return if who asks may; for a route that would read much before it finds out."""
    asker.identify()


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One authenticated request that changes nothing."""

    asker: Asker

    @property
    def context(self) -> Context:
        """The running parts of this application."""
        return self.asker.context

    def read(
        self,
        action: Callable[Concatenate[Connection, Caller, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """What ``action`` returns, read in one transaction."""
        caller = self.asker.identify()
        with self.context.pool.connection() as connection:
            visibility.limit_to(connection, caller.scope)
            return action(connection, caller, *args, **kwargs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """One authenticated request that changes something, at most once per idempotency key."""

    asker: Asker
    key: str | None
    sent: bytes  # method, target and body
    status: int  # of the route, when it succeeds

    @property
    def context(self) -> Context:
        """The running parts of this application."""
        return self.asker.context

    @property
    def request_digest(self) -> str:
        """Names the request; keyed, for a body may hold a password."""
        return self.context.signer.keyed_digest(self.sent).hex()

    @once_more
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
        caller = self.asker.identify()
        with self.context.pool.connection() as connection:
            kept = self._kept(connection, caller)
            if kept is not None:
                return _repeated(kept)
            answer = action(connection, caller, *args, **kwargs)
            if self.status == HTTPStatus.CREATED:
                quotas.spend(connection, caller, quotas.THINGS, size=len(self.sent))
            told = _serialised(answer)
            with connection.pipeline():
                self._keep(connection, caller, _repeatable(answer, told))
                connection.commit()
        return _json(self.status, told)

    def reauthenticate(self, proof: Proof, digest: bytes) -> Reauthenticated:
        """The person who asks, proven anew for a signature under the record with this digest."""
        return reauthenticate(self.context, self.identify_once(), proof, digest)

    def identify_once(self) -> Caller:
        """Who asks for the first time; `AnsweredBefore` with the answer that was given already.

        For requests with a proof in them: it was used up when they were answered.
        """
        caller = self.asker.identify()
        with self.context.pool.connection() as connection:
            kept = self._kept(connection, caller)
        if kept is not None:
            raise AnsweredBefore(_repeated(kept))
        return caller

    def _kept(self, connection: Connection, caller: Caller) -> StoredAnswer | None:
        """What was answered before; from now on the transaction shows what the caller may see."""
        if self.key is None:
            visibility.limit_to(connection, caller.scope)
            return None
        kept = records.find_answer(connection, scope=caller.scope, party=caller.party, key=self.key)
        if kept is not None and kept.request_digest != self._digest_for(caller):
            raise ConflictError(
                "IDEMPOTENCY_KEY_REUSED", "this Idempotency-Key came with another request before"
            )
        return kept

    def _digest_for(self, caller: Caller) -> str:
        """Names the request of this caller: colleagues do not repeat one another's."""
        user = caller.user.id if caller.user else None
        return self.context.signer.keyed_digest(f"{user} ".encode() + self.sent).hex()

    def _keep(self, connection: Connection, caller: Caller, response: bytes) -> None:
        if self.key is None:
            return
        kept = StoredAnswer(
            request_digest=self._digest_for(caller), status=self.status, response=response
        )
        records.store_answer(connection, party=caller.party, key=self.key, answer=kept)


async def get_reader(asker: Annotated[Asker, Depends(get_asker)]) -> Reader:
    """The request, for a route that changes nothing."""
    return Reader(asker=asker)


async def get_writer(
    request: Request,
    asker: Annotated[Asker, Depends(get_asker)],
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
    scope = request.scope
    target = f"{request.method} {scope['path']}?".encode() + scope["query_string"] + b"\n"
    return Writer(
        asker=asker,
        key=idempotency_key,
        sent=target + await request.body(),
        status=scope["route"].status_code or HTTPStatus.OK,
    )


Read = Annotated[Reader, Depends(get_reader)]
Write = Annotated[Writer, Depends(get_writer)]


def _repeated(kept: StoredAnswer) -> Response:
    return _json(kept.status, kept.response, {REPLAYED: "true"})


def _repeatable(answer: BaseModel, told: bytes) -> bytes:
    """What is kept of an answer: a database dump must not hold in clear what is shown once."""
    return _serialised(answer.without_secret()) if isinstance(answer, ShownOnce) else told


def _serialised(answer: BaseModel) -> bytes:
    return answer.model_dump_json().encode()


def _json(status: int, body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status, media_type="application/json", headers=headers)
