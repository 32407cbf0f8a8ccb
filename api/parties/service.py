"""Parties and keys: who may make and see which."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from api.caller import OPERATOR, key_digest
from api.parties.schemas import KeyCreated, KeyList, KeyView, PartyIn, PartyView
from api.schemas import Page, page_of
from coldgate.errors import NotFoundError
from coldgate.secrets import new_secret
from coldgate.storage import parties
from coldgate.storage.parties import NewKey

if TYPE_CHECKING:
    from api.caller import Caller
    from api.parties.schemas import KeyIn
    from coldgate.storage.connection import Connection

KEY_PREFIX: Final = "cg_"  # lets secret scanners recognise a leaked key


def add_party(connection: Connection, caller: Caller, new: PartyIn) -> PartyView:
    """Add an organisation; the operator only."""
    caller.require_operator()
    row = parties.insert_party(connection, party=new.id, name=new.name, kind=new.kind.value)
    caller.record(connection, "party.added", new.id, party_kind=new.kind.value, name=new.name)
    return PartyView.model_validate(row)


def list_parties(
    connection: Connection, caller: Caller, *, after: str, limit: int
) -> Page[PartyView]:
    """Parties that the caller may see: itself, or for the operator all."""
    rows = parties.parties(connection, scope=caller.scope, after=after, limit=limit)
    return page_of(PartyView, rows, limit=limit)


def add_key(connection: Connection, caller: Caller, party: str, new: KeyIn) -> KeyCreated:
    """Make a key for ``party``; only its SHA-256 is stored."""
    _require_party(connection, caller, party)
    secret = KEY_PREFIX + new_secret()
    row = parties.insert_key(
        connection,
        NewKey(
            party=party,
            label=new.label,
            sha256=key_digest(secret),
            scopes=new.scope_names,
            expires_at=new.expires_at,
        ),
    )
    caller.record(
        connection, "key.added", party, key=row.id, label=row.label, scopes=new.scope_names
    )
    return KeyCreated.model_validate({**asdict(row), "secret": secret})


def list_keys(connection: Connection, caller: Caller, party: str) -> KeyList:
    """Keys of ``party``, revoked ones included."""
    _require_party(connection, caller, party)
    return KeyList(items=[KeyView.model_validate(row) for row in parties.keys(connection, party)])


def revoke_key(connection: Connection, caller: Caller, party: str, key_id: int) -> KeyView:
    """Refuse the key from the next request on."""
    _require_party(connection, caller, party)
    row = parties.revoke_key(connection, party=party, key_id=key_id)
    caller.record(connection, "key.revoked", party, key=row.id)
    return KeyView.model_validate(row)


def _require_party(connection: Connection, caller: Caller, party: str) -> None:
    """Return if the caller is that party or the operator, and the party exists."""
    if not caller.is_operator and caller.party != party:
        raise NotFoundError("party", party)
    if not parties.exists(connection, party):
        raise NotFoundError("party", party)


def ensure_operator(connection: Connection, key: str) -> None:
    """Make the operator's party and let ``key`` act for it; a key revoked before stays so."""
    parties.ensure_operator(connection, OPERATOR, key_digest(key))
