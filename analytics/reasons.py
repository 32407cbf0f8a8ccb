"""Reasons in words: what was exceeded, where, when and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from analytics.evaluation import Reason, ReasonCode
from analytics.exposure import Finding
from analytics.limits import Side
from analytics.profile import Mode, Trigger, decimal_text
from coldgate.instant import from_epoch_ms
from coldgate.model import Quantity, Verdict

if TYPE_CHECKING:
    from analytics.evaluation import BudgetResult, KineticResult, RuleResult
    from analytics.intervals import Intervals
    from analytics.limits import Limit
    from analytics.profile import Rule

PARTS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"), (1, "ms"))
SHOWN_PARTS: Final = 2
TEN_BUDGETS_PPB: Final = 10 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Spots:
    """Where to look for what decided a rule: the decisive runs, and the gaps nobody closes."""

    runs: Intervals
    gaps: Intervals
    uncertainty_milli: int


def of_rule(rule: Rule, result: RuleResult, channel: str, spots: Spots) -> Reason:
    """Why ``result`` is not a plain PASS."""
    violated = result.finding is Finding.VIOLATED
    spot = _event(rule, spots.runs) if violated else _doubt(rule, spots)
    sentence = _violation(rule, result) if violated else _question(rule, result, spots)
    return Reason(
        code=_code(result.finding, records_only=result.records_only),
        verdict=result.verdict,
        text=f"{channel}: {sentence}{_when(spot)}",
        rule=rule.id,
        channel=channel,
        start_ms=spot[0] if spot else None,
        end_ms=spot[1] if spot else None,
        optimistic_ms=result.optimistic_ms,
        pessimistic_ms=result.pessimistic_ms,
        budget_ms=rule.budget_ms,
    )


def of_budget(result: BudgetResult) -> Reason | None:
    """Why a lot's stability budget is no plain PASS; None where enough of it is left."""
    if result.finding is Finding.SATISFIED:
        return None
    violated = result.finding is Finding.VIOLATED
    low, high = (_percent(result.total.optimistic_ppb), _percent(result.total.pessimistic_ppb))
    share = f"at least {low} %" if violated else f"{low} to {high} %"
    claim = "is spent" if violated else "may be spent"
    return Reason(
        code=ReasonCode.BUDGET_EXCEEDED if violated else ReasonCode.BUDGET_UNDECIDED,
        verdict=result.verdict,
        text=f"lot {result.key}: the stability budget {claim}: {share} of it is used",
    )


def _percent(ppb: int) -> str:
    return "more than 1000" if ppb > TEN_BUDGETS_PPB else f"{ppb / 10**7:.1f}"


def of_mkt(result: KineticResult, channel: str, gaps: Intervals) -> Reason | None:
    """Why the mean kinetic temperature is no plain PASS; None where it is within its limit."""
    if result.finding is Finding.SATISFIED:
        return None
    violated = result.finding is Finding.VIOLATED
    limit = f"{decimal_text(result.limit_milli)} {Quantity.TEMPERATURE.unit}"
    known = "unknown" if result.mkt is None else f"{result.mkt:.2f} {Quantity.TEMPERATURE.unit}"
    spot = _longest(gaps) if not violated and len(gaps) else None
    if spot is None and result.start_ms is not None and result.end_ms is not None:
        spot = (result.start_ms, result.end_ms)
    claim = f"is above {limit}" if violated else f"is not proven to stay within {limit}"
    return Reason(
        code=ReasonCode.MKT_EXCEEDED if violated else ReasonCode.MKT_UNDECIDED,
        verdict=result.verdict,
        text=f"{channel}: the mean kinetic temperature ({known}) {claim}{_when(spot)}",
        rule="MKT",
        channel=channel,
        start_ms=spot[0] if spot else None,
        end_ms=spot[1] if spot else None,
    )


def hold(
    code: ReasonCode, text: str, channel: str | None = None, spot: tuple[int, int] | None = None
) -> Reason:
    """A reason that allows no better verdict than HOLD."""
    return Reason(
        code=code,
        verdict=Verdict.HOLD,
        text=f"{channel}: {text}{_when(spot)}" if channel else f"{text}{_when(spot)}",
        channel=channel,
        start_ms=spot[0] if spot else None,
        end_ms=spot[1] if spot else None,
    )


def duration_words(duration_ms: int) -> str:
    """A duration in its two largest units, rounded down, such as ``25 h 3 min``."""
    amounts = [duration_ms // PARTS[0][0]]
    amounts += [duration_ms % larger // size for (larger, _), (size, _) in pairwise(PARTS)]
    named = [(amount, unit) for amount, (_, unit) in zip(amounts, PARTS, strict=True)]
    leading = next((index for index, amount in enumerate(amounts) if amount), len(PARTS))
    shown = [f"{amount} {unit}" for amount, unit in named[leading:][:SHOWN_PARTS] if amount]
    return " ".join(shown) or "0 min"


def instant_words(instant_ms: int) -> str:
    """An instant in UTC to the second; far outside the calendar, its number of ms."""
    try:
        return f"{from_epoch_ms(instant_ms):%Y-%m-%d %H:%M:%S}Z"
    except OverflowError:
        return f"{instant_ms} ms"


def limit_words(limit: Limit, quantity: Quantity) -> str:
    """A limit as people say it, such as ``above 8.0 °C``."""
    value = f"{decimal_text(limit.milli)} {quantity.unit}"
    if limit.side is Side.HIGH:
        return f"at or above {value}" if limit.inclusive else f"above {value}"
    return f"at or below {value}" if limit.inclusive else f"below {value}"


def _code(finding: Finding, *, records_only: bool) -> ReasonCode:
    violated = finding is Finding.VIOLATED
    if records_only:
        return ReasonCode.EXCURSION if violated else ReasonCode.EXCURSION_POSSIBLE
    return ReasonCode.RULE_VIOLATED if violated else ReasonCode.RULE_UNDECIDED


def _violation(rule: Rule, result: RuleResult) -> str:
    place = limit_words(rule.limit, rule.quantity)
    if rule.mode is Mode.MEAN:
        return f"the mean of {_mean_words(result, rule)} is {place}"
    if rule.budget_ms is None:
        return f"{place} for {duration_words(result.measured_ms)}"
    how = "in all" if rule.mode is Mode.CUMULATIVE else "without a break"
    measured = duration_words(result.measured_ms)
    return f"{place} for {measured} {how}; {_allowance(rule.budget_ms, rule)}"


def _question(rule: Rule, result: RuleResult, spots: Spots) -> str:
    place, cause = limit_words(rule.limit, rule.quantity), _cause(rule, result, spots)
    if rule.mode is Mode.MEAN:
        return f"the mean of {_mean_words(result, rule)} is not proven not to be {place}; {cause}"
    if rule.budget_ms is None:
        return f"not proven never to have been {place}; {cause}"
    low, high = duration_words(result.optimistic_ms), duration_words(result.pessimistic_ms)
    return f"{place} for {low} to {high}; {_allowance(rule.budget_ms, rule)}; {cause}"


def _cause(rule: Rule, result: RuleResult, spots: Spots) -> str:
    if len(spots.gaps):
        return "readings are missing"
    if result.pessimistic_limit_milli != rule.limit.milli:
        uncertainty = decimal_text(spots.uncertainty_milli)
        return f"nearer to the limit than the uncertainty of {uncertainty} {rule.quantity.unit}"
    return "the bounds do not decide it"


def _mean_words(result: RuleResult, rule: Rule) -> str:
    return "no readings" if result.mean is None else f"{result.mean:.2f} {rule.quantity.unit}"


def _allowance(budget_ms: int, rule: Rule) -> str:
    most = "at most" if rule.trigger is Trigger.OVER else "less than"
    return f"{most} {duration_words(budget_ms)} is allowed"


def _event(rule: Rule, runs: Intervals) -> tuple[int, int] | None:
    """The time that decides the rule: all runs, or the longest one."""
    if not len(runs):
        return None
    if rule.mode is Mode.CUMULATIVE:
        return int(runs.start[0]), int(runs.end[-1])
    return _longest(runs)


def _doubt(rule: Rule, spots: Spots) -> tuple[int, int] | None:
    """The longest gap, else the run that the bounds leave open."""
    return _longest(spots.gaps) if len(spots.gaps) else _event(rule, spots.runs)


def _longest(gaps: Intervals) -> tuple[int, int]:
    worst = int(np.argmax(gaps.end - gaps.start))
    return int(gaps.start[worst]), int(gaps.end[worst])


def _when(spot: tuple[int, int] | None) -> str:
    if spot is None:
        return ""
    return f" ({instant_words(spot[0])} to {instant_words(spot[1])})"
