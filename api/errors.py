"""Errors as HTTP answers: the one place that knows a status (problem+json, RFC 9457)."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import psycopg
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg import errors as sqlstate
from starlette.exceptions import HTTPException

from coldgate.errors import (
    ColdgateError,
    ConflictError,
    DocumentError,
    DocumentTooLargeError,
    FlowError,
    ForbiddenError,
    NotFoundError,
    ProfileError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request
    from fastapi.responses import Response

logger = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
ILLEGAL_TRANSITION: Final = "CG001"  # SQLSTATE of the line state guard
_KEY: Final = re.compile(  # how PostgreSQL words the detail of both kinds of violation
    r'Key \(.+?\)=\((?P<value>.*)\) (?:already exists|is not present in table "(?P<table>\w+)")'
)
RETRY_AFTER: Final = timedelta(seconds=2)
RETRY: Final = {"Retry-After": str(RETRY_AFTER.seconds)}
CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}

PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "title": "Problem",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable; decide by this, not by the text"},
        "errors": {
            "type": "array",
            "description": "Where it is wrong: VALIDATION_FAILED, PROFILE_REFUSED, FLOW_REFUSED",
            "items": {"type": "object"},
        },
    },
}
_DESCRIBED: Final = {
    HTTPStatus.BAD_REQUEST: ("The body is no JSON in UTF-8", "BAD_REQUEST"),
    HTTPStatus.UNAUTHORIZED: (
        "No API key or session, or one that is unknown, expired or revoked",
        "UNAUTHENTICATED",
    ),
    HTTPStatus.FORBIDDEN: ("The caller may not do this", "RIGHT_MISSING"),
    HTTPStatus.NOT_FOUND: ("No such thing, or none that the caller may see", "NOT_FOUND"),
    HTTPStatus.CONFLICT: ("Contradicts what is stored; nothing changed", "ALREADY_EXISTS"),
    HTTPStatus.UNPROCESSABLE_ENTITY: ("The request is not understood", "VALIDATION_FAILED"),
    HTTPStatus.TOO_MANY_REQUESTS: (
        "Too many requests of the party are being answered, or too many were made",
        "PARTY_BUSY",
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Try again later", "DATABASE_UNAVAILABLE"),
}


class UnauthenticatedError(ColdgateError):
    """The request carries nothing that proves who asks; ``code`` is stable."""

    def __init__(self, problem: str, code: str = "UNAUTHENTICATED") -> None:
        super().__init__(problem)
        self.code = code


class AnsweredBefore(ColdgateError):  # noqa: N818  # no error: it ends a request that needs no more
    """The request was answered before; ``response`` is that answer."""

    def __init__(self, response: Response) -> None:
        super().__init__("answered before")
        self.response = response


class ProviderError(ColdgateError):
    """The identity provider cannot be reached, or does not speak OpenID Connect."""

    def __init__(self, url: str) -> None:
        super().__init__("the identity provider does not answer as it should; try again later")
        self.url = url


class TooManyError(ColdgateError):
    """Too much was asked for; it was not looked at, and nothing was stored. ``code`` is stable."""

    def __init__(self, problem: str, code: str, retry_after: timedelta) -> None:
        super().__init__(problem)
        self.code = code
        self.retry_after = retry_after


class ThrottledError(TooManyError):
    """Too many attempts came before this one."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("too many attempts; try again later", "TOO_MANY_ATTEMPTS", retry_after)


class QuotaError(TooManyError):
    """The party has used up today's share of ``kind``."""

    def __init__(self, kind: str, retry_after: timedelta) -> None:
        words = f"today's quota of this party is spent: {kind}"
        super().__init__(words, "QUOTA_SPENT", retry_after)
        self.kind = kind


class CrowdedError(TooManyError):
    """As many requests of this party are being answered as may be at once."""

    def __init__(self) -> None:
        words = "too many requests of your party at once; send this one again"
        super().__init__(words, "PARTY_BUSY", RETRY_AFTER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What went wrong, as the caller reads it."""

    status: HTTPStatus
    code: str
    detail: str
    errors: tuple[Mapping[str, object], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, object]:
        """The members of RFC 9457, our stable code, and where the request is wrong."""
        members: dict[str, object] = {
            "type": f"urn:coldgate:problem:{self.code.lower().replace('_', '-')}",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
            "code": self.code,
        }
        return {**members, "errors": list(self.errors)} if self.errors else members

    def response(self) -> Response:
        """The answer to send."""
        return JSONResponse(
            self.body(), int(self.status), headers=dict(self.headers), media_type=MEDIA_TYPE
        )


def problem_responses() -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says about refusals; the same for every route."""
    return {
        int(status): {
            "description": text,
            "content": {
                MEDIA_TYPE: {
                    "schema": PROBLEM_SCHEMA,
                    "example": Problem(status=status, code=code, detail=text).body(),
                }
            },
        }
        for status, (text, code) in _DESCRIBED.items()
    }


def describe(error: Exception) -> Problem:
    """The problem that tells of ``error``; what nobody foresaw is an internal error."""
    match error:
        case ProfileError() | FlowError():
            return _contradictory(error)
        case ColdgateError():
            return _of_ours(error)
        case RequestValidationError():
            return _invalid(error)
        case HTTPException():
            return _of_framework(error)
        case psycopg.Error():
            return _of_database(error)
        case _:
            return _unforeseen(error)


def _of_ours(error: ColdgateError) -> Problem:
    match error:
        case UnauthenticatedError():
            status, code, headers = HTTPStatus.UNAUTHORIZED, error.code, CHALLENGE
        case TooManyError():
            status, code = HTTPStatus.TOO_MANY_REQUESTS, error.code
            headers = {"Retry-After": str(ceil(error.retry_after.total_seconds()))}
        case ProviderError():
            logger.warning("identity provider failed", extra={"url": error.url}, exc_info=error)
            status, code, headers = HTTPStatus.SERVICE_UNAVAILABLE, "PROVIDER_UNAVAILABLE", RETRY
        case NotFoundError():
            status, code, headers = HTTPStatus.NOT_FOUND, "NOT_FOUND", {}
        case ForbiddenError():
            status, code, headers = HTTPStatus.FORBIDDEN, error.code, {}
        case ConflictError():
            status, code, headers = HTTPStatus.CONFLICT, error.code, {}
        case DocumentError():
            status, code, headers = HTTPStatus.UNPROCESSABLE_ENTITY, error.code, {}
        case DocumentTooLargeError():
            status, code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "DOCUMENT_TOO_LARGE"
            headers = {}
        case _:
            return _unforeseen(error)
    return Problem(status=status, code=code, detail=str(error), headers=headers)


def _invalid(error: RequestValidationError) -> Problem:
    places = tuple(
        {"location": list(entry["loc"]), "problem": entry["msg"]} for entry in error.errors()
    )
    return Problem(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        code="VALIDATION_FAILED",
        detail="the request is not understood, see errors",
        errors=places,
    )


def _contradictory(error: ProfileError | FlowError) -> Problem:
    kind, code = "profile", "PROFILE_REFUSED"
    if isinstance(error, FlowError):
        kind, code = "flow", "FLOW_REFUSED"
    place = {"location": ["body", kind, error.path], "problem": error.problem}
    return Problem(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        code=code,
        detail=str(error),
        errors=(place,),
    )


def _of_framework(error: HTTPException) -> Problem:
    status = HTTPStatus(error.status_code)
    return Problem(
        status=status, code=status.name, detail=str(error.detail), headers=error.headers or {}
    )


def _of_database(error: psycopg.Error) -> Problem:
    if error.sqlstate == ILLEGAL_TRANSITION:
        detail = error.diag.message_primary or "illegal transition"
        return Problem(status=HTTPStatus.CONFLICT, code="ILLEGAL_TRANSITION", detail=detail)
    match error:
        case sqlstate.UniqueViolation():
            detail = f"{_row_meant(error) or f'this {error.diag.table_name}'} exists already"
            return Problem(status=HTTPStatus.CONFLICT, code="ALREADY_EXISTS", detail=detail)
        case sqlstate.ForeignKeyViolation():
            detail = f"there is no {_row_meant(error) or f'such {_column_meant(error)}'}"
            return Problem(status=HTTPStatus.CONFLICT, code="REFERENCE_UNKNOWN", detail=detail)
        case sqlstate.CheckViolation() | psycopg.DataError():
            return Problem(
                status=HTTPStatus.UNPROCESSABLE_ENTITY,
                code="VALUE_REFUSED",
                detail=error.diag.message_primary or str(error),
            )
        case psycopg.OperationalError():
            return _unable(error)
        case _:
            return _unforeseen(error)


def _unable(error: psycopg.OperationalError) -> Problem:
    """What the same request may be answered in a moment."""
    if isinstance(error, sqlstate.LockNotAvailable):
        return Problem(
            status=HTTPStatus.CONFLICT,
            code="IN_USE",
            detail="somebody works on the same goods for long; nothing was changed",
            headers=RETRY,
        )
    if isinstance(error, sqlstate.QueryCanceled):
        logger.warning("statement ended", extra={"problem": str(error)})
        return Problem(
            status=HTTPStatus.SERVICE_UNAVAILABLE,
            code="TOOK_TOO_LONG",
            detail="the database worked for long on this and was stopped; nothing was changed",
            headers=RETRY,
        )
    # Gone, overloaded, or the loser of a second deadlock.
    logger.warning("database unavailable", extra={"problem": str(error)})
    return Problem(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        code="DATABASE_UNAVAILABLE",
        detail="the database cannot answer now; nothing was changed",
        headers=RETRY,
    )


def _column_meant(error: psycopg.Error) -> str:
    """The column of a violated foreign key, ``party`` of ``gateway_party_id_fkey``."""
    name = (error.diag.constraint_name or "").removesuffix("_fkey")
    return name.removeprefix(f"{error.diag.table_name}_").removesuffix("_id").replace("_", " ")


def _row_meant(error: psycopg.Error) -> str | None:
    """What a violated key speaks of, such as ``party north-freight``.

    None if it does not say: of a table with policies the database tells no values.
    """
    key = _KEY.match(error.diag.message_detail or "")
    return f"{key['table'] or error.diag.table_name} {key['value']}" if key else None


def _unforeseen(error: Exception) -> Problem:
    logger.error("request failed", exc_info=error)
    return Problem(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        code="INTERNAL",
        detail="something failed that should not; nothing was changed",
    )


def _handle(_request: Request, error: Exception) -> Response:
    if isinstance(error, AnsweredBefore):
        return error.response
    return describe(error).response()


def install_handlers(app: FastAPI) -> None:
    """Make every error of ``app`` a problem+json answer."""
    kinds = (ColdgateError, RequestValidationError, HTTPException, psycopg.Error, Exception)
    for kind in kinds:
        app.add_exception_handler(kind, _handle)
