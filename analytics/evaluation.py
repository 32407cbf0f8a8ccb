"""The judge's answer: frozen, complete, and the same bytes for the same inputs (S33)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from coldgate.crypto import canonical_json, sha256_hex

if TYPE_CHECKING:
    from analytics.case import Damage, Role
    from analytics.exposure import Finding
    from analytics.profile import Action, Decision, Json
    from coldgate.model import EventKind, Quantity, Verdict

ENGINE_VERSION: Final = "2"  # raise it with any change that can change a byte of an evaluation
NOT_EVIDENCE: Final = "not_evidence"


class ReasonCode(Enum):
    """Why a verdict is not a plain PASS; stable, for programs."""

    RULE_VIOLATED = "RULE_VIOLATED"
    RULE_UNDECIDED = "RULE_UNDECIDED"
    MKT_EXCEEDED = "MKT_EXCEEDED"
    MKT_UNDECIDED = "MKT_UNDECIDED"
    EXCURSION = "EXCURSION"
    EXCURSION_POSSIBLE = "EXCURSION_POSSIBLE"
    NO_READINGS = "NO_READINGS"
    LOW_COVERAGE = "LOW_COVERAGE"
    DATA_CONFLICT = "DATA_CONFLICT"
    CLOCK_FAULT = "CLOCK_FAULT"
    TIME_AMBIGUOUS = "TIME_AMBIGUOUS"
    UNCALIBRATED = "UNCALIBRATED"
    LOG_INCOMPLETE = "LOG_INCOMPLETE"
    SENSOR_STUCK = "SENSOR_STUCK"
    REPEATED_EXCURSIONS = "REPEATED_EXCURSIONS"
    BUDGET_EXCEEDED = "BUDGET_EXCEEDED"
    BUDGET_UNDECIDED = "BUDGET_UNDECIDED"
    QUANTITY_UNWATCHED = "QUANTITY_UNWATCHED"
    ZONE_UNWATCHED = "ZONE_UNWATCHED"
    LOGGER_MISSING = "LOGGER_MISSING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One fact behind the verdict; ``verdict`` is the best one it allows.

    Start and end are those of the event or gap that decides; the bounds are exposures in ms.
    """

    code: ReasonCode
    verdict: Verdict
    text: str
    rule: str | None = None
    channel: str | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    optimistic_ms: int | None = None
    pessimistic_ms: int | None = None
    budget_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extreme:
    """The lowest or highest value of a channel and the first time it was read."""

    milli: int
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """A channel's figures over the evaluated window; mean, deviation and MKT in units, rounded.

    ``due_ms`` is the time that had to be covered, ``covered_ms`` what was; ``expected`` counts
    the readings and those missing between them. ``has_bounds`` says that some values are ends of
    the sensor's scale, and with them the extremes and the MKT (S5). ``duplicates`` tells of the
    delivery, not of the goods, and is therefore no part of the evaluation's bytes.
    """

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
    mean: float | None
    deviation: float | None
    mkt: float | None
    has_bounds: bool
    gaps: tuple[tuple[int, int], ...]
    duplicates: int = field(metadata={NOT_EVIDENCE: True})


class Severity(Enum):
    """How grave a judgement is (section 4.1); it never becomes less by itself."""

    NONE = "NONE"
    MINOR = "MINOR"  # beyond the label, within every allowance
    MAJOR = "MAJOR"  # an allowance exceeded or half spent, or gaps and uncertainty decide
    CRITICAL = "CRITICAL"  # a hard limit, freezing, a spent budget, or no evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleResult:
    """One rule on one channel: exposures in ms, and the verdict that follows from them.

    ``records_only`` says that a violation is put on record and leaves the verdict to other rules.
    The limits are those of the best and of the worst case, in milli-units (S28). ``mean`` is the
    time-weighted mean in units, of a rule about it (S24); ``alarms`` are shown only where the rule
    shapes them (S20).
    """

    rule: str
    when: str
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
    mean: float | None
    alarms: tuple[tuple[int, int], ...]
    records_only: bool
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class KineticResult:
    """The MKT limit on one channel; the window with the highest MKT, None without excursions.

    ``short`` says that the record does not fill the window; what exists was used (section 2.1).
    """

    limit_milli: int
    finding: Finding
    windows: int
    mkt: float | None
    start_ms: int | None
    end_ms: int | None
    short: bool
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Excursion:
    """One event beyond a limit, listed under the first rule of the profile that has this limit."""

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
    door: bool
    provisional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingResult:
    """Whether the logger recorded as often as its standard demands (section 5); no verdict.

    ``limit_ms`` is the interval for a journey of this length, ``late`` counts the pairs of
    readings that are farther apart, ``worst_ms`` is the longest of all pairs.
    """

    standard: str
    limit_ms: int
    segments: int
    late: int
    worst_ms: int | None
    compliant_permille: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flagged:
    """Readings that look odd (S21, S22): how many, and when the first hundred were taken."""

    count: int
    at_ms: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelResult:
    """One channel: where it was, what it saw, and how each rule judged it.

    A ``reference`` channel is shown and not judged (S30). ``uncertainty_milli`` is U with k = 2,
    ``certificates`` are the numbers of those in force at any of its readings.
    """

    channel: str
    serial: str
    sensor: int
    quantity: Quantity
    zone: str | None
    role: Role
    uncertainty_milli: int
    certificates: tuple[str, ...]
    uncalibrated: int
    begin_ms: int | None
    end_ms: int | None
    interval_ms: int | None
    bridge_ms: int
    clock: str
    statistics: Statistics
    rules: tuple[RuleResult, ...]
    kinetic: KineticResult | None
    recording: RecordingResult | None
    spikes: Flagged
    changes: Flagged
    verdict: Verdict
    readings_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetResult:
    """What one lot spent of its stability budget before, here and in all (S36)."""

    key: str
    zone: str
    spent: Damage
    here: Damage
    total: Damage
    finding: Finding
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatResult:
    """Excursions of this consignment, and earlier consignments with some on the lane (S32)."""

    here: int
    earlier: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileReference:
    """Which profile judged, beyond doubt."""

    id: str
    version: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """Every constant of nature or habit that entered a figure."""

    gas_constant_kj_per_mol_k: float
    kelvin_offset: float
    activation_kj_per_mol: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedWindow:
    """The consignment's window and the events that define it; None means a fall-back (S7).

    ``provisional`` says that the journey goes on (S19).
    """

    begin_ms: int | None
    end_ms: int | None
    begin_event: EventKind | None
    end_event: EventKind | None
    provisional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One immutable judgement of a consignment.

    ``with_excursions`` marks a PASS that needs a signature; ``provisional`` one that may release
    nothing, because the journey goes on (S19).
    """

    verdict: Verdict
    severity: Severity
    provisional: bool
    with_excursions: bool
    reasons: tuple[Reason, ...]
    window: EvaluatedWindow
    channels: tuple[ChannelResult, ...]
    excursions: tuple[Excursion, ...]
    budgets: tuple[BudgetResult, ...]
    repeats: RepeatResult
    profile: ProfileReference
    input_digest: str
    engine_version: str
    constants: Constants

    def as_json(self) -> dict[str, Json]:
        """All of it as plain values; enums by value, quantities by name."""
        written = plain(self)
        assert isinstance(written, dict)  # noqa: S101 - plain() maps a dataclass to a dict
        return written

    def to_bytes(self) -> bytes:
        """Canonical JSON: equal inputs give equal bytes, in whatever order they arrived."""
        return canonical_json(self.as_json())

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, in hex."""
        return sha256_hex(self.to_bytes())


def plain(value: object) -> Json:
    """Dataclasses as dicts, enums by value (integer ones by name), tuples as lists."""
    if isinstance(value, Enum):
        return value.name.lower() if isinstance(value, int) else str(value.value)
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    if is_dataclass(value):
        return {
            part.name: plain(getattr(value, part.name))
            for part in fields(value)
            if NOT_EVIDENCE not in part.metadata
        }
    raise TypeError(type(value).__name__)
