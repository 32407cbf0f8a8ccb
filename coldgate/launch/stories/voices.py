"""Who speaks to the API in a story, and what it answers; a refusal is an answer like any other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import httpx
from pydantic import BaseModel, ValidationError
from rich.cells import cell_len

from coldgate.errors import LaunchError
from coldgate.launch.client import REQUEST_SECONDS, Nothing, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

Shape = TypeVar("Shape", bound=BaseModel)

PDF: Final = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Generic[Shape]):
    """What came to one request: either what it made, or why it was refused."""

    found: Shape | None
    problem: Problem | None

    @property
    def made(self) -> Shape:
        """What the request made; `LaunchError` with the refusal where it made nothing."""
        if self.found is not None:
            return self.found
        told = self.problem
        raise LaunchError(f"{told.code}: {told.detail}" if told else "no answer")

    def words(self, success: str) -> str:
        """``success``, or the code of the refusal."""
        return f"refused: {self.problem.code}" if self.problem else success


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Somebody as the table names them."""

    name: str
    role: str
    party: str

    @property
    def title(self) -> str:
        """Name and role."""
        return f"{self.name}, {self.role}" if self.role else self.name

    @property
    def width(self) -> int:
        """Cells that title and party take on a screen, one below the other."""
        return max(cell_len(self.title), cell_len(self.party))


class Voice:
    """One who speaks to the API with a key or a session of its own."""

    def __init__(self, url: str, secret: str, who: Who) -> None:
        self.who = who
        self._client = httpx.AsyncClient(
            base_url=f"{url}/v1",
            headers={"Authorization": f"Bearer {secret}"},
            timeout=REQUEST_SECONDS,
            trust_env=False,  # loopback: a proxy of the environment is not asked
        )

    async def close(self) -> None:
        """Hang up."""
        await self._client.aclose()

    async def get(self, path: str, shape: type[Shape], **query: str | int) -> Shape:
        """What stands at ``path``."""
        return (await self.look(path, shape, **query)).made

    async def look(self, path: str, shape: type[Shape], **query: str | int) -> Reply[Shape]:
        """What stands at ``path``, or why it is not shown."""
        return _reply(await self._send("GET", path, params=query), shape)

    async def post(self, path: str, body: Mapping[str, object], shape: type[Shape]) -> Reply[Shape]:
        """What comes to ``body``."""
        return _reply(await self._send("POST", path, json=body), shape)

    async def tell(self, path: str, body: Mapping[str, object]) -> Reply[Nothing]:
        """Whether ``body`` was taken, where nothing else is looked at."""
        return await self.post(path, body, Nothing)

    async def do(self, path: str, body: Mapping[str, object]) -> None:
        """Post ``body`` where a refusal ends the story."""
        _ = (await self.tell(path, body)).made

    async def upload(self, shape: type[Shape], **about: str) -> Shape:
        """A small document, entered about the goods that ``about`` names."""
        return _reply(
            await self._send("POST", "/documents", params=about, document=PDF), shape
        ).made

    async def _send(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, object] | None = None,
        params: Mapping[str, str | int] | None = None,
        document: bytes | None = None,
    ) -> httpx.Response:
        headers = {"Content-Type": "application/pdf"} if document else {}
        try:
            return await self._client.request(
                method, path, json=json, params=params, content=document, headers=headers
            )
        except httpx.TransportError as error:
            raise LaunchError(f"no answer to {method} {path}: {error!r}") from error


def _reply(answer: httpx.Response, shape: type[Shape]) -> Reply[Shape]:
    try:
        if answer.is_success:
            return Reply(found=shape.model_validate_json(answer.content), problem=None)
        return Reply(found=None, problem=Problem.model_validate_json(answer.content))
    except ValidationError as error:
        raise LaunchError(f"{answer.request.url} answers in another shape: {error}") from error
