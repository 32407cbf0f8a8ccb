"""What routes are given: who asks, and the transaction that the answer is made in."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Concatenate, Final, ParamSpec, TypeVar

from fastapi import Depends, Header, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from api.caller import Caller, key_digest
from api.context import Context
from api.errors import UnauthenticatedError
from api.schemas import ShownOnce
from coldgate.errors import ConflictError
from coldgate.storage import parties, records, visibility
from coldgate.storage.connection import Connection
from coldgate.storage.records import StoredAnswer

P = ParamSpec("P")
T = TypeVar("T")
Answer = TypeVar("Answer", bound=BaseModel)

REPLAYED: Final = "Idempotency-Replayed"

_bearer: Final = HTTPBearer(auto_error=False, description="API key of a party, `cg_…`")


def get_context(request: Request) -> Context:
    """The running parts of this application."""
    context: Context = request.app.state.context
    return context


def get_caller(
    context: Annotated[Context, Depends(get_context)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """Who asks; `UnauthenticatedError` without a key in force."""
    if credentials is None:
        raise UnauthenticatedError("send the API key as: Authorization: Bearer cg_…")
    with context.pool.connection() as connection:
        visibility.limit_to(connection, None)  # whose key it is, nobody knows yet
        holder = parties.key_holder(connection, key_digest(credentials.credentials))
    if holder is None:
        raise UnauthenticatedError("this API key is unknown or revoked")
    return Caller(party=holder.party_id, kind=holder.kind, key_id=holder.key_id)


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
    request_sha256: str
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
                return _json(kept.status, kept.response, {REPLAYED: "true"})
            answer = action(connection, self.caller, *args, **kwargs)
            self._keep(connection, answer)
        return _json(self.status, _serialised(answer))

    def _kept(self, connection: Connection) -> StoredAnswer | None:
        if self.key is None:
            return None
        kept = records.stored_answer(connection, party=self.caller.party, key=self.key)
        if kept is not None and kept.request_sha256 != self.request_sha256:
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
            request_sha256=self.request_sha256,
            status=self.status,
            response=_serialised(repeatable),
        )
        records.store_answer(connection, party=self.caller.party, key=self.key, answer=kept)


def get_reader(
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
    target = f"{request.method} {request.url.path}?{request.url.query}\n"
    digest = hashlib.sha256(target.encode() + await request.body()).hexdigest()
    return Writer(
        context=context,
        caller=caller,
        key=idempotency_key,
        request_sha256=digest,
        status=request.scope["route"].status_code or HTTPStatus.OK,
    )


Read = Annotated[Reader, Depends(get_reader)]
Write = Annotated[Writer, Depends(get_writer)]


def _serialised(answer: BaseModel) -> bytes:
    return answer.model_dump_json().encode()


def _json(status: int, body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status, media_type="application/json", headers=headers)
