"""Routes of the gate."""

from fastapi import APIRouter, Response

from api.deps import Read, Write, needs
from api.gate import service, tokens_service
from api.gate.schemas import DecisionView, GateAnswer, GateIn, RedemptionIn, RedemptionView
from api.gate.tokens import Issuer
from api.identity.rights import Right
from api.schemas import AfterId, Identifier, Limit, Page, RowId

router = APIRouter(prefix="/v1", tags=["gate"], dependencies=[needs(Right.GATE)])


@router.post("/gate/decisions", response_model=GateAnswer)
def ask_gate(asked: GateIn, request: Write) -> Response:
    """Ask whether goods may leave (`dispatch`) or be used (`receipt_release`), and act on it.

    `permit` comes with a token that is good once and for a short while; `block` with the reasons
    and, where people may settle them, with who they are. Either lists every check, has status 200
    and is recorded; a refusal opens a deviation.
    """
    issuer = Issuer(
        signer=request.context.signer, lifetime=request.context.settings.permit_lifetime
    )
    return request.write(service.ask, asked, issuer=issuer, digest=request.request_digest)


@router.get("/gate/decisions/{decision}")
def get_decision(decision: RowId, request: Read) -> DecisionView:
    """Show one decision with every check, what it looked at and where that is found."""
    return request.read(service.get_decision, decision)


@router.get("/consignments/{consignment}/decisions")
def list_decisions(
    consignment: Identifier, request: Read, after: AfterId = 0, limit: Limit = 100
) -> Page[DecisionView]:
    """List the gate's decisions about a consignment."""
    return request.read(service.list_decisions, consignment, after=after, limit=limit)


@router.post("/gate/permits/redeem", response_model=RedemptionView)
def redeem_permit(handed: RedemptionIn, request: Write) -> Response:
    """Use a permit: once, in time, and only while everything it stands on still holds."""
    return request.write(tokens_service.redeem, handed)
