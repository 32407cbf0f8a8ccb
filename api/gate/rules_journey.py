"""Whether the journey is one that can be trusted: carriers, profile, loggers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.gate.rules_condition import words
from api.gate.rules_finding import BOTH, Check, consignment_link, held, passed
from coldgate.model import Purpose

if TYPE_CHECKING:
    from api.gate.facts import Carrier, Facts, Logger
    from api.gate.rules_finding import Finding

APPROVED: Final = "approved"
UNCALIBRATED: Final = "UNCALIBRATED"  # reason of the judge


def _carriers_qualified(facts: Facts) -> Finding:
    links = tuple(f"/v1/qualifications?carrier={one.carrier_id}" for one in facts.carriers)
    unfit = [one for one in facts.carriers if one.standing != APPROVED]
    if unfit or not facts.carriers:
        told = [_standing(one) for one in unfit]
        reason = "carriers are not approved for this profile" if unfit else "no leg names a carrier"
        return held(reason, *links, carriers=told)
    if facts.purpose is Purpose.DISPATCH and facts.planned_arrival_at is not None:
        last = facts.planned_arrival_at.date()
        lapsing = [
            one for one in facts.carriers if one.valid_until is None or one.valid_until < last
        ]
        if lapsing:
            told = [_standing(one) for one in lapsing]
            return held("approvals end before the planned arrival", *links, carriers=told)
    told = [_standing(one) for one in facts.carriers]
    return passed("every carrier is approved for this profile", *links, carriers=told)


def _standing(one: Carrier) -> dict[str, object]:
    return {
        "carrier": one.carrier_id,
        "standing": one.standing,
        "valid_until": one.valid_until and one.valid_until.isoformat(),
    }


def _profile_chosen(facts: Facts) -> Finding:
    if facts.profile is None:
        return held("no profile says how these goods are judged", consignment_link(facts))
    named: dict[str, object] = {"id": facts.profile.id, "version": facts.profile.version}
    first, last = facts.profile_from, facts.profile_until
    link = "/v1/profiles"
    if first is not None and facts.today < first:
        return held("the profile is not in force yet", link, **named, valid_from=first.isoformat())
    if last is not None and facts.today > last:
        return held(
            "the profile is no longer in force", link, **named, valid_until=last.isoformat()
        )
    return _profile_allowed(facts, named)


def _profile_allowed(facts: Facts, named: dict[str, object]) -> Finding:
    """By the word of who owns the products, whoever chose the profile."""
    allowed = {word.product_id: word.allowed for word in facts.profiles}
    products = sorted({product for product, _ in facts.lots})
    unsaid = [product for product in products if product not in allowed]
    if unsaid:
        reason = "nobody stated by which profiles these products may travel"
        return held(reason, *_stated_at(unsaid), **named, products=unsaid)
    strange = [product for product in products if not allowed[product]]
    if strange:
        reason = "these products may not travel by this profile"
        return held(reason, *_stated_at(strange), **named, products=strange)
    return passed("profile chosen, and stated for the products", "/v1/profiles", **named)


def _stated_at(products: list[str]) -> tuple[str, ...]:
    return tuple(f"/v1/products/{product}/profiles" for product in products)


def _placements_link(facts: Facts) -> str:
    return f"{consignment_link(facts)}/placements"


def _zones_logged(facts: Facts) -> Finding:
    """At dispatch the logger is there now; on arrival it may have been taken out."""
    watching = {
        one.zone for one in facts.loggers if one.watches or facts.purpose is Purpose.RECEIPT_RELEASE
    }
    zones = {line.zone for line in facts.lines}
    bare, link = sorted(zones - watching), _placements_link(facts)
    if bare or not zones:
        return held("zones without a logger", link, zones=bare)
    return passed("every zone has a logger", link, zones=sorted(zones))


def _beside(facts: Facts) -> list[Logger]:
    """The loggers of the zones that were asked about; at dispatch those that are still there.

    A zone that has none is another check's business.
    """
    zones = {line.zone for line in facts.lines}
    return [
        one
        for one in facts.loggers
        if one.zone in zones and (one.watches or facts.purpose is Purpose.RECEIPT_RELEASE)
    ]


def _loggers_admitted(facts: Facts) -> Finding:
    loggers = _beside(facts)
    links = tuple(f"/v1/loggers/{one.logger_id}/admissions" for one in loggers)
    strange = [one.serial for one in loggers if not one.passed]
    if strange:
        return held("loggers that nobody admitted", *links, loggers=strange)
    told = [
        {"serial": one.serial, "admission": one.admission_id, "kind": one.kind} for one in loggers
    ]
    return passed("every logger is admitted", *links, loggers=told)


def _loggers_calibrated(facts: Facts) -> Finding:
    """For the journey to come by certificates, for the one that was by what the judge found."""
    loggers = _beside(facts)
    links = tuple(f"/v1/loggers/{one.logger_id}/certificates" for one in loggers)
    if facts.purpose is Purpose.RECEIPT_RELEASE:
        if UNCALIBRATED in words(facts):
            return held("readings without a certificate in force", *links)
        return passed("no reading that was judged lacks a certificate", *links)
    bare = [one.serial for one in loggers if not one.calibrated]
    if bare:
        return held("no certificate covers the planned journey", *links, loggers=bare)
    return passed("certificates cover the planned journey", *links)


CHECKS: Final = (
    Check(code="CARRIER_NOT_QUALIFIED", purposes=BOTH, examine=_carriers_qualified),
    Check(code="PROFILE_MISSING", purposes=BOTH, examine=_profile_chosen),
    Check(code="LOGGER_MISSING", purposes=BOTH, examine=_zones_logged),
    Check(code="LOGGER_NOT_ADMITTED", purposes=BOTH, examine=_loggers_admitted),
    Check(code="LOGGER_UNCALIBRATED", purposes=BOTH, examine=_loggers_calibrated, coverable=True),
)
