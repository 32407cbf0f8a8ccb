"""Whether the goods themselves may go anywhere: lots, restrictions, life left, documents, scans."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from api.gate.rules_finding import BOTH as BOTH_PURPOSES
from api.gate.rules_finding import Check, failed, held, lot_links, passed
from coldgate.model import Purpose
from coldgate.udi.standing import MOST_EXPLAINED

if TYPE_CHECKING:
    from api.gate.facts import Facts, Line, Restriction
    from api.gate.rules_finding import Finding
    from coldgate.storage.documents import Demand

RECALL: Final = "recall"
BOTH: Final = "both"  # of a requirement, in the database's words


def _lot_known(facts: Facts) -> Finding:
    unknown = tuple(line for line in facts.lines if not line.registered)
    if unknown or not facts.lines:
        names = [line.lot for line in unknown]
        return held(
            "lots not registered, or not come from who did", *lot_links(unknown), lots=names
        )
    names = [line.lot for line in facts.lines]
    return passed("every lot is registered", *lot_links(facts.lines), lots=names)


def _not_restricted(facts: Facts) -> Finding:
    # Whatever is no recall blocks here: a kind that nobody knows holds the goods as well.
    found = tuple(one for one in facts.restricted if one.kind != RECALL)
    if found:
        reason = "holds, refusals or blocking CAPAs are open"
        return held(reason, *_links(found), restrictions=_told(found))
    return passed("no hold and no blocking CAPA is open")


def _not_recalled(facts: Facts) -> Finding:
    found = tuple(one for one in facts.restricted if one.kind == RECALL)
    if found:
        return failed("lots are recalled", *_links(found), restrictions=_told(found))
    return passed("no recall is open")


def _told(found: tuple[Restriction, ...]) -> list[dict[str, object]]:
    return [
        {
            "id": one.id,
            "kind": one.kind,
            "lot": f"{one.product_id}/{one.lot_number}",
            "reference": one.reference,
        }
        for one in found
    ]


def _links(found: tuple[Restriction, ...]) -> tuple[str, ...]:
    return tuple(f"/v1/restrictions/{one.id}" for one in found if one.id is not None)


def _lot_in_date(facts: Facts) -> Finding:
    today = facts.today
    # What nobody registered has no expiry either: that is LOT_UNKNOWN's to say.
    undated = tuple(line for line in facts.lines if line.registered and line.expires_on is None)
    expired = tuple(line for line in facts.lines if _is_expired(line, today))
    if expired:
        lots = [_dated(line) for line in expired]
        return failed(
            "lots past their last day of use",
            *lot_links(expired),
            today=today.isoformat(),
            lots=lots,
        )
    if undated or not facts.lines:
        names = [line.lot for line in undated]
        return held("lots whose expiry is not known", *lot_links(undated), lots=names)
    return passed("no lot is past its date", *lot_links(facts.lines), today=today.isoformat())


def _is_expired(line: Line, today: date) -> bool:
    return line.expires_on is not None and line.expires_on < today


def _dated(line: Line) -> dict[str, object]:
    return {"lot": line.lot, "expires_on": line.expires_on and line.expires_on.isoformat()}


def _life_left(facts: Facts) -> Finding:
    """Days of life left on arrival; nothing agreed means that a lot must not end on the way.

    Of lots that are past their date, or that have none, `LOT_EXPIRED` or `LOT_UNKNOWN` says more.
    """
    day = _day_of_arrival(facts)
    fresh = [line for line in facts.lines if not _is_expired(line, facts.today)]
    short = tuple(line for line in fresh if _is_short(line, day))
    if short:
        lots = [{**_dated(line), "days_agreed": line.min_days or 0} for line in short]
        return held(
            "less life is left than was agreed with the consignee",
            *lot_links(short),
            "/v1/agreements",
            arrival=day.isoformat(),
            lots=lots,
        )
    return passed("no lot in date ends too early", *lot_links(facts.lines), arrival=day.isoformat())


def _day_of_arrival(facts: Facts) -> date:
    """When the goods came, or are to come; today where nobody said so, or planned a day past."""
    if facts.purpose is Purpose.RECEIPT_RELEASE:
        return facts.today if facts.received_at is None else facts.received_at.date()
    planned = facts.planned_arrival_at
    return facts.today if planned is None else max(facts.today, planned.date())


def _is_short(line: Line, day: date) -> bool:
    return line.expires_on is not None and line.expires_on < day + timedelta(line.min_days or 0)


def _demands(facts: Facts) -> list[Demand]:
    """What is demanded for this step of the lots that were asked about."""
    products = {product for product, _ in facts.lots}
    return [
        demand
        for demand in facts.demands
        if demand.purpose in {facts.purpose.value, BOTH}
        and demand.product_id in products
        and (demand.lot_number is None or (demand.product_id, demand.lot_number) in facts.lots)
    ]


def _documents_there(facts: Facts) -> Finding:
    demands = _demands(facts)
    missing = [demand for demand in demands if demand.document_id is None]
    if missing:
        return held("documents are missing", *_demanded_at(missing), documents=_named(missing))
    return passed("every document is there", *_documents(demands), documents=_named(demands))


def _documents_in_date(facts: Facts) -> Finding:
    found = [demand for demand in _demands(facts) if demand.document_id is not None]
    # What is neither proven to be in date nor lapsed is held.
    lapsed = [demand for demand in found if demand.expired is not False]
    if lapsed:
        proven = all(demand.expired for demand in lapsed)
        say = failed if proven else held
        return say("documents have lapsed", *_documents(lapsed), documents=_named(lapsed))
    return passed("every document is in date", *_documents(found))


def _documents_verified(facts: Facts) -> Finding:
    found = [demand for demand in _demands(facts) if demand.document_id is not None]
    altered = [demand for demand in found if demand.digest_matches is not True]
    if altered:
        return failed(
            "documents are not what was entered", *_documents(altered), documents=_named(altered)
        )
    unsigned = [demand for demand in found if not demand.verified]
    if unsigned:
        return held(
            "signatures of documents are missing or do not verify",
            *_documents(unsigned),
            documents=_named(unsigned),
        )
    return passed("every document verifies", *_documents(found))


def _named(demands: list[Demand]) -> list[dict[str, object]]:
    return [
        {
            "kind": demand.kind,
            "per": demand.per,
            "product": demand.product_id,
            "lot": demand.lot_number,
            "document": demand.document_id,
            "valid_until": demand.valid_until and demand.valid_until.isoformat(),
        }
        for demand in demands
    ]


def _documents(demands: list[Demand]) -> tuple[str, ...]:
    found = (demand.document_id for demand in demands if demand.document_id is not None)
    return tuple(dict.fromkeys(f"/v1/documents/{document}" for document in found))


def _demanded_at(demands: list[Demand]) -> tuple[str, ...]:
    products = (demand.product_id for demand in demands)
    return tuple(dict.fromkeys(f"/v1/products/{one}/requirements" for one in products))


def _labels_fit(facts: Facts) -> Finding:
    positions = {line.position for line in facts.lines}
    link = f"/v1/consignments/{facts.consignment}/scans"
    bad = [
        {
            "scan": one.id,
            "unreadable": one.unreadable,
            "differences": [
                {"field": item.field.value, "scanned": item.scanned, "expected": item.expected}
                for item in one.differences
            ],
        }
        for one in facts.scans.mismatches
    ]
    if bad:
        more = {"more": len(bad) - MOST_EXPLAINED} if len(bad) > MOST_EXPLAINED else {}
        told = bad[:MOST_EXPLAINED]
        return failed("scanned labels are not those of the goods", link, scans=told, **more)
    bare = [
        {
            "position": one.position,
            "product": one.product,
            "lot": one.lot,
            "units": list(one.missing),
        }
        for one in facts.scans.unscanned(facts.purpose)
        if one.position in positions
    ]
    if bare:
        return held("labels that must be scanned were not", link, lines=bare)
    return passed("no scanned label contradicts the goods", link)


CHECKS: Final = (
    Check(code="LOT_UNKNOWN", purposes=BOTH_PURPOSES, examine=_lot_known),
    Check(code="LOT_BLOCKED", purposes=BOTH_PURPOSES, examine=_not_restricted),
    Check(code="RECALL_OPEN", purposes=BOTH_PURPOSES, examine=_not_recalled),
    Check(code="LOT_EXPIRED", purposes=BOTH_PURPOSES, examine=_lot_in_date),
    Check(code="SHELF_LIFE_SHORT", purposes=BOTH_PURPOSES, examine=_life_left),
    Check(code="DOCUMENT_MISSING", purposes=BOTH_PURPOSES, examine=_documents_there),
    Check(code="DOCUMENT_EXPIRED", purposes=BOTH_PURPOSES, examine=_documents_in_date),
    Check(code="DOCUMENT_UNVERIFIED", purposes=BOTH_PURPOSES, examine=_documents_verified),
)
LABELS: Final = Check(code="UDI_MISMATCH", purposes=BOTH_PURPOSES, examine=_labels_fit)
