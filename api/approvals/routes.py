"""Routes of approvals and of the signatures under them."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.approvals import service
from api.approvals.schemas import ApprovalView, SignatureIn, Which, WithdrawalIn
from api.deps import Read, Write, needs
from api.identity.rights import Right
from api.schemas import AfterId, Limit, Page, RowId

router = APIRouter(prefix="/v1/approvals", tags=["approvals"], dependencies=[needs(Right.SIGN)])
withdrawals = APIRouter(
    prefix="/v1/approvals", tags=["approvals"], dependencies=[needs(Right.QUALITY)]
)


@router.get("")
def list_approvals(
    request: Read,
    which: Annotated[Which, Query(description="`waiting`: for a signature of yours")] = (
        Which.WAITING
    ),
    after: AfterId = 0,
    limit: Limit = 100,
) -> Page[ApprovalView]:
    """List requests for signatures; without `which`, those that wait for yours."""
    return request.read(service.list_approvals, which=which, after=after, limit=limit)


@router.get("/{approval}")
def show_approval(approval: RowId, request: Read) -> ApprovalView:
    """Show the record that is to be signed, its digest, and each signature, verified just now."""
    return request.read(service.show_approval, approval)


@router.post("/{approval}/signatures", status_code=201, response_model=ApprovalView)
def sign(approval: RowId, given: SignatureIn, request: Write) -> Response:
    """Sign the record that was shown, and prove in the same request that you are there.

    The last signature that the flow wants has its effect in the same moment; `rejected` refuses
    the whole request. A wrong proof counts against the account and changes nothing else.
    """
    proven = request.reauthenticate(given.proof, bytes.fromhex(given.digest))
    return request.write(service.sign, approval, given, proven, signer=request.context.signer)


@withdrawals.post("/{approval}/withdrawal", response_model=ApprovalView)
def withdraw(approval: RowId, asked: WithdrawalIn, request: Write) -> Response:
    """Take back a request of your own while it is open."""
    return request.write(service.withdraw, approval, asked)
