"""Consignments about which the gate may be asked, clean but for one thing, in a real database."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import psycopg
from api_world import BEGIN, PROFILE
from biip.checksums import gs1_standard_check_digit
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from collections.abc import Callable

    from api_world import World

RECEIPT: Final = "receipt_release"
ZONE: Final = {"verdict": "PASS", "reason_codes": [], "with_excursions": False, "lots": {}}


def goods(world: World, **lot: Any) -> tuple[str, str]:
    """A product of the maker that nobody else ships, and its lot A1."""
    product = world.add_product(world.name("product"))
    body = {"number": "A1", "expires_on": "2199-12-31"} | lot
    world.post(f"/products/{product}/lots", body, party="maker")
    return product, "A1"


def registered(world: World, owner: str, **fields: Any) -> str:
    """A product of that party with a lot A1."""
    product = world.add_product(world.name("vial"), party=owner, **fields)
    lot = {"number": "A1", "expires_on": "2199-12-31"}
    world.post(f"/products/{product}/lots", lot, party=owner)
    return product


def gtin(world: World) -> str:
    """A number that nothing else in the world carries."""
    digits = f"0952{next(world.numbers):09}"
    return f"{digits}{gs1_standard_check_digit(digits)}"


def ready(world: World, purpose: str, *, verdict: str = "PASS", **fields: Any) -> str:
    """A consignment about which the gate may be asked; clean unless ``fields`` spoil it.

    A spoiled one cannot be dispatched by the gate, so its lines are moved by hand.
    """
    judgement = {name: fields.pop(name) for name in ("reason_codes", "zones") if name in fields}
    consignment = world.consign(**fields)
    if purpose == RECEIPT:
        arrive(world, consignment, verdict, **judgement)
    elif verdict != "PASS":
        rejudge(world, consignment, verdict, provisional=True, **judgement)
    return consignment


def arrive(world: World, consignment: str, verdict: str = "PASS", **judgement: Any) -> None:
    """Have the goods come and judged, whatever the gate would have said to their dispatch."""
    with psycopg.connect(world.dsn) as connection:
        connection.execute(
            "UPDATE consignment_line SET state = 'in_transit' WHERE consignment_id = %s",
            (consignment,),
        )
    world.event(consignment, "received")
    rejudge(world, consignment, verdict, **judgement)
    world.wait_for_reactions()


def rejudge(world: World, consignment: str, verdict: str = "PASS", **judgement: Any) -> None:
    """Another evaluation, with what it says by code and by zone."""
    if "zones" in judgement:
        zones = {zone: ZONE | told for zone, told in judgement["zones"].items()}
        judgement = judgement | {"zones": Jsonb(zones)}
    world.judge(consignment, verdict, **judgement)


def of(world: World, purpose: str, product: str, **fields: Any) -> str:
    """A ready consignment of that product's lot."""
    line = {"product": product, "lot": "A1", "quantity": 1}
    return ready(world, purpose, lines=[line], **fields)


def write(world: World, query: str, **values: Any) -> None:
    """A fact that only others can enter, straight into the database."""
    with psycopg.connect(world.dsn) as connection:
        connection.execute(query, values)  # type: ignore[arg-type]  # text of the test


def restrict(world: World, product: str, kind: str) -> None:
    write(
        world,
        "INSERT INTO restriction (kind, product_id, lot_number, reason, placed_by, actor)"
        " VALUES (%(kind)s, %(product)s, 'A1', 'test', 'maker', 'test')",
        kind=kind,
        product=product,
    )


def blocked_lot(world: World, purpose: str) -> str:
    product, lot = goods(world)
    body = {"product": product, "lot": lot, "reason": "foil defect"}
    world.post("/restrictions", body, party="maker")
    return of(world, purpose, product)


def recalled_lot(world: World, purpose: str) -> str:
    product, _ = goods(world)
    restrict(world, product, "recall")
    return of(world, purpose, product)


def short_life(world: World, purpose: str) -> str:
    day = (BEGIN + timedelta(days=20)).date()
    product, _ = goods(world, expires_on=day.isoformat())
    agreed = {"consignee": "hospital", "product": product, "min_days": 60}
    world.post("/agreements", agreed, party="maker")
    return of(world, purpose, product)


def document(world: World, product: str, **fields: Any) -> int:
    """A certificate of the product's lot; its number."""
    about = {"kind": "conformity", "title": "Certificate", "product": product, "lot": "A1"}
    answer = world.of("maker").post(
        "/documents",
        params=about | fields,
        content=b"all is well",
        headers={"Content-Type": "text/plain"},
    )
    assert answer.is_success, answer.text
    number: int = answer.json()["id"]
    return number


def demanding(world: World, **requirement: Any) -> str:
    """A product that demands a certificate for each lot."""
    product, _ = goods(world)
    body = {"kind": "conformity", "per": "lot", "purpose": "both"} | requirement
    world.post(f"/products/{product}/requirements", body, party="maker")
    return product


def missing_document(world: World, purpose: str) -> str:
    return of(world, purpose, demanding(world))


def lapsed_document(world: World, purpose: str) -> str:
    product = demanding(world)
    document(world, product, valid_until="2026-01-31")
    return of(world, purpose, product)


def unsigned_document(world: World, purpose: str) -> str:
    product = demanding(world, signed=True)
    document(world, product)
    return of(world, purpose, product)


def suspended_carrier(world: World, purpose: str) -> str:
    carrier = world.join("carrier")
    legs = [
        {"carrier": one, "origin": "here", "destination": "there"} for one in ("truck", carrier)
    ]
    consignment = ready(world, purpose, legs=legs)
    body = {"carrier": carrier, "profile": PROFILE, "state": "suspended"}
    world.post("/qualifications", body)
    return consignment


def strange_logger(world: World, purpose: str) -> str:
    consignment = ready(world, purpose)
    logger = world.get(f"/consignments/{consignment}/placements")["items"][0]["logger"]
    body = {"kind": "revoked", "reason": "fell into the sea"}
    world.post(f"/loggers/{logger}/admissions", body)
    return consignment


def uncalibrated_logger(world: World, purpose: str) -> str:
    if purpose == RECEIPT:
        return ready(world, purpose, verdict="HOLD", reason_codes=["UNCALIBRATED"])
    arrival = (BEGIN + timedelta(days=400)).isoformat()
    days = {"valid_from": "2000-01-01", "valid_until": "2199-12-31"}
    world.post("/qualifications", {"carrier": "truck", "profile": PROFILE} | days)
    return ready(world, purpose, planned_arrival_at=arrival)


def wrong_label(world: World, purpose: str) -> str:
    consignment = ready(world, purpose)
    body = {"raw": "(01)09521234543213(10)B7", "purpose": purpose}
    world.post(f"/consignments/{consignment}/scans", body, party="truck")
    return consignment


def coded(verdict: str, code: str) -> Callable[[World, str], str]:
    """A consignment that the judge gives this reason for."""

    def make(world: World, purpose: str) -> str:
        return ready(world, purpose, verdict=verdict, reason_codes=[code])

    return make


def broken_evidence(world: World, purpose: str) -> str:
    consignment = ready(world, purpose)
    write(world, "ALTER TABLE evidence_audit DISABLE TRIGGER USER")
    write(
        world,
        "UPDATE evidence_audit SET broken = 1 WHERE evaluation_id IN"
        " (SELECT id FROM evaluation WHERE consignment_id = %(consignment)s)",
        consignment=consignment,
    )
    write(world, "ALTER TABLE evidence_audit ENABLE TRIGGER USER")
    return consignment


def unregistered_lot(world: World, purpose: str) -> str:
    return ready(world, purpose, lots=("NOT-REGISTERED",))


def expired_lot(world: World, purpose: str) -> str:
    return ready(world, purpose, lots=("OLD",))


def no_profile(world: World, purpose: str) -> str:
    return ready(world, purpose, profile=None)


def zone_without_logger(world: World, purpose: str) -> str:
    line = {"product": "vaccine", "lot": "A1", "quantity": 1, "zone": "roof"}
    return ready(world, purpose, lines=[line])


def unjudged_facts(world: World, purpose: str) -> str:
    consignment = ready(world, purpose)
    world.event(consignment, "opened")
    return consignment


def unsigned_release(world: World, purpose: str) -> str:
    return ready(world, purpose, release_policy="signed")


# Each code, and consignments that it alone keeps from being clean.
CASES: Final[dict[str, Callable[[World, str], str]]] = {
    "LOT_UNKNOWN": unregistered_lot,
    "LOT_BLOCKED": blocked_lot,
    "RECALL_OPEN": recalled_lot,
    "LOT_EXPIRED": expired_lot,
    "SHELF_LIFE_SHORT": short_life,
    "DOCUMENT_MISSING": missing_document,
    "DOCUMENT_EXPIRED": lapsed_document,
    "DOCUMENT_UNVERIFIED": unsigned_document,
    "CARRIER_NOT_QUALIFIED": suspended_carrier,
    "PROFILE_MISSING": no_profile,
    "LOGGER_MISSING": zone_without_logger,
    "LOGGER_NOT_ADMITTED": strange_logger,
    "LOGGER_UNCALIBRATED": uncalibrated_logger,
    "UDI_MISMATCH": wrong_label,
    "JUDGEMENT_PENDING": unjudged_facts,
    "LOG_INCOMPLETE": coded("HOLD", "LOG_INCOMPLETE"),
    "CLOCK_FAULT": coded("HOLD", "CLOCK_FAULT"),
    "DATA_CONFLICT": coded("HOLD", "DATA_CONFLICT"),
    "EVIDENCE_BROKEN": broken_evidence,
    "CONDITION_HOLD": coded("HOLD", "RULE_UNDECIDED"),
    "CONDITION_FAIL": coded("FAIL", "RULE_VIOLATED"),
    "BUDGET_EXHAUSTED": coded("FAIL", "BUDGET_EXCEEDED"),
    "SIGNATURE_MISSING": unsigned_release,
}
# What the same fault brings with it beside its own code.
ALSO: Final = {
    "PROFILE_MISSING": {"CARRIER_NOT_QUALIFIED", "JUDGEMENT_PENDING", "LOGGER_UNCALIBRATED"},
    "LOGGER_MISSING": {"LOGGER_NOT_ADMITTED", "LOGGER_UNCALIBRATED"},
    "LOG_INCOMPLETE": {"CONDITION_HOLD"},
    "CLOCK_FAULT": {"CONDITION_HOLD"},
    "DATA_CONFLICT": {"CONDITION_HOLD"},
    "LOGGER_UNCALIBRATED": {"CONDITION_HOLD"},
    "BUDGET_EXHAUSTED": {"CONDITION_FAIL"},
}
