"""The API as its own tools call it: over HTTP, with a party's key, answers checked by shape."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Self, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from coldgate.errors import ConflictError, LaunchError

if TYPE_CHECKING:
    from collections.abc import Mapping

Shape = TypeVar("Shape", bound=BaseModel)

REQUEST_SECONDS: Final = 30.0
HEALTH_POLL_SECONDS: Final = 0.1
ALREADY_EXISTS: Final = "ALREADY_EXISTS"


class Answer(BaseModel):
    """Base of every answer's shape: members that nobody asked for are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Problem(Answer):
    """A refusal (RFC 9457)."""

    detail: str
    code: str


class Nothing(Answer):
    """The shape of an answer that nobody reads."""


class ApiClient:
    """Requests with one API key; use it with ``async with``."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self._client = httpx.AsyncClient(
            base_url=f"{url}/v1",
            headers={"Authorization": f"Bearer {key}"},
            timeout=REQUEST_SECONDS,
            trust_env=False,  # loopback: a proxy of the environment is not asked
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def get(self, path: str, shape: type[Shape], **query: str | int) -> Shape:
        """What stands at ``path``."""
        return _shaped(await self._send("GET", path, params=query), shape)

    async def post(self, path: str, body: Mapping[str, object], shape: type[Shape]) -> Shape:
        """The answer to ``body``; `ConflictError` with the code when it contradicts what is."""
        return _shaped(await self._send("POST", path, body=body), shape)

    async def tell(self, path: str, body: Mapping[str, object]) -> None:
        """Post ``body`` where only success matters."""
        await self.post(path, body, Nothing)

    async def put(self, path: str, body: Mapping[str, object]) -> None:
        """Replace what stands at ``path``."""
        await self._send("PUT", path, body=body)

    async def ensure(self, path: str, body: Mapping[str, object]) -> bool:
        """Make what ``body`` describes unless it exists already; whether it was made."""
        try:
            await self.tell(path, body)
        except ConflictError as error:
            if error.code != ALREADY_EXISTS:
                raise
            return False
        return True

    async def wait_until_healthy(self, seconds: float) -> None:
        """Return when every part of the API works; LaunchError when that takes too long."""
        deadline = time.monotonic() + seconds
        while not await self._healthy():
            if time.monotonic() > deadline:
                raise LaunchError(f"{self.url} was not healthy within {seconds:g} s")
            await asyncio.sleep(HEALTH_POLL_SECONDS)

    async def _healthy(self) -> bool:
        try:
            answer = await self._client.get(f"{self.url}/healthz")
        except httpx.TransportError:
            return False
        return answer.status_code == HTTPStatus.OK

    async def _send(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        params: Mapping[str, str | int] | None = None,
    ) -> httpx.Response:
        try:
            answer = await self._client.request(method, path, json=body, params=params)
        except httpx.TransportError as error:
            why = str(error) or type(error).__name__
            raise LaunchError(f"no answer from {self.url}: {why}") from error
        if answer.is_success:
            return answer
        raise _refusal(method, path, answer)


def _refusal(method: str, path: str, answer: httpx.Response) -> ConflictError | LaunchError:
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError:
        return LaunchError(f"{method} {path}: status {answer.status_code}")
    if answer.status_code == HTTPStatus.CONFLICT:
        return ConflictError(problem.code, problem.detail)
    return LaunchError(f"{method} {path}: {problem.code}: {problem.detail}")


def _shaped(answer: httpx.Response, shape: type[Shape]) -> Shape:
    try:
        return shape.model_validate_json(answer.content)
    except ValidationError as error:
        raise LaunchError(f"{answer.request.url} answers in another shape: {error}") from error
