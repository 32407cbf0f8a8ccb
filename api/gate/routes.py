"""Routes of the gate."""

from fastapi import APIRouter, Response

from api.deps import Read, Write, needs
from api.gate import service
from api.gate.schemas import DecisionView, GateAnswer, GateIn
from api.identity.rights import Right
from api.schemas import AfterId, Identifier, Limit, Page

router = APIRouter(
    prefix="/v1/consignments/{consignment}", tags=["gate"], dependencies=[needs(Right.GATE)]
)


@router.post("/gate", response_model=GateAnswer)
def ask_gate(consignment: Identifier, asked: GateIn, request: Write) -> Response:
    """Ask whether goods may leave (`dispatch`) or be used (`receipt_release`), and act on it.

    The answer lists every check. `permitted` is true only if each of them says PASS; a refusal is
    an answer with status 200, recorded like every other, and opens a deviation.
    """
    return request.write(service.ask, consignment, asked)


@router.get("/decisions")
def list_decisions(
    consignment: Identifier, request: Read, after: AfterId = 0, limit: Limit = 100
) -> Page[DecisionView]:
    """List the gate's decisions about a consignment."""
    return request.read(service.list_decisions, consignment, after=after, limit=limit)
