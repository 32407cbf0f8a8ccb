"""A profile: the versioned rule set that a consignment is judged by, frozen at dispatch."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from analytics.kernel import Side
from coldgate.model import Quantity

if TYPE_CHECKING:
    from analytics.kernel import Limit
    from analytics.readings import Label
    from analytics.windows import KineticLimit

    Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]

SYMBOLS: Final = {
    Quantity.TEMPERATURE: "T",
    Quantity.HUMIDITY: "RH",
    Quantity.LIGHT: "LUX",
    Quantity.DOOR: "DOOR",
    Quantity.SHOCK: "G",
}
UNITS_MS: Final = {"h": 3_600_000, "min": 60_000, "s": 1000, "ms": 1}


class Mode(Enum):
    """How the events of a rule become one exposure (S18)."""

    SINGLE = "single"  # the longest event
    CUMULATIVE = "cumulative"  # all events together
    INSTANT = "instant"  # any event at all


class Trigger(Enum):
    """When an exposure is too long (S18)."""

    AT = "at"  # an alarm: once it reaches the budget
    OVER = "over"  # a "not more than": once it exceeds the budget


class Action(Enum):
    """What a violated rule does to the verdict (section 3)."""

    EXCURSION = "EXCURSION"
    HOLD = "HOLD"
    FAIL = "FAIL"
    FAIL_UNLESS_MFR = "FAIL_UNLESS_MFR"
    FAIL_IF_FREEZE_SENSITIVE = "FAIL_IF_FREEZE_SENSITIVE"


class Measure(Enum):
    """Which duration of an event counts (S16)."""

    LIN = "lin"
    HOLD = "hold"
    UPPER = "upper"


class Decision(Enum):
    """How measurement uncertainty enters the verdict (S27)."""

    SIMPLE = "simple"  # it does not: U = 0, only gaps leave a question open


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One limit with its budget and what follows when it is violated (S12).

    ``budget_ms`` is None where the existence of an event decides.
    """

    id: str
    quantity: Quantity
    limit: Limit
    mode: Mode
    budget_ms: int | None
    trigger: Trigger
    action: Action

    @property
    def when(self) -> str:
        """The condition as it stands in a profile, such as ``T > 8.0``."""
        sign = ">" if self.limit.side is Side.HIGH else "<"
        equal = "=" if self.limit.inclusive else ""
        return f"{SYMBOLS[self.quantity]} {sign}{equal} {decimal_text(self.limit.milli)}"

    def as_json(self) -> dict[str, Json]:
        """The rule as a profile file has it."""
        return {
            "id": self.id,
            "when": self.when,
            "mode": self.mode.value,
            "budget": None if self.budget_ms is None else duration_text(self.budget_ms),
            "trigger": self.trigger.value,
            "action": self.action.value,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinetic:
    """Mean kinetic temperature of a profile; ``limit`` is None where it is only reported."""

    activation_kj_per_mol: float
    limit: KineticLimit | None

    def as_json(self) -> dict[str, Json]:
        """The MKT section as a profile file has it."""
        written: dict[str, Json] = {"dH": self.activation_kj_per_mol}
        if self.limit is not None:
            written["applies"] = Side.HIGH.value
            written["limit"] = self.limit.limit_milli / 1000
            written["window"] = duration_text(self.limit.window_ms)
        return written


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What the goods may be exposed to, and what counts as proof of it.

    ``kinetic`` is None where MKT means nothing, such as for frozen goods. ``gap_cap_ms`` bounds
    the longest bridge (S9), ``minimum_coverage_permille`` is S29's, ``conditioning_ms`` S7's.
    """

    id: str
    version: int
    description: str
    source: str
    confidence: str
    label: Label
    measure: Measure
    decision: Decision
    gap_cap_ms: int
    minimum_coverage_permille: int
    conditioning_ms: int
    kinetic: Kinetic | None
    rules: tuple[Rule, ...]
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        canonical = json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"))
        object.__setattr__(self, "digest", sha256(canonical.encode()).hexdigest())

    @property
    def quantities(self) -> frozenset[Quantity]:
        """What has to be measured for this profile."""
        ruled = {rule.quantity for rule in self.rules}
        if self.kinetic is not None and self.kinetic.limit is not None:
            ruled.add(Quantity.TEMPERATURE)
        return frozenset(ruled)

    def as_json(self) -> dict[str, Json]:
        """The profile as a mapping that ``parse_profile`` reads back to an equal profile."""
        sides = (self.label.low_milli, self.label.high_milli)
        return {
            "id": self.id,
            "version": self.version,
            "description": self.description,
            "source": self.source,
            "confidence": self.confidence,
            "label": [None if side is None else side / 1000 for side in sides],
            "measure": self.measure.value,
            "decision": self.decision.value,
            "gaps": {"cap": duration_text(self.gap_cap_ms)},
            "minimum_coverage": self.minimum_coverage_permille / 10,
            "conditioning": duration_text(self.conditioning_ms),
            "mkt": None if self.kinetic is None else self.kinetic.as_json(),
            "rules": [rule.as_json() for rule in self.rules],
        }


def decimal_text(milli: int) -> str:
    """Thousandths in units, with one decimal at least and without superfluous zeros."""
    exact = Decimal(milli).scaleb(-3)
    return f"{exact:.1f}" if milli % 100 == 0 else f"{exact.normalize():f}"


def duration_text(duration_ms: int) -> str:
    """A duration as profiles write it, in the largest unit that keeps it whole."""
    unit = next(unit for unit, size in UNITS_MS.items() if duration_ms % size == 0)
    return f"{duration_ms // UNITS_MS[unit]}{unit}"
