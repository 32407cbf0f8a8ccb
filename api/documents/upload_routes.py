"""The route that takes documents: bytes as they are, counted while they come."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.routing import APIRoute
from starlette.types import Message, Receive

from api.deps import Write, needs, require_caller
from api.documents import service
from api.documents.content import SUFFIXES
from api.documents.schemas import DocumentView, UploadQuery
from api.identity.rights import Right
from coldgate.errors import DocumentTooLargeError

FRAMEWORK_LIMIT: Final = 2**40  # out of reach: this route counts by itself, and says so in words
_BYTES: Final[dict[str, Any]] = {"schema": {"type": "string", "format": "binary"}}


class UploadRoute(APIRoute):
    """A route whose body may be as large as the setting says, and not one byte more."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, reading through a counter."""
        handle = super().get_route_handler()

        async def counted(request: Request) -> Response:
            most: int = request.app.state.context.settings.document_bytes
            return await handle(Request(request.scope, _counting(request.receive, most)))

        return counted


def _counting(receive: Receive, most: int) -> Receive:
    """``receive``, until more than ``most`` bytes of body have come."""
    taken = 0

    async def receive_counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise DocumentTooLargeError(most)
        return message

    return receive_counted


async def get_content(request: Request) -> bytes:
    """The body as it came."""
    return await request.body()


router = APIRouter(
    prefix="/v1/documents",
    tags=["documents"],
    dependencies=[needs(Right.SHIP), Depends(require_caller)],
    route_class=UploadRoute,
)


@router.post(
    "",
    status_code=201,
    response_model=DocumentView,
    max_body_size=FRAMEWORK_LIMIT,
    openapi_extra={"requestBody": {"required": True, "content": dict.fromkeys(SUFFIXES, _BYTES)}},
)
def add_document(
    said: Annotated[UploadQuery, Query()],
    request: Write,
    content: Annotated[bytes, Depends(get_content)],
    content_type: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """Enter a document: its bytes are the body, what it is about stands in the query.

    The Content-Type must be what the bytes are. Whoever answers for product or lot enters what is
    about them, whoever takes part in a consignment what is about that. What a carrier enters counts
    once the consignor or the operator vouched for it.
    """
    return request.write(service.add_document, said, content_type, content)
