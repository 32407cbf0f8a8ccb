"""What the reference judge answers: the fields of an evaluation by their names, figures exact.

Fractions and Decimals stand where an evaluation shows six decimals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal
    from fractions import Fraction

    from analytics.case import Role
    from analytics.exposure import Finding
    from analytics.profile import Action, Decision
    from analytics.reference.observation import Clock
    from analytics.reference.spans import Span
    from coldgate.model import Quantity, Verdict

    Exact = Fraction | Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Extreme:
    """The lowest or highest value and the first time that it was read."""

    milli: int
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """A channel's figures over its window (S25)."""

    n: int
    expected: int | None
    missing: int | None
    invalid: int
    tests: int
    conflicts: int
    covered_ms: int
    due_ms: int
    coverage_permille: int | None
    lowest: Extreme | None
    highest: Extreme | None
    mean: Exact | None
    deviation: Exact | None
    mkt: Exact | None
    has_bounds: bool
    gaps: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleAnswer:
    """One rule on one channel (S18, S28)."""

    rule: str
    action: Action
    decision: Decision
    optimistic_limit_milli: int
    pessimistic_limit_milli: int
    finding: Finding
    measured_ms: int
    optimistic_ms: int
    pessimistic_ms: int
    budget_ms: int | None
    first_trigger_ms: int | None
    events: int
    mean: Exact | None
    alarms: tuple[Span, ...]
    records_only: bool
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class KineticAnswer:
    """The MKT limit on one channel, with the window whose MKT is the highest (S26)."""

    limit_milli: int
    finding: Finding
    windows: int
    mkt: Exact | None
    start_ms: int | None
    end_ms: int | None
    short: bool
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Excursion:
    """One event beyond a limit, under the first rule that has this limit."""

    rule: str
    channel: str
    action: Action
    start_ms: int
    end_ms: int
    lower_bound: str
    upper_bound: str
    lin_ms: int
    hold_ms: int
    upper_ms: int
    readings: int
    peak_milli: int
    peak_at_ms: int
    area2: int
    provisional: bool
    door: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """How the recording interval was kept (section 5)."""

    standard: str
    limit_ms: int
    segments: int
    late: int
    worst_ms: int | None
    compliant_permille: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flagged:
    """Instants that look suspicious, the first hundred of them, and how many there are."""

    count: int
    at_ms: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelAnswer:
    """One channel: where it was, what it saw, how each rule judged it."""

    channel: str
    quantity: Quantity
    zone: str | None
    role: Role
    begin_ms: int | None
    end_ms: int | None
    interval_ms: int | None
    bridge_ms: int
    clock: Clock
    uncertainty_milli: int
    certificates: tuple[str, ...]
    uncalibrated: int
    statistics: Statistics
    recording: Recording | None
    spikes: Flagged
    changes: Flagged
    rules: tuple[RuleAnswer, ...]
    kinetic: KineticAnswer | None
    verdict: Verdict
    readings_digest: str


@dataclass(frozen=True, slots=True, order=True)
class Near:
    """A whole number whose last digits hang on the rounding of exponentials."""

    whole: int
    give: int = 0

    def __add__(self, other: Near) -> Near:
        return Near(self.whole + other.whole, self.give + other.give)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of a stability budget in billionths, at best, as read and at worst (4.1)."""

    optimistic_ppb: Near
    measured_ppb: Near
    pessimistic_ppb: Near


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetAnswer:
    """The stability budget of one lot: spent before, spent here, together (4.1, S36)."""

    key: str
    zone: str
    spent: Share
    here: Share
    total: Share
    finding: Finding
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatsAnswer:
    """How many excursions there are here, and consignments with some on the lane before (S32)."""

    here: int
    earlier: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonAnswer:
    """Why the verdict is no plain PASS; what it says in words is not compared."""

    code: str
    rule: str | None
    channel: str | None
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The answer of the reference judge to one case under one profile."""

    verdict: Verdict
    provisional: bool
    with_excursions: bool
    severity: str
    reasons: tuple[ReasonAnswer, ...]
    channels: tuple[ChannelAnswer, ...]
    excursions: tuple[Excursion, ...]
    budgets: tuple[BudgetAnswer, ...]
    repeats: RepeatsAnswer
