"""The gate's rules, pure: facts in, a decision with every check out.

The way through is an allow-list. A check passes when the facts prove it; a missing row, a word
nobody knows or an exception holds the goods, with the reason.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from coldgate.errors import ConflictError
from coldgate.model import LineState, Purpose, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from coldgate.storage.consignments import ProfileKey
    from coldgate.storage.gate import Circumstances, GateLine, Judgement

logger = logging.getLogger(__name__)

BOTH: Final = frozenset(Purpose)
RECEIPT: Final = frozenset({Purpose.RECEIPT_RELEASE})
# Lines in any other state cannot take the step that the purpose asks for.
MOVABLE: Final = {
    Purpose.DISPATCH: frozenset({LineState.PLANNED}),
    Purpose.RECEIPT_RELEASE: frozenset(
        {LineState.IN_TRANSIT, LineState.QUARANTINED, LineState.REVOKED}
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that a decision is made from, read under the consignment's lock."""

    lines: tuple[GateLine, ...]
    profile: ProfileKey | None
    judgement: Judgement | None
    circumstances: Circumstances


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found; ``facts`` are plain JSON values."""

    verdict: Verdict
    reason: str
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One reason for which goods may be blocked, and the purposes it counts for."""

    code: str
    purposes: frozenset[Purpose]
    examine: Callable[[Facts], Finding]


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
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The gate's answer: open on PASS of all checks only."""

    purpose: Purpose
    results: tuple[Result, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst finding; HOLD where nothing was checked, for that proves nothing."""
        verdicts = [result.finding.verdict for result in self.results]
        return max(verdicts, key=lambda verdict: verdict.rank, default=Verdict.HOLD)

    @property
    def permitted(self) -> bool:
        """Whether the goods may take the step that was asked for."""
        return bool(self.results) and all(
            result.finding.verdict is Verdict.PASS for result in self.results
        )

    @property
    def blocking(self) -> tuple[Result, ...]:
        """The checks that did not pass, most basic first."""
        return tuple(item for item in self.results if item.finding.verdict is not Verdict.PASS)


def decide(purpose: Purpose, facts: Facts) -> Decision:
    """Make every check that counts for ``purpose``."""
    checks = [check for check in CHECKS if purpose in check.purposes]
    results = tuple(Result(code=check.code, finding=_examine(check, facts)) for check in checks)
    return Decision(purpose=purpose, results=results)


def require_movable(purpose: Purpose, lines: tuple[GateLine, ...]) -> None:
    """Return if every line is in a state from which the step can be taken."""
    movable = {state.value for state in MOVABLE[purpose]}
    stuck = [f"line {line.position} is {line.state}" for line in lines if line.state not in movable]
    if stuck:
        raise ConflictError("ILLEGAL_TRANSITION", f"no {purpose.value} now: {', '.join(stuck)}")


def require_on_time(purpose: Purpose, *, received: bool) -> None:
    """Return unless goods would leave on a journey that is over, of which nothing is judged."""
    if purpose is Purpose.DISPATCH and received:
        raise ConflictError("ALREADY_RECEIVED", "the journey is over; plan another consignment")


def condition_cause(judgement: Judgement) -> str | None:
    """The condition code by which the gate refuses this judgement; None for a clean PASS."""
    if judgement.verdict == Verdict.FAIL.value:
        return "CONDITION_FAIL"
    clean = judgement.verdict == Verdict.PASS.value and not judgement.with_excursions
    return None if clean else "CONDITION_HOLD"


def _examine(check: Check, facts: Facts) -> Finding:
    try:
        return check.examine(facts)
    except Exception as error:  # allow-list: a check that cannot be made holds the goods
        logger.exception("gate check failed", extra={"check": check.code})
        reason = f"the check could not be made: {error}"
        return Finding(verdict=Verdict.HOLD, reason=reason, facts={})


def _passed(reason: str, **facts: object) -> Finding:
    return Finding(verdict=Verdict.PASS, reason=reason, facts=facts)


def _held(reason: str, **facts: object) -> Finding:
    return Finding(verdict=Verdict.HOLD, reason=reason, facts=facts)


def _failed(reason: str, **facts: object) -> Finding:
    return Finding(verdict=Verdict.FAIL, reason=reason, facts=facts)


def _lot(line: GateLine) -> str:
    return f"{line.product_id}/{line.lot_number}"


def _lot_known(facts: Facts) -> Finding:
    unknown = [_lot(line) for line in facts.lines if not line.registered]
    if unknown or not facts.lines:
        return _held("lots that are not registered", lots=unknown)
    return _passed("every lot is registered", lots=[_lot(line) for line in facts.lines])


def _lot_in_date(facts: Facts) -> Finding:
    today = facts.circumstances.today
    undated = [_lot(line) for line in facts.lines if line.expires_on is None]
    expired = [
        {"lot": _lot(line), "expires_on": line.expires_on.isoformat()}
        for line in facts.lines
        if line.expires_on is not None and line.expires_on < today
    ]
    if expired:
        return _failed("lots past their last day of use", today=today.isoformat(), lots=expired)
    if undated or not facts.lines:
        return _held("lots whose expiry is not known", lots=undated)
    return _passed("every lot is in date", today=today.isoformat())


def _profile_chosen(facts: Facts) -> Finding:
    if facts.profile is None:
        return _held("no profile says how these goods are judged")
    named: dict[str, object] = {"id": facts.profile.id, "version": facts.profile.version}
    first, last = facts.circumstances.profile_from, facts.circumstances.profile_until
    if first is not None and facts.circumstances.today < first:
        return _held("the profile is not in force yet", **named, valid_from=first.isoformat())
    if last is not None and facts.circumstances.today > last:
        return _held("the profile is no longer in force", **named, valid_until=last.isoformat())
    return _passed("profile chosen", **named)


def _zones_logged(facts: Facts) -> Finding:
    zones = {line.zone for line in facts.lines}
    bare = sorted(zones - set(facts.circumstances.logged_zones))
    if bare or not zones:
        return _held("zones without a logger", zones=bare)
    return _passed("every zone has a logger", zones=sorted(zones))


def _judged(facts: Facts) -> Finding:
    judgement, unjudged = facts.judgement, facts.circumstances.unjudged
    if not facts.circumstances.received:
        return _held("the goods are not received: their journey has no end yet")
    if judgement is None:
        return _held("there is no evaluation yet")
    if unjudged:
        return _held("committed facts are not judged yet", waiting=unjudged)
    if judgement.provisional:
        return _held("the newest evaluation is provisional", evaluation=judgement.version)
    if facts.profile is None or (judgement.profile_id, judgement.profile_version) != (
        facts.profile.id,
        facts.profile.version,
    ):
        return _held("judged by another profile", evaluation=judgement.version)
    return _passed("everything committed is judged", evaluation=judgement.version)


def _condition_clear(facts: Facts) -> Finding:
    if facts.judgement is None:
        return _held("there is no evaluation yet")
    judgement, version = facts.judgement, facts.judgement.version
    verdict = Verdict(judgement.verdict)  # a word nobody knows raises, and so holds
    if verdict is Verdict.HOLD:
        return _held("the evidence leaves it open", evaluation=version)
    if judgement.with_excursions:  # section 3: never released without a signature of QA
        return _held("excursions need a signature of QA", evaluation=version)
    return _passed("the evidence leaves nothing open", evaluation=version, verdict=verdict.value)


def _condition_kept(facts: Facts) -> Finding:
    if facts.judgement is None:
        return _held("there is no evaluation yet")
    version, verdict = facts.judgement.version, Verdict(facts.judgement.verdict)
    if verdict is Verdict.FAIL:
        return _failed("the conditions were not kept", evaluation=version)
    return _passed("no condition is proven broken", evaluation=version, verdict=verdict.value)


# In order of dependence: the first that blocks is the cause that a deviation names.
CHECKS: Final = (
    Check(code="LOT_UNKNOWN", purposes=BOTH, examine=_lot_known),
    Check(code="LOT_EXPIRED", purposes=BOTH, examine=_lot_in_date),
    Check(code="PROFILE_MISSING", purposes=BOTH, examine=_profile_chosen),
    Check(code="LOGGER_MISSING", purposes=BOTH, examine=_zones_logged),
    Check(code="JUDGEMENT_PENDING", purposes=RECEIPT, examine=_judged),
    Check(code="CONDITION_HOLD", purposes=RECEIPT, examine=_condition_clear),
    Check(code="CONDITION_FAIL", purposes=RECEIPT, examine=_condition_kept),
)
