"""Facts of clean goods, and every way in which each code must block them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from api.gate.facts import (
    Audit,
    Carrier,
    Disposition,
    Elsewhere,
    Facts,
    Judgement,
    LedgerState,
    Line,
    Logger,
    MovedOn,
    PartWord,
    ProductWord,
    Restriction,
    ZoneWord,
)
from api.gate.rules import CHECKS
from coldgate.model import Purpose
from coldgate.storage.documents import Demand
from coldgate.udi.standing import LineScans, Mismatch, ScanStanding

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW: Final = datetime(2026, 2, 27, 12, tzinfo=UTC)
TODAY: Final = NOW.date()
YESTERDAY: Final = TODAY - timedelta(days=1)
TOMORROW: Final = TODAY + timedelta(days=1)
_ARRIVAL: Final = NOW + timedelta(days=1)

LINE: Final = Line(
    position=1,
    product_id="vaccine",
    lot_number="A1",
    quantity=20,
    zone="main",
    serials=None,
    state="quarantined",
    registered=True,
    expires_on=TODAY + timedelta(days=30),
    min_days=29,
    agreement_id=1,
)
_RESTRICTION: Final = Restriction(
    id=1,
    kind="hold",
    product_id="vaccine",
    lot_number="A1",
    reference="",
    placed_by="maker",
    positions=(1,),
    homeward=False,
)
_ELSEWHERE: Final = Elsewhere(product_id="vaccine", lot_number="A1", consignment_id="earlier")
_DEMAND: Final = Demand(
    requirement_id=1,
    product_id="vaccine",
    lot_number="A1",
    carrier_id=None,
    kind="conformity",
    per="lot",
    purpose="both",
    signed=True,
    document_id=1,
    valid_until=TODAY,
    expired=False,
    digest_matches=True,
    signed_by="key",
    verified=True,
)
_CARRIER: Final = Carrier(
    carrier_id="truck", standing="approved", qualification_id=1, valid_until=TOMORROW
)
_LOGGER: Final = Logger(
    placement_id=1,
    logger_id=1,
    serial="LOG-1",
    zone="main",
    watches=True,
    admission_id=1,
    passed=True,
    kind="tested",
    calibrated=True,
)
JUDGEMENT: Final = Judgement(
    id=3,
    version=3,
    verdict="PASS",
    provisional=False,
    with_excursions=False,
    profile_id="USP_CCT_2_8",
    profile_version=1,
    reason_codes=(),
    zones={"main": ZoneWord(verdict="PASS", reason_codes=(), with_excursions=False, lots={})},
)
_AUDIT: Final = Audit(evaluation_id=3, messages=10, broken=0, unsigned=0)
_SCANNED: Final = tuple(
    LineScans(position=1, product="vaccine", lot="A1", purpose=purpose, required=True, scanned=True)
    for purpose in Purpose
)
CLEAN: Final = Facts(
    purpose=Purpose.RECEIPT_RELEASE,
    consignment="shipment",
    consignor_id="maker",
    consignee_id="hospital",
    carrier_ids=("truck",),
    release_policy="on_request",
    planned_arrival_at=_ARRIVAL,
    received_at=NOW,
    moved_on=None,
    profile_id="USP_CCT_2_8",
    profile_version=1,
    profile_from=TODAY,
    profile_until=TODAY,
    now=NOW,
    under_way=False,
    taken=(),
    permits=0,
    accepts_unsigned=False,
    unjudged=0,
    elsewhere=(),
    lines=(LINE,),
    restrictions=(),
    profiles=(ProductWord(product_id="vaccine", allowed=True),),
    demands=(_DEMAND,),
    carriers=(_CARRIER,),
    loggers=(_LOGGER,),
    scans=ScanStanding(lines=_SCANNED),
    judgement=JUDGEMENT,
    failures=(),
    audit=_AUDIT,
    ledger=LedgerState(verified_upto=100, broken=None),
    dispositions=(),
)


def clean(purpose: Purpose) -> Facts:
    """Facts that prove everything that ``purpose`` asks for."""
    return replace(CLEAN, purpose=purpose)


def judged(verdict: str, *codes: str, with_excursions: bool = False) -> Facts:
    """Clean facts but for what the judge said of the consignment and of its only zone."""
    zone = ZoneWord(verdict=verdict, reason_codes=codes, with_excursions=with_excursions, lots={})
    return _judgement(
        verdict=verdict, reason_codes=codes, with_excursions=with_excursions, zones={"main": zone}
    )


def judged_in_lot(verdict: str, *codes: str) -> Facts:
    """Clean facts but for what the judge said of the lot alone."""
    lot = PartWord(verdict=verdict, reason_codes=codes)
    zone = ZoneWord(
        verdict="PASS", reason_codes=(), with_excursions=False, lots={"vaccine A1": lot}
    )
    return _judgement(verdict=verdict, reason_codes=codes, zones={"main": zone})


def unzoned(verdict: str, *codes: str) -> Facts:
    """Clean facts but for what the judge said of the consignment, zones not told apart."""
    return _judgement(verdict=verdict, reason_codes=codes, zones=None)


def _judgement(**fields: Any) -> Facts:  # noqa: ANN401 - fields of a dataclass, checked by it
    return replace(CLEAN, judgement=replace(JUDGEMENT, **fields))


def _line(**fields: Any) -> Facts:  # noqa: ANN401 - as above
    return replace(CLEAN, lines=(replace(LINE, **fields),))


def _demand(**fields: Any) -> Facts:  # noqa: ANN401 - as above
    return replace(CLEAN, demands=(replace(_DEMAND, **fields),))


def _carrier(**fields: Any) -> Facts:  # noqa: ANN401 - as above
    return replace(CLEAN, carriers=(replace(_CARRIER, **fields),))


def _logger(**fields: Any) -> Facts:  # noqa: ANN401 - as above
    return replace(CLEAN, loggers=(replace(_LOGGER, **fields),))


def _restricted(kind: str) -> Facts:
    return replace(CLEAN, restrictions=(replace(_RESTRICTION, kind=kind),))


def _covered_late(facts: Facts) -> Facts:
    """With a signed release that knew an earlier evaluation, or was about another line."""
    stale = Disposition(id=1, positions=(1,), evaluation_id=2, approval_id=1)
    other = Disposition(id=2, positions=(2,), evaluation_id=3, approval_id=2)
    return replace(facts, dispositions=(stale, other))


def _log(code: str) -> tuple[Facts, ...]:
    return judged("HOLD", code), unzoned("HOLD", code), _covered_late(judged("HOLD", code))


_MISMATCH: Final = Mismatch(id=1, purpose=Purpose.DISPATCH, unreadable="no code", differences=())
_UNSCANNED: Final = tuple(replace(line, scanned=False) for line in _SCANNED)
_SIGNED: Final = replace(CLEAN, release_policy="signed")
_MOVED_ON: Final = replace(
    CLEAN, moved_on=MovedOn(kind="arrived", happened_at=NOW, ended_at=NOW - timedelta(hours=1))
)
_FAILED: Final = replace(JUDGEMENT, id=2, version=2, verdict="FAIL", zones=None)
_MENDED: Final = replace(CLEAN, failures=(_FAILED,))
_MENDED_IN_ZONE: Final = replace(
    CLEAN,
    failures=(
        replace(
            _FAILED,
            zones={
                "main": ZoneWord(verdict="FAIL", reason_codes=(), with_excursions=True, lots={})
            },
        ),
    ),
)

_OF_ANY_PURPOSE: Final[Mapping[str, tuple[Facts, ...]]] = {
    "LOT_UNKNOWN": (_line(registered=False, expires_on=None), replace(CLEAN, lines=())),
    "LOT_BLOCKED": (
        *(_restricted(kind) for kind in ("hold", "capa", "refusal", "unheard of")),
        replace(CLEAN, restrictions=(replace(_RESTRICTION, id=None),)),
    ),
    "RECALL_OPEN": (_restricted("recall"),),
    "LOT_EXPIRED": (_line(expires_on=YESTERDAY), _line(expires_on=None)),
    "SHELF_LIFE_SHORT": (
        _line(min_days=31),
        replace(CLEAN, lines=(LINE, replace(LINE, position=2, min_days=31))),
    ),
    "DOCUMENT_MISSING": (
        _demand(document_id=None),
        _demand(document_id=None, per="product", lot_number=None),
    ),
    "DOCUMENT_EXPIRED": (_demand(expired=True), _demand(expired=None)),
    "DOCUMENT_UNVERIFIED": (
        _demand(digest_matches=False, verified=False),
        _demand(digest_matches=None, verified=False),
        _demand(signed_by=None, verified=False),
        _demand(verified=False),
    ),
    "CARRIER_NOT_QUALIFIED": (
        replace(CLEAN, carriers=()),
        *(
            _carrier(standing=word)
            for word in ("none", "suspended", "withdrawn", "lapsed", "not_yet", "unheard of")
        ),
    ),
    "PROFILE_MISSING": (
        replace(CLEAN, profile_id=None, profile_version=None),
        replace(CLEAN, profile_until=YESTERDAY),
        replace(CLEAN, profile_from=TOMORROW),
        replace(CLEAN, profiles=()),
        replace(CLEAN, profiles=(ProductWord(product_id="vaccine", allowed=False),)),
    ),
    "LOGGER_MISSING": (replace(CLEAN, loggers=()), _logger(zone="other")),
    "LOGGER_NOT_ADMITTED": (
        _logger(passed=False),
        _logger(passed=False, admission_id=None, kind=None),
        replace(CLEAN, loggers=(_LOGGER, replace(_LOGGER, placement_id=2, passed=False))),
    ),
    "UDI_MISMATCH": (
        replace(CLEAN, scans=ScanStanding(mismatches=(_MISMATCH,), lines=_SCANNED)),
        replace(CLEAN, scans=ScanStanding(lines=_UNSCANNED)),
    ),
    "JUDGEMENT_PENDING": (
        replace(CLEAN, judgement=None),
        _judgement(provisional=True),
        _judgement(profile_version=2),
        _judgement(profile_id="OTHER"),
        replace(CLEAN, unjudged=1),
        replace(CLEAN, elsewhere=(_ELSEWHERE,)),
        replace(CLEAN, received_at=None),
    ),
    "LOG_INCOMPLETE": (
        *_log("LOG_INCOMPLETE"),
        *_log("LOW_COVERAGE"),
        *_log("NO_READINGS"),
        _MOVED_ON,
    ),
    "CLOCK_FAULT": (*_log("CLOCK_FAULT"), *_log("TIME_AMBIGUOUS")),
    "DATA_CONFLICT": _log("DATA_CONFLICT"),
    "EVIDENCE_BROKEN": (
        replace(CLEAN, ledger=None),
        replace(CLEAN, ledger=LedgerState(verified_upto=1, broken="entry 2 was changed")),
        replace(CLEAN, audit=None),
        replace(CLEAN, judgement=None),
        *(
            replace(CLEAN, audit=replace(_AUDIT, **wrong))
            for wrong in ({"evaluation_id": 2}, {"broken": 1}, {"unsigned": 1})
        ),
    ),
    "CONDITION_HOLD": (
        judged("HOLD", "RULE_UNDECIDED"),
        unzoned("HOLD", "RULE_UNDECIDED"),
        judged("PASS", "EXCURSION", with_excursions=True),
        judged("unheard of"),
        _covered_late(judged("HOLD", "RULE_UNDECIDED")),
        replace(CLEAN, judgement=None),
    ),
    "CONDITION_FAIL": (
        judged("FAIL", "RULE_VIOLATED"),
        unzoned("FAIL", "RULE_VIOLATED"),
        judged("unheard of"),
        _covered_late(judged("FAIL", "RULE_VIOLATED")),
    ),
    "BUDGET_EXHAUSTED": (
        judged_in_lot("FAIL", "BUDGET_EXCEEDED"),
        judged_in_lot("HOLD", "BUDGET_UNDECIDED"),
        unzoned("FAIL", "BUDGET_EXCEEDED"),
        replace(CLEAN, judgement=None),
    ),
    "SIGNATURE_MISSING": (
        _SIGNED,
        _covered_late(_SIGNED),
        replace(CLEAN, release_policy="unheard of"),
        _MENDED,
        _MENDED_IN_ZONE,
        _covered_late(_MENDED),
    ),
}
_OF_ONE_PURPOSE: Final[Mapping[tuple[str, Purpose], tuple[Facts, ...]]] = {
    ("SHELF_LIFE_SHORT", Purpose.DISPATCH): (
        _line(min_days=None, expires_on=TODAY),
        _line(min_days=30),
        replace(_line(min_days=31), planned_arrival_at=None),
    ),
    ("CARRIER_NOT_QUALIFIED", Purpose.DISPATCH): (
        _carrier(valid_until=TODAY),
        _carrier(valid_until=None),
    ),
    ("LOT_BLOCKED", Purpose.RECEIPT_RELEASE): (
        replace(CLEAN, restrictions=(replace(_RESTRICTION, kind="refusal", homeward=True),)),
    ),
    ("LOGGER_MISSING", Purpose.DISPATCH): (_logger(watches=False),),
    ("CONDITION_FAIL", Purpose.DISPATCH): (
        _judgement(verdict="FAIL", provisional=True, zones=None),
        replace(
            judged("FAIL", "RULE_VIOLATED"),
            dispositions=(Disposition(id=1, positions=(1,), evaluation_id=3, approval_id=1),),
        ),
    ),
    ("CONDITION_FAIL", Purpose.RECEIPT_RELEASE): (replace(CLEAN, judgement=None),),
    ("LOGGER_UNCALIBRATED", Purpose.DISPATCH): (_logger(calibrated=False),),
    ("LOGGER_UNCALIBRATED", Purpose.RECEIPT_RELEASE): _log("UNCALIBRATED"),
}
# Goods that a signature lets go, and that nothing else would.
COVERED: Final = tuple(
    replace(
        facts,
        dispositions=(Disposition(id=7, positions=(1,), evaluation_id=3, approval_id=7),),
    )
    for facts in (
        judged("FAIL", "RULE_VIOLATED"),
        judged("HOLD", "LOG_INCOMPLETE", "CLOCK_FAULT", "DATA_CONFLICT", "UNCALIBRATED"),
        judged_in_lot("FAIL", "BUDGET_EXCEEDED"),
        judged("PASS", "EXCURSION", with_excursions=True),
        _SIGNED,
        _MOVED_ON,
        _MENDED,
    )
)


def cases_of(code: str, purpose: Purpose) -> tuple[Facts, ...]:
    """Every way in which a code must block for a purpose; other codes may block as well."""
    found = (*_OF_ANY_PURPOSE.get(code, ()), *_OF_ONE_PURPOSE.get((code, purpose), ()))
    return tuple(replace(facts, purpose=purpose) for facts in found)


CASES: Final[Mapping[str, tuple[Facts, ...]]] = {
    check.code: tuple(
        facts
        for purpose in Purpose
        if purpose in check.purposes
        for facts in cases_of(check.code, purpose)
    )
    for check in CHECKS
}
