"""Routes of the ledger and of the keys that sign for it."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import Read, needs
from api.identity.rights import Right
from api.ledger import service
from api.ledger.schemas import (
    CheckpointView,
    ConsistencyView,
    EntryView,
    InclusionView,
    KeyList,
    WholeEntryView,
)
from api.schemas import MAX_ID, AfterId, Limit, Page, RowId

router = APIRouter(prefix="/v1", tags=["ledger"], dependencies=[needs(Right.READ)])

Size = Annotated[int, Query(ge=1, le=MAX_ID, description="Number of entries")]
Wanted = Annotated[str | None, Query(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


@router.get("/keys")
def list_keys(request: Read) -> KeyList:
    """List the public keys that Coldgate signs with, old ones too."""
    return request.read(service.list_keys, origin=request.context.settings.ledger_origin)


@router.get("/ledger/checkpoint")
def get_checkpoint(request: Read) -> CheckpointView:
    """Show the newest checkpoint; each minute in which something was entered ends with one."""
    return request.read(service.newest_checkpoint)


@router.get("/ledger/checkpoints")
def list_checkpoints(request: Read, after: AfterId = 0, limit: Limit = 100) -> Page[CheckpointView]:
    """List checkpoints, of the smallest ledger first."""
    return request.read(service.list_checkpoints, after=after, limit=limit)


@router.get("/ledger/entries")
def list_entries(
    request: Read,
    subject: Wanted = None,
    kind: Wanted = None,
    after: AfterId = 0,
    limit: Limit = 100,
) -> Page[EntryView]:
    """List what the caller's party did, and what was done about its consignments."""
    return request.read(service.list_entries, subject=subject, kind=kind, after=after, limit=limit)


@router.get("/ledger/entries/{sequence}")
def get_entry(sequence: RowId, request: Read) -> WholeEntryView:
    """Show one entry with the body that its digest is of."""
    return request.read(service.get_entry, sequence)


@router.get("/ledger/entries/{sequence}/proof")
def prove_inclusion(sequence: RowId, request: Read, size: Size | None = None) -> InclusionView:
    """Prove that an entry is in the ledger that a checkpoint signs for, the newest by default."""
    return request.read(service.prove_inclusion, sequence, size=size)


@router.get("/ledger/consistency")
def prove_consistency(
    request: Read,
    first: Annotated[int, Query(ge=1, le=MAX_ID, alias="from")],
    second: Annotated[int, Query(ge=1, le=MAX_ID, alias="to")],
) -> ConsistencyView:
    """Prove that nothing was changed or removed between two sizes of the ledger."""
    return request.read(service.prove_consistency, first=first, second=second)
