"""Routes of delegations."""

from fastapi import APIRouter, Response

from api.approvals import delegation_service
from api.approvals.schemas import DelegationIn, DelegationView
from api.deps import Read, Write, needs
from api.identity.rights import Right
from api.schemas import AfterId, Limit, Page, RowId

router = APIRouter(prefix="/v1/delegations", tags=["approvals"], dependencies=[needs(Right.SIGN)])


@router.post("", status_code=201, response_model=DelegationView)
def delegate(new: DelegationIn, request: Write) -> Response:
    """Lend a role of yours to a colleague, who then signs by its own name, for you."""
    proven = request.reauthenticate(new.proof, delegation_service.digest_of(new))
    return request.write(delegation_service.delegate, new, proven)


@router.get("")
def list_delegations(request: Read, after: AfterId = 0, limit: Limit = 100) -> Page[DelegationView]:
    """List who lent which role to whom in your party."""
    return request.read(delegation_service.list_delegations, after=after, limit=limit)


@router.post("/{delegation}/end", response_model=DelegationView)
def end_delegation(delegation: RowId, request: Write) -> Response:
    """End a delegation before its time, as lender or delegate."""
    return request.write(delegation_service.end_delegation, delegation)
