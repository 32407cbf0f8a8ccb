"""Proof, made at every start, that each check blocks and that clean goods pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from api.gate.rules import CHECKS, Facts, decide
from coldgate.errors import ColdgateError
from coldgate.model import LineState, Purpose
from coldgate.storage.consignments import ProfileKey
from coldgate.storage.gate import Circumstances, GateLine, Judgement

TODAY: Final = date(2026, 2, 28)
_LINE: Final = GateLine(
    position=1,
    product_id="vaccine",
    lot_number="A1",
    zone="main",
    state=LineState.QUARANTINED.value,
    registered=True,
    expires_on=TODAY,
)
_JUDGEMENT: Final = Judgement(
    id=1,
    version=3,
    verdict="PASS",
    provisional=False,
    with_excursions=False,
    profile_id="USP_CCT_2_8",
    profile_version=1,
)
_YESTERDAY: Final = TODAY - timedelta(days=1)
_TOMORROW: Final = TODAY + timedelta(days=1)
_CIRCUMSTANCES: Final = Circumstances(
    today=TODAY,
    logged_zones=["main"],
    unjudged=0,
    received=True,
    profile_from=TODAY,
    profile_until=TODAY,
)
CLEAN: Final = Facts(
    lines=(_LINE,),
    profile=ProfileKey(id="USP_CCT_2_8", version=1),
    judgement=_JUDGEMENT,
    circumstances=_CIRCUMSTANCES,
)
CASES: Final = {
    "LOT_UNKNOWN": (replace(CLEAN, lines=(replace(_LINE, registered=False, expires_on=None),)),),
    "LOT_EXPIRED": (replace(CLEAN, lines=(replace(_LINE, expires_on=_YESTERDAY),)),),
    "PROFILE_MISSING": (
        replace(CLEAN, profile=None),
        replace(CLEAN, circumstances=replace(_CIRCUMSTANCES, profile_until=_YESTERDAY)),
        replace(CLEAN, circumstances=replace(_CIRCUMSTANCES, profile_from=_TOMORROW)),
    ),
    "LOGGER_MISSING": (
        replace(CLEAN, circumstances=replace(_CIRCUMSTANCES, logged_zones=["other"])),
    ),
    "JUDGEMENT_PENDING": (
        replace(CLEAN, judgement=None),
        replace(CLEAN, judgement=replace(_JUDGEMENT, provisional=True)),
        replace(CLEAN, judgement=replace(_JUDGEMENT, profile_version=2)),
        replace(CLEAN, circumstances=replace(_CIRCUMSTANCES, unjudged=1)),
        replace(CLEAN, circumstances=replace(_CIRCUMSTANCES, received=False)),
    ),
    "CONDITION_HOLD": (
        replace(CLEAN, judgement=replace(_JUDGEMENT, verdict="HOLD")),
        replace(CLEAN, judgement=replace(_JUDGEMENT, with_excursions=True)),
    ),
    "CONDITION_FAIL": (replace(CLEAN, judgement=replace(_JUDGEMENT, verdict="FAIL")),),
}


class SelfTestError(ColdgateError):
    """The gate does not do what it promises; the process must not answer for it."""


def prove_gate() -> None:
    """Return if every check blocks each of its cases, and clean goods pass."""
    for purpose in Purpose:
        if not decide(purpose, CLEAN).permitted:
            raise SelfTestError(f"gate self-test: clean goods are refused {purpose.value}")
    for check in CHECKS:
        cases = CASES.get(check.code, ())
        if not cases:
            raise SelfTestError(f"gate self-test: no case for {check.code}")
        for purpose in check.purposes:
            if not all(_blocks(check.code, purpose, case) for case in cases):
                raise SelfTestError(f"gate self-test: {check.code} lets goods pass")


def _blocks(code: str, purpose: Purpose, facts: Facts) -> bool:
    decision = decide(purpose, facts)
    return not decision.permitted and code in {result.code for result in decision.blocking}
