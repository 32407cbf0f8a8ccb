"""The gate's rules, pure: facts in, a decision with every check out.

The way through is an allow-list. A check passes when the facts prove it; a missing row, a word
nobody knows or an exception holds the goods, with the reason.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from api.gate import rules_condition, rules_evidence, rules_goods, rules_journey
from api.gate.rules_finding import Finding, held
from coldgate.errors import ConflictError
from coldgate.model import LineState, Purpose, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from api.gate.facts import Disposition, Facts, Line
    from api.gate.rules_finding import Check
    from coldgate.storage.gate import Judgement

logger = logging.getLogger(__name__)

# In order of dependence: the first that blocks is the cause that a deviation names.
CHECKS: Final = (
    *rules_goods.CHECKS,
    *rules_journey.CHECKS,
    rules_goods.LABELS,
    rules_condition.JUDGED,
    *rules_condition.RELIABLE,
    rules_evidence.EVIDENCE,
    *rules_condition.KEPT,
)
# Lines in any other state cannot take the step that the purpose asks for. Those that took it take
# none again: they are examined anew for whoever asks once more, because a permit was lost.
MOVABLE: Final = {
    Purpose.DISPATCH: frozenset({LineState.PLANNED, LineState.IN_TRANSIT}),
    Purpose.RECEIPT_RELEASE: frozenset(
        {LineState.IN_TRANSIT, LineState.QUARANTINED, LineState.REVOKED, LineState.RELEASED}
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A check that was made."""

    code: str
    finding: Finding

    def as_json(self) -> dict[str, object]:
        """The form that is recorded and answered."""
        return {
            "code": self.code,
            "verdict": self.finding.verdict.value,
            "reason": self.finding.reason,
            "facts": dict(self.finding.facts),
            "links": list(self.finding.links),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The gate's answer: open on PASS of all checks only."""

    purpose: Purpose
    results: tuple[Result, ...]
    blocking: tuple[Result, ...] = field(init=False)  # those that did not pass, most basic first

    def __post_init__(self) -> None:
        found = (item for item in self.results if item.finding.verdict is not Verdict.PASS)
        object.__setattr__(self, "blocking", tuple(found))

    @property
    def verdict(self) -> Verdict:
        """The worst finding; HOLD where nothing was checked, for that proves nothing."""
        if self.permitted:
            return Verdict.PASS
        verdicts = (result.finding.verdict for result in self.blocking)
        return max(verdicts, key=lambda verdict: verdict.rank, default=Verdict.HOLD)

    @property
    def permitted(self) -> bool:
        """Whether the goods may take the step that was asked for."""
        return bool(self.results) and not self.blocking


def decide(purpose: Purpose, facts: Facts) -> Decision:
    """Make every check that counts for ``purpose``."""
    results = tuple(
        Result(code=check.code, finding=_examine(check, facts))
        for check in CHECKS
        if purpose in check.purposes
    )
    return Decision(purpose=purpose, results=results)


def decide_each(purpose: Purpose, facts: Facts) -> dict[int, Decision]:
    """The decision about each line by itself, by its position."""
    return {line.position: decide(purpose, facts.about([line])) for line in facts.lines}


def movable(purpose: Purpose, lines: Iterable[Line]) -> tuple[Line, ...]:
    """Those of the lines that are in a state from which the step can be taken, or was."""
    return tuple(line for line in lines if _can_take(purpose, line))


def require_movable(purpose: Purpose, lines: tuple[Line, ...]) -> None:
    """Return if every line is in a state from which the step can be taken, or was."""
    stuck = [
        f"line {line.position} is {line.state}" for line in lines if not _can_take(purpose, line)
    ]
    if stuck:
        raise ConflictError("ILLEGAL_TRANSITION", f"no {purpose.value} now: {', '.join(stuck)}")


def _can_take(purpose: Purpose, line: Line) -> bool:
    return any(line.state == state.value for state in MOVABLE[purpose])


def require_on_time(facts: Facts) -> None:
    """Return unless goods would leave a journey that has begun, or come from one that has not."""
    if facts.purpose is not Purpose.DISPATCH:
        _require_departed(facts)
        return
    if facts.received_at is not None:  # of what leaves now nothing would be judged
        raise ConflictError("ALREADY_RECEIVED", "the journey is over; plan another consignment")
    if facts.under_way:  # with or without these lines: who was left behind was not watched there
        words = "the journey has begun by what was told; plan another consignment for what is left"
        raise ConflictError("ALREADY_DEPARTED", words)


def _require_departed(facts: Facts) -> None:
    """Return unless asking would take goods to quarantine that are at the dock, with a permit."""
    going = [line for line in facts.lines if line.state == LineState.IN_TRANSIT.value]
    if going and not facts.under_way:
        words = "nobody told that the goods left, nor that they came; tell it, and ask then"
        raise ConflictError("NOT_DEPARTED", words)


def require_unused(facts: Facts, lines: tuple[Line, ...]) -> None:
    """Return if a permit has something to name: units that came and that none let pass yet."""
    if lines and not any(facts.left(line) for line in lines):
        words = "no unit is left: each passed by a permit that was used, or was never let go"
        raise ConflictError("PERMIT_USED", words)


def condition_cause(judgement: Judgement) -> str | None:
    """The condition code by which the gate refuses this judgement; None for a clean PASS."""
    if judgement.verdict == Verdict.FAIL.value:
        return "CONDITION_FAIL"
    clean = judgement.verdict == Verdict.PASS.value and not judgement.with_excursions
    return None if clean else "CONDITION_HOLD"


def _examine(check: Check, facts: Facts) -> Finding:
    """What the check finds; no signature covers a check that could not be made."""
    try:
        finding = check.examine(facts)
        if finding.verdict is Verdict.PASS or not check.coverable:
            return finding
        return _beyond_cover(check, facts, finding)
    except rules_condition.UnknownWordError as error:
        return held(str(error))
    except Exception as error:  # allow-list: a check that cannot be made holds the goods
        logger.exception("gate check failed", extra={"check": check.code})
        return held(f"the check could not be made: {error}")


def _beyond_cover(check: Check, facts: Facts, finding: Finding) -> Finding:
    """What is left of a finding beside the lines whose release QA signed, knowing it."""
    covers = {line: cover for line in facts.lines if (cover := facts.cover(line)) is not None}
    if not covers:
        return finding
    left = [line for line in facts.lines if line not in covers]
    if left:
        return check.examine(facts.about(left))
    return _covered(facts, finding, sorted(covers.values(), key=lambda cover: cover.id))


def _covered(facts: Facts, finding: Finding, covers: list[Disposition]) -> Finding:
    links = dict.fromkeys(
        f"/v1/consignments/{facts.consignment}/dispositions/{cover.id}" for cover in covers
    )
    return Finding(
        verdict=Verdict.PASS,
        reason=f"release signed in spite of it: {finding.reason}",
        facts={**finding.facts, "dispositions": sorted({cover.id for cover in covers})},
        links=(*finding.links, *links),
    )
