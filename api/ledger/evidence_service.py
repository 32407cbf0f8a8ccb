"""What is known of the evidence, and whether a consignor takes what nobody signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.ledger.evidence_schemas import AuditView, ConsentView
from api.schemas import Page, page_of
from coldgate.errors import NotFoundError
from coldgate.storage import evidence

if TYPE_CHECKING:
    from api.caller import Caller
    from api.ledger.evidence_schemas import NewConsent
    from coldgate.storage.connection import Connection


def get_audit(connection: Connection, _caller: Caller, consignment: str, version: int) -> AuditView:
    """The audit of one evaluation of a consignment that the caller takes part in."""
    found = evidence.fetch_audit(connection, consignment, version)
    if found is None:
        raise NotFoundError("audit", f"of evaluation {version} of consignment {consignment}")
    return AuditView.model_validate(found)


def add_consent(connection: Connection, caller: Caller, new: NewConsent) -> ConsentView:
    """Say it for the caller's goods, or as the operator for those of the party that is named."""
    party = caller.acting_for(new.party)
    row = evidence.add_consent(
        connection,
        party=party,
        accepted=new.accepted,
        reason=new.reason,
        recorded_by=caller.actor,
    )
    caller.record(connection, "consent.recorded", party, accepted=new.accepted, reason=new.reason)
    return ConsentView.model_validate(row)


def list_consents(
    connection: Connection, caller: Caller, *, after: int, limit: int
) -> Page[ConsentView]:
    """What was said before, oldest first."""
    rows = evidence.consents(connection, scope=caller.scope, after=after, limit=limit)
    return page_of(ConsentView, rows, limit=limit)
