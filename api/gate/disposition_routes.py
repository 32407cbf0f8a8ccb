"""Routes of dispositions."""

from fastapi import APIRouter, Response

from api.deps import Read, Write, needs
from api.gate import dispositions
from api.gate.disposition_schemas import DispositionIn, DispositionView
from api.identity.rights import Right
from api.schemas import AfterId, Identifier, Limit, Page, RowId

router = APIRouter(
    prefix="/v1/consignments/{consignment}/dispositions",
    tags=["gate"],
    dependencies=[needs(Right.QUALITY)],
)


@router.post("", status_code=201, response_model=DispositionView)
def propose_disposition(consignment: Identifier, new: DispositionIn, request: Write) -> Response:
    """Propose to release, reject or return goods in quarantine, and ask for signatures.

    The answer holds the record that signers are shown. Whoever proposes does not sign.
    """
    return request.write(dispositions.propose, consignment, new)


@router.get("")
def list_dispositions(
    consignment: Identifier, request: Read, after: AfterId = 0, limit: Limit = 100
) -> Page[DispositionView]:
    """List what was proposed and decided about a consignment, with the signatures."""
    return request.read(dispositions.list_dispositions, consignment, after=after, limit=limit)


@router.get("/{disposition}")
def show_disposition(consignment: Identifier, disposition: RowId, request: Read) -> DispositionView:
    """Show one disposition with its record and signatures, each verified just now."""
    return request.read(dispositions.show_disposition, consignment, disposition)
