"""A profile: the versioned rule set that a consignment is judged by, frozen at dispatch."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from analytics.limits import Side
from coldgate.crypto import canonical_json
from coldgate.model import Quantity

if TYPE_CHECKING:
    from datetime import date

    from analytics.limits import Limit
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
    MEAN = "mean"  # the time-weighted mean lies beyond the limit (S24)


class Trigger(Enum):
    """When an exposure is too long (S18)."""

    AT = "at"  # an alarm: once it reaches the budget
    OVER = "over"  # a "not more than": once it exceeds the budget


class Action(Enum):
    """What a violated rule does to the verdict (section 3)."""

    NOTE = "NOTE"  # listed beside the excursions, asks for nothing and proves nothing
    EXCURSION = "EXCURSION"
    HOLD = "HOLD"
    FAIL = "FAIL"
    FAIL_UNLESS_MFR = "FAIL_UNLESS_MFR"
    FAIL_IF_FREEZE_SENSITIVE = "FAIL_IF_FREEZE_SENSITIVE"
    HOLD_IF_SHOCK_SENSITIVE = "HOLD_IF_SHOCK_SENSITIVE"  # NOTE for other products (S24)


UNDEMANDING: Final = frozenset({Action.NOTE, Action.HOLD_IF_SHOCK_SENSITIVE})


class Measure(Enum):
    """Which duration of an event counts (S16)."""

    LIN = "lin"
    HOLD = "hold"
    UPPER = "upper"


class Decision(Enum):
    """How measurement uncertainty enters the verdict (S27)."""

    SIMPLE = "simple"  # it does not: U = 0, only gaps leave a question open
    GUARD = "guard"  # a PASS keeps the distance U from the limit, a FAIL needs none
    NON_BINARY = "non-binary"  # both keep it; what lies between is HOLD


class Calibration(Enum):
    """Whether a PASS needs a certificate in force at every reading (S29)."""

    REQUIRED = "required"
    OPTIONAL = "optional"  # without one the permissible error stands in for U (S27)


class Corrections(Enum):
    """Whether the corrections of a certificate are applied (S2)."""

    APPLIED = "applied"
    FORBIDDEN = "forbidden"  # no offset, and the permissible error for U


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertainty:
    """What stands between a reading and the truth, in milli-units (S27).

    The permissible errors hold without a certificate; quantities that have none are taken as
    exact. ``spatial_milli`` is the difference between logger and goods found in mapping.
    """

    temperature_mpe_milli: int = 500
    humidity_mpe_milli: int = 5_000
    spatial_milli: int = 0
    calibration: Calibration = Calibration.REQUIRED
    corrections: Corrections = Corrections.APPLIED

    def as_json(self) -> dict[str, Json]:
        """The section as a profile file has it."""
        return {
            "mpe": {
                "temperature": self.temperature_mpe_milli / 1000,
                "humidity": self.humidity_mpe_milli / 1000,
            },
            "spatial": self.spatial_milli / 1000,
            "calibration": self.calibration.value,
            "corrections": self.corrections.value,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The most time in all that a product bears above a temperature (section 4.1)."""

    above_milli: int
    budget_ms: int

    def as_json(self) -> dict[str, Json]:
        """The band as a profile file has it."""
        return {"above": self.above_milli / 1000, "budget": duration_text(self.budget_ms)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrhenius:
    """Damage by rate: ``budget_ms`` at the reference temperature uses the product up (4.1)."""

    activation_kj_per_mol: float
    reference_milli: int
    budget_ms: int

    def as_json(self) -> dict[str, Json]:
        """The section as a profile file has it."""
        return {
            "dH": self.activation_kj_per_mol,
            "reference": self.reference_milli / 1000,
            "budget": duration_text(self.budget_ms),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Stability:
    """The stability budget of a product; ``bands`` ascend in temperature and descend in time.

    Each band limits the time above its temperature. The damage is the sum over exclusive bands of
    time over budget, plus what was spent before; above 1 the budget is exhausted. Either bands or
    ``arrhenius`` is given.
    """

    bands: tuple[Band, ...] = ()
    arrhenius: Arrhenius | None = None

    def as_json(self) -> dict[str, Json]:
        """The section as a profile file has it."""
        if self.arrhenius is not None:
            return {"arrhenius": self.arrhenius.as_json()}
        return {"bands": [band.as_json() for band in self.bands]}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStep:
    """The longest recording interval for journeys up to ``up_to_ms``; None for any length."""

    up_to_ms: int | None
    interval_ms: int

    def as_json(self) -> dict[str, Json]:
        """The step as a profile file has it."""
        return {"up_to": _duration(self.up_to_ms), "interval": duration_text(self.interval_ms)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """How often a logger must record (section 5): a matter of the record, not of the goods.

    ``out_of_range_ms`` holds where two consecutive readings are outside the label.
    """

    standard: str
    steps: tuple[RecordingStep, ...]
    out_of_range_ms: int | None = None

    def as_json(self) -> dict[str, Json]:
        """The section as a profile file has it."""
        return {
            "standard": self.standard,
            "steps": [step.as_json() for step in self.steps],
            "out_of_range": _duration(self.out_of_range_ms),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """From how many on excursions are no longer excused (S32); None never counts them.

    ``consignment`` counts the excursions of this consignment, ``lane`` the consignments with
    excursions on the lane within twelve months, this one included. Events no more than
    ``apart_ms`` apart are one excursion: a value that wavers around its limit is not a habit.
    """

    consignment: int | None = 2
    lane: int | None = None
    apart_ms: int = 3_600_000

    def as_json(self) -> dict[str, Json]:
        """The section as a profile file has it."""
        return {
            "consignment": self.consignment,
            "lane": self.lane,
            "apart": duration_text(self.apart_ms),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """Signs that a sensor or its air is not what it seems; None does not look for one.

    A spike departs and returns faster than ``spike_milli_per_minute`` (S21), a change keeps more
    than ``change_milli_per_minute`` over two segments (S22): both are flags. A value that does not
    move by a thousandth for ``stuck_ms`` is no evidence, and holds.
    """

    spike_milli_per_minute: int | None = 3_000
    change_milli_per_minute: int | None = None
    stuck_ms: int | None = None

    def as_json(self) -> dict[str, Json]:
        """The section as a profile file has it."""
        return {
            "spike_per_minute": _units(self.spike_milli_per_minute),
            "change_per_minute": _units(self.change_milli_per_minute),
            "stuck": _duration(self.stuck_ms),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One limit with its budget and what follows when it is violated (S12).

    ``budget_ms`` is None where the existence of an event, or a mean, decides. ``decision`` None
    follows the profile. ``hysteresis_milli`` and ``merge_ms`` shape the alarms that are shown for
    the rule, never its events (S20); None for both shows none.
    """

    id: str
    quantity: Quantity
    limit: Limit
    mode: Mode
    budget_ms: int | None
    trigger: Trigger
    action: Action
    decision: Decision | None = None
    hysteresis_milli: int | None = None
    merge_ms: int | None = None

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
            "budget": _duration(self.budget_ms),
            "trigger": self.trigger.value,
            "action": self.action.value,
            "decision": None if self.decision is None else self.decision.value,
            "hysteresis": _units(self.hysteresis_milli),
            "merge": _duration(self.merge_ms),
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
    Gaps longer than ``allowed_gap_ms`` need a sealed log (S29). The validity dates say when a
    consignment may be frozen to the profile; they are no part of a judgement.
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
    allowed_gap_ms: int = 0
    uncertainty: Uncertainty = Uncertainty()
    stability: Stability | None = None
    recording: Recording | None = None
    repeats: Repeats = Repeats()
    suspicion: Suspicion = Suspicion()
    valid_from: date | None = None
    valid_until: date | None = None
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        digest = sha256(canonical_json(self.as_json())).hexdigest()
        object.__setattr__(self, "digest", digest)

    @property
    def quantities(self) -> frozenset[Quantity]:
        """What has to be measured for this profile, whatever the product."""
        ruled = {rule.quantity for rule in self.rules if rule.action not in UNDEMANDING}
        is_kinetic = self.kinetic is not None and self.kinetic.limit is not None
        if is_kinetic or self.stability is not None:
            ruled.add(Quantity.TEMPERATURE)
        return frozenset(ruled)

    def as_json(self) -> dict[str, Json]:
        """The profile as a mapping that ``parse_profile`` reads back to an equal profile.

        Every key is there, also one that the file left to its default: what a stored profile
        means does not depend on the defaults of a later version.
        """
        return {
            "id": self.id,
            "version": self.version,
            "description": self.description,
            "source": self.source,
            "confidence": self.confidence,
            "label": [_units(self.label.low_milli), _units(self.label.high_milli)],
            "valid": {"from": _day(self.valid_from), "until": _day(self.valid_until)},
            "measure": self.measure.value,
            "decision": self.decision.value,
            "uncertainty": self.uncertainty.as_json(),
            "gaps": {
                "cap": duration_text(self.gap_cap_ms),
                "allowed": duration_text(self.allowed_gap_ms),
            },
            "minimum_coverage": self.minimum_coverage_permille / 10,
            "conditioning": duration_text(self.conditioning_ms),
            "mkt": None if self.kinetic is None else self.kinetic.as_json(),
            "rules": [rule.as_json() for rule in self.rules],
            "stability": None if self.stability is None else self.stability.as_json(),
            "recording": None if self.recording is None else self.recording.as_json(),
            "repeats": self.repeats.as_json(),
            "suspicion": self.suspicion.as_json(),
        }


def decimal_text(milli: int) -> str:
    """Thousandths in units, with one decimal at least and without superfluous zeros."""
    exact = Decimal(milli).scaleb(-3)
    return f"{exact:.1f}" if milli % 100 == 0 else f"{exact.normalize():f}"


def duration_text(duration_ms: int) -> str:
    """A duration as profiles write it, in the largest unit that keeps it whole."""
    unit = next(unit for unit, size in UNITS_MS.items() if duration_ms % size == 0)
    return f"{duration_ms // UNITS_MS[unit]}{unit}"


def _duration(duration_ms: int | None) -> str | None:
    return None if duration_ms is None else duration_text(duration_ms)


def _units(milli: int | None) -> float | None:
    return None if milli is None else milli / 1000


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
