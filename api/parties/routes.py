"""Routes of parties and their keys."""

from fastapi import APIRouter, Response

from api.deps import Read, Write, needs
from api.identity.rights import Right
from api.parties import service
from api.parties.schemas import KeyCreated, KeyIn, KeyList, KeyView, PartyIn, PartyView
from api.schemas import AfterText, Identifier, Limit, Page, RowId

router = APIRouter(prefix="/v1/parties", tags=["parties"], dependencies=[needs(Right.ADMIN)])


@router.post("", status_code=201, response_model=PartyView)
def add_party(new: PartyIn, request: Write) -> Response:
    """Add an organisation (operator only)."""
    return request.write(service.add_party, new)


@router.get("")
def list_parties(request: Read, after: AfterText = "", limit: Limit = 100) -> Page[PartyView]:
    """List the parties that the caller may see: itself, or for the operator all."""
    return request.read(service.list_parties, after=after, limit=limit)


@router.post("/{party}/keys", status_code=201, response_model=KeyCreated)
def add_key(party: Identifier, new: KeyIn, request: Write) -> Response:
    """Make an API key; it is shown once, in this answer."""
    return request.write(service.add_key, party, new)


@router.get("/{party}/keys")
def list_keys(party: Identifier, request: Read) -> KeyList:
    """List the keys of a party, without the keys themselves."""
    return request.read(service.list_keys, party)


@router.post("/{party}/keys/{key_id}/revoke", response_model=KeyView)
def revoke_key(party: Identifier, key_id: RowId, request: Write) -> Response:
    """Revoke a key; it fails from the next request on."""
    return request.write(service.revoke_key, party, key_id)
