"""What a finding does to the verdict, by the rule's action and the goods (section 3, S23, S24)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, assert_never

from analytics.exposure import Finding
from analytics.profile import Action
from analytics.reference.answer import ReasonAnswer
from coldgate.model import Quantity, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analytics.case import Case
    from analytics.evaluation import ReasonCode
    from analytics.profile import Profile


class Weight(Enum):
    """How much a rule weighs for the goods of this case."""

    NOTE = "listed only"
    RECORD = "on record, excused by other rules"
    HOLD = "holds"
    FAIL = "fails"


def weight(action: Action, case: Case) -> Weight:
    """The weight of a rule with this action."""
    match action:
        case Action.NOTE:
            return Weight.NOTE
        case Action.EXCURSION:
            return Weight.RECORD
        case Action.HOLD:
            return Weight.HOLD
        case Action.FAIL | Action.FAIL_UNLESS_MFR:
            return Weight.FAIL
        case Action.FAIL_IF_FREEZE_SENSITIVE:
            return Weight.FAIL if case.freeze_sensitive else Weight.RECORD
        case Action.HOLD_IF_SHOCK_SENSITIVE:
            return Weight.HOLD if case.shock_sensitive else Weight.NOTE
        case _:
            assert_never(action)


def verdict_of(weighs: Weight, finding: Finding) -> Verdict:
    """The best verdict that the finding allows (S28)."""
    if finding is Finding.SATISFIED or weighs in (Weight.NOTE, Weight.RECORD):
        return Verdict.PASS
    is_failed = weighs is Weight.FAIL and finding is Finding.VIOLATED
    return Verdict.FAIL if is_failed else Verdict.HOLD


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """FAIL before HOLD before PASS; PASS of none (S30)."""
    given = set(verdicts)
    if Verdict.FAIL in given:
        return Verdict.FAIL
    return Verdict.HOLD if Verdict.HOLD in given else Verdict.PASS


def demanded(profile: Profile, case: Case) -> list[Quantity]:
    """What has to be measured: whatever rules, MKT or stability budget speak of (section 3)."""
    ruled = {r.quantity for r in profile.rules if weight(r.action, case) is not Weight.NOTE}
    has_limit = profile.kinetic is not None and profile.kinetic.limit is not None
    if has_limit or profile.stability is not None:
        ruled.add(Quantity.TEMPERATURE)
    return sorted(ruled)


def reason(
    code: ReasonCode,
    verdict: Verdict = Verdict.HOLD,
    *,
    rule: str | None = None,
    channel: str | None = None,
) -> ReasonAnswer:
    """A reason as it is compared; by default one that holds."""
    return ReasonAnswer(code=code.value, rule=rule, channel=channel, verdict=verdict.value)
