"""The sections of a profile file, each by itself: every number exact, or a named error."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from analytics.limits import Side
from analytics.profile import (
    Arrhenius,
    Band,
    Calibration,
    Corrections,
    Kinetic,
    Recording,
    RecordingStep,
    Repeats,
    Stability,
    Suspicion,
    Uncertainty,
)
from analytics.profile_node import Node
from analytics.windows import KineticLimit

DEFAULT_CAP_MS: Final = 900_000  # S9, in transport
DEFAULT_ACTIVATION: Final = 83.144  # kJ/mol, USP <1160> (3-semantics, section 2)
MOST_ACTIVATION: Final = 500  # kJ/mol; what ages goods is known to lie between 42 and 250
COLDEST_REFERENCE: Final = -100_000  # m°C; below and above it the rate leaves what floats hold
HOTTEST_REFERENCE: Final = 100_000
MOST_REPEATS: Final = 1_000


def read_uncertainty(node: Node) -> Uncertainty:
    """What stands between a reading and the truth (S27)."""
    node.allow("mpe", "spatial", "calibration", "corrections")
    usual, mpe = Uncertainty(), node.at("mpe").or_empty()
    mpe.allow("temperature", "humidity")
    return Uncertainty(
        temperature_mpe_milli=mpe.at("temperature").read(
            Node.positive_milli, usual.temperature_mpe_milli
        ),
        humidity_mpe_milli=mpe.at("humidity").read(Node.positive_milli, usual.humidity_mpe_milli),
        spatial_milli=node.at("spatial").read(Node.share_milli, usual.spatial_milli),
        calibration=node.at("calibration").read(
            lambda value: value.choice(Calibration), usual.calibration
        ),
        corrections=node.at("corrections").read(
            lambda value: value.choice(Corrections), usual.corrections
        ),
    )


def read_gaps(node: Node) -> tuple[int, int]:
    """The longest bridge and the longest gap without a sealed log, in ms (S9, S29)."""
    node.allow("cap", "allowed")
    return node.at("cap").read(Node.time, DEFAULT_CAP_MS), node.at("allowed").read(Node.duration, 0)


def read_kinetic(node: Node) -> Kinetic:
    """Mean kinetic temperature, with a limit or only reported (section 2)."""
    node.allow("dH", "applies", "limit", "window")
    activation = node.at("dH").read(_activation, DEFAULT_ACTIVATION)
    applies, window = node.at("applies"), node.at("window")
    if node.at("limit").is_empty:
        if not (applies.is_empty and window.is_empty):
            raise node.at("limit").error("a window without a limit decides nothing")
        return Kinetic(activation_kj_per_mol=activation, limit=None)
    if applies.read(lambda value: value.choice(Side), Side.HIGH) is not Side.HIGH:
        raise applies.error("MKT gives relief on the high side only")
    if (limit_milli := node.at("limit").milli()) <= 0:
        raise node.at("limit").error("MKT means nothing for frozen goods")
    limit = KineticLimit(
        activation_kj_per_mol=activation, limit_milli=limit_milli, window_ms=window.time()
    )
    return Kinetic(activation_kj_per_mol=activation, limit=limit)


def read_stability(node: Node) -> Stability:
    """The stability budget: bands or a rate (4.1)."""
    node.allow("bands", "arrhenius")
    bands, arrhenius = node.at("bands"), node.at("arrhenius")
    if bands.is_empty == arrhenius.is_empty:
        raise node.error("must have either bands or arrhenius")
    if arrhenius.is_empty:
        return Stability(bands=_bands(bands))
    return Stability(arrhenius=_arrhenius(arrhenius))


def read_recording(node: Node) -> Recording:
    """How often a logger must record (section 5)."""
    node.allow("standard", "steps", "out_of_range")
    steps = _steps(node.at("steps"))
    out_of_range_ms = node.at("out_of_range").optional(Node.time)
    shortest_ms = min(step.interval_ms for step in steps)
    if out_of_range_ms is not None and out_of_range_ms > shortest_ms:
        raise node.at("out_of_range").error("must not be longer than an interval in range")
    return Recording(
        standard=node.at("standard").identifier(), steps=steps, out_of_range_ms=out_of_range_ms
    )


def read_repeats(node: Node) -> Repeats:
    """From how many on excursions are no longer excused (S32)."""
    node.allow("consignment", "lane", "apart")
    return Repeats(
        consignment=node.at("consignment").read(_count, Repeats().consignment),
        lane=node.at("lane").read(_count, Repeats().lane),
        apart_ms=node.at("apart").read(Node.duration, Repeats().apart_ms),
    )


def read_suspicion(node: Node) -> Suspicion:
    """Signs that a sensor or its air is not what it seems (S21, S22)."""
    node.allow("spike_per_minute", "change_per_minute", "stuck")
    usual = Suspicion()
    return Suspicion(
        spike_milli_per_minute=node.at("spike_per_minute").read(
            lambda value: value.optional(Node.positive_milli), usual.spike_milli_per_minute
        ),
        change_milli_per_minute=node.at("change_per_minute").optional(Node.positive_milli),
        stuck_ms=node.at("stuck").optional(Node.time),
    )


def _activation(node: Node) -> float:
    activation = float(node.number())
    if not 1 <= activation <= MOST_ACTIVATION:
        raise node.error(f"must lie between 1 and {MOST_ACTIVATION} kJ/mol")
    return activation


def _bands(node: Node) -> tuple[Band, ...]:
    entries = node.entries()
    if not entries:
        raise node.error("must have at least one band")
    bands = tuple(_band(entry) for entry in entries)
    for entry, (milder, hotter) in zip(entries[1:], pairwise(bands), strict=True):
        if hotter.above_milli <= milder.above_milli:
            raise entry.at("above").error("bands must ascend in temperature")
        if hotter.budget_ms >= milder.budget_ms:
            raise entry.at("budget").error("a hotter band must have a smaller budget")
    return bands


def _band(node: Node) -> Band:
    node.allow("above", "budget")
    return Band(above_milli=node.at("above").milli(), budget_ms=node.at("budget").time())


def _arrhenius(node: Node) -> Arrhenius:
    node.allow("dH", "reference", "budget")
    reference = node.at("reference")
    if not COLDEST_REFERENCE <= reference.milli() <= HOTTEST_REFERENCE:
        raise reference.error("must lie between -100 and 100 °C")
    return Arrhenius(
        activation_kj_per_mol=_activation(node.at("dH")),
        reference_milli=reference.milli(),
        budget_ms=node.at("budget").time(),
    )


def _steps(node: Node) -> tuple[RecordingStep, ...]:
    entries = node.entries()
    if not entries:
        raise node.error("must have at least one step")
    steps = tuple(_step(entry) for entry in entries)
    reached_ms = 0
    for entry, step in zip(entries[:-1], steps[:-1], strict=True):
        if step.up_to_ms is None:
            raise entry.at("up_to").error("only the last step may be for any length")
        if step.up_to_ms <= reached_ms:
            raise entry.at("up_to").error("steps must ascend in length")
        reached_ms = step.up_to_ms
    if steps[-1].up_to_ms is not None:
        raise entries[-1].at("up_to").error("the last step must be for any length")
    return steps


def _step(node: Node) -> RecordingStep:
    node.allow("up_to", "interval")
    return RecordingStep(
        up_to_ms=node.at("up_to").optional(Node.time), interval_ms=node.at("interval").time()
    )


def _count(node: Node) -> int | None:
    return None if node.value is None else node.whole(lowest=1, highest=MOST_REPEATS)
