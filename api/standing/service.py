"""Carrier qualifications and shelf-life agreements: who may enter them, and what then counts.

Decision 0093: a carrier never vouches for itself. The operator qualifies any carrier, a
manufacturer those that carry what it sends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.schemas import Page, page_of
from api.standing.schemas import AgreementView, QualificationState, QualificationView
from coldgate.errors import ConflictError, ForbiddenError
from coldgate.storage import agreements, carriers, goods, profiles
from coldgate.storage.agreements import NewAgreement
from coldgate.storage.carriers import NewQualification

if TYPE_CHECKING:
    from datetime import date

    from api.caller import Caller
    from api.standing.schemas import AgreementIn, QualificationIn
    from coldgate.storage.connection import Connection

MANUFACTURER: Final = "manufacturer"


def qualify_carrier(
    connection: Connection, caller: Caller, new: QualificationIn
) -> QualificationView:
    """Enter what the party thinks of the carrier; what it thought before stays readable."""
    party = caller.acting_for(new.party)
    _require_voucher(caller, carrier=new.carrier, party=party)
    if not profiles.profiles(connection, profile_id=new.profile):
        raise ConflictError("PROFILE_UNKNOWN", f"there is no profile {new.profile}")
    valid_from, valid_until = _days(connection, new, party)
    row = carriers.insert(
        connection,
        NewQualification(
            party=party,
            carrier=new.carrier,
            profile=new.profile,
            state=new.state.value,
            valid_from=valid_from,
            valid_until=valid_until,
            note=new.note,
            entered_by=caller.actor,
        ),
    )
    view = QualificationView.model_validate(row)
    facts = view.model_dump(mode="json", exclude={"recorded_at"})
    caller.record(connection, f"carrier.{row.state}", row.carrier_id, **facts)
    return view


def list_qualifications(
    connection: Connection, _caller: Caller, *, carrier: str | None, after: int, limit: int
) -> Page[QualificationView]:
    """What was said of carriers, as far as the caller may know, oldest first."""
    rows = carriers.history(connection, carrier, after=after, limit=limit)
    return page_of(QualificationView, rows, limit=limit)


def agree_shelf_life(connection: Connection, caller: Caller, new: AgreementIn) -> AgreementView:
    """Enter an agreement; it counts from now on, for what is on its way as well."""
    consignor = caller.acting_for(new.consignor)
    if not caller.is_operator and caller.kind != MANUFACTURER:
        raise ForbiddenError(
            "CANNOT_VOUCH", "the operator or the manufacturer that sends the goods enters this"
        )
    if new.product is not None:
        goods.product(connection, scope=caller.scope, product_id=new.product)
    row = agreements.insert(
        connection,
        NewAgreement(
            consignor=consignor,
            consignee=new.consignee,
            product=new.product,
            min_days=new.min_days,
            party=caller.party,
            entered_by=caller.actor,
        ),
    )
    view = AgreementView.model_validate(row)
    facts = view.model_dump(mode="json", exclude={"recorded_at"})
    caller.record(connection, "agreement.added", f"{consignor}/{new.consignee}", **facts)
    return view


def list_agreements(
    connection: Connection, _caller: Caller, *, after: int, limit: int
) -> Page[AgreementView]:
    """Agreements that the caller is a side of, oldest first."""
    rows = agreements.agreements(connection, after=after, limit=limit)
    return page_of(AgreementView, rows, limit=limit)


def _require_voucher(caller: Caller, *, carrier: str, party: str) -> None:
    """Return for who answers for goods that the carrier moves, and is not the carrier."""
    if carrier in (caller.party, party) or not (caller.is_operator or caller.kind == MANUFACTURER):
        raise ForbiddenError(
            "CANNOT_VOUCH", "the operator or the manufacturer of the goods qualifies a carrier"
        )


def _days(connection: Connection, new: QualificationIn, party: str) -> tuple[date, date]:
    """First and last day; those of the word that a suspension or withdrawal ends."""
    if new.valid_from is not None and new.valid_until is not None:
        return new.valid_from, new.valid_until
    last = carriers.newest(connection, party=party, carrier=new.carrier, profile=new.profile)
    if last is None or last.state == QualificationState.WITHDRAWN.value:
        raise ConflictError(
            "NOT_QUALIFIED", f"{party} has not approved {new.carrier} for {new.profile}"
        )
    return last.valid_from, last.valid_until
