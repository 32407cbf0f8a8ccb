"""The simulator against slow, independent arithmetic: thermal model, sensor, truth."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from firmware_sim.scenario import SCENARIOS, Journey
from firmware_sim.sensor import Sensor
from firmware_sim.simulation import HYGROMETER, THERMOMETER, Simulation, serial_numbers
from firmware_sim.thermal import Ambient, Boxes, relative_humidity, solve
from firmware_sim.truth import LIMITS, Limit, measured_intervals, model_intervals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firmware_sim.truth import Interval

HOUR = 3600.0
BEGIN_MS = 1_760_000_000_000
celsius = st.floats(-30.0, 40.0)
lag = st.floats(0.1 * HOUR, 10.0 * HOUR)
seeds = st.integers(0, 2**63 - 1)
unhurried = settings(deadline=None)  # other processes may have the machine


@st.composite
def boxes(draw: st.DrawFn) -> Boxes:
    """One box, with or without a worthwhile coolant."""
    fields = {
        "start_celsius": celsius,
        "wall_seconds": lag,
        "load_seconds": lag,
        "coolant_seconds": lag,
        "coolant_celsius": st.floats(-20.0, 8.0),
        "coolant_kelvin_seconds": st.floats(1.0, 60.0 * HOUR),
    }
    return Boxes(**{name: np.array([draw(value)]) for name, value in fields.items()})


@st.composite
def ambients(draw: st.DrawFn, *, lowest: float = -30.0) -> Ambient:
    """Four to eight knots over at most eight hours, now and then with a jump."""
    steps = draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=4, max_size=8))
    assume(sum(steps) > 0.0)
    course = draw(
        st.lists(st.floats(lowest, 40.0), min_size=len(steps) + 1, max_size=len(steps) + 1)
    )
    return Ambient(seconds=HOUR * np.cumsum([0.0, *steps]), celsius=np.array(course))


@unhurried
@given(box=boxes(), ambient=ambients(lowest=10.0))
def test_closed_form_agrees_with_small_steps(box: Boxes, ambient: Ambient) -> None:
    seconds, expected = small_steps(box, ambient, step=5.0)

    found = solve(box, ambient).load_celsius(seconds)[:, 0]
    assert np.abs(found - expected).max() < 0.02


@unhurried
@given(box=boxes(), ambient=ambients())
def test_coolant_takes_up_exactly_its_capacity(box: Boxes, ambient: Ambient) -> None:
    solution = solve(box, ambient)
    worked = np.minimum(solution.exhausted_at[0], ambient.seconds[-1])

    uptake = heat_taken_up(box, ambient, until=worked)
    if np.isfinite(solution.exhausted_at[0]):
        assert abs(uptake - box.coolant_kelvin_seconds[0]) < 1e-3 * max(uptake, 1e3)
    else:
        assert uptake < box.coolant_kelvin_seconds[0] + 1e-3 * max(abs(uptake), 1e3)


@unhurried
@given(box=boxes(), ambient=ambients())
def test_load_never_leaves_the_range_of_its_surroundings(box: Boxes, ambient: Ambient) -> None:
    everything = [*ambient.celsius, box.start_celsius[0], box.coolant_celsius[0]]
    instants = np.linspace(0.0, ambient.seconds[-1], 500)

    load = solve(box, ambient).load_celsius(instants)
    assert min(everything) - 1e-9 <= load.min() <= load.max() <= max(everything) + 1e-9


@unhurried
@given(box=boxes(), ambient=ambients(), cut=st.floats(0.01, 0.99))
def test_another_knot_on_the_line_changes_nothing(box: Boxes, ambient: Ambient, cut: float) -> None:
    at = cut * ambient.seconds[-1]
    assume(np.abs(ambient.seconds - at).min() > 1.0)
    place = int(np.searchsorted(ambient.seconds, at))
    value = np.interp(at, ambient.seconds, ambient.celsius)
    instants = np.linspace(0.0, ambient.seconds[-1], 200)
    plain = solve(box, ambient)
    assume(plain.exhausted_at[0] == np.inf)

    more = Ambient(
        seconds=np.insert(ambient.seconds, place, at),
        celsius=np.insert(ambient.celsius, place, value),
    )
    cut_up = solve(box, more)
    assume(cut_up.exhausted_at[0] == np.inf)
    assert np.allclose(plain.load_celsius(instants), cut_up.load_celsius(instants), atol=1e-9)


@unhurried
@given(
    true=st.lists(st.floats(-40.0, 60.0), min_size=1, max_size=50),
    sensor=st.sampled_from([THERMOMETER, Sensor(noise=0.0, exponent=-2, salt=1)]),
    seed=seeds,
)
def test_reading_lies_within_the_stated_bound_of_the_truth(
    true: list[float], sensor: Sensor, seed: int
) -> None:
    values = np.array(true)[:, np.newaxis]
    sequences = np.arange(1, len(true) + 1)

    read = sensor.read(values, seed=seed, loggers=np.array([0]), sequences=sequences)
    error = read * 10.0**sensor.exponent - values
    assert np.abs(error).max() <= sensor.bound + 1e-9


@unhurried
@given(name=st.sampled_from(sorted(SCENARIOS)), seed=seeds)
def test_emitted_readings_lie_within_the_bound_of_the_model(name: str, seed: int) -> None:
    simulation = a_simulation(name, seed)
    readings = simulation.journey.readings

    samples = simulation.sample(1, readings)
    model = simulation.solution.load_celsius(60.0 * np.arange(readings))
    assert np.abs(samples.temperature / 10.0 - model).max() <= THERMOMETER.bound + 1e-9
    humid = relative_humidity(model, 0.0)
    assert np.abs(samples.humidity / 10.0 - humid).max() <= HYGROMETER.bound + 1e-9


@unhurried
@given(
    name=st.sampled_from(["warm-truck", "frozen-packs"]), seed=seeds, limit=st.sampled_from(LIMITS)
)
def test_true_intervals_are_where_the_dense_model_lies_beyond_the_limit(
    name: str, seed: int, limit: Limit
) -> None:
    simulation = a_simulation(name, seed)
    begin_ms, seconds = simulation.journey.begin_ms, simulation.journey.seconds

    for box, stays in enumerate(
        model_intervals(simulation.solution, limit, begin_ms=begin_ms, seconds=seconds)
    ):
        dense = np.arange(0.0, seconds, 1.0)
        load = simulation.solution.load_celsius(dense)[:, box]
        near = within(stays, begin_ms + 1000.0 * dense, slack_ms=-2.0)
        far = ~within(stays, begin_ms + 1000.0 * dense, slack_ms=2.0)
        assert beyond(load[near], limit).all()
        assert not beyond(load[far], limit).any()


@unhurried
@given(
    values=st.lists(st.integers(70, 90), min_size=1, max_size=40),
    steps=st.lists(st.integers(1, 100_000), min_size=40, max_size=40),
)
def test_measured_intervals_are_where_the_line_through_the_readings_is_out(
    values: list[int], steps: list[int]
) -> None:
    limit = LIMITS[0]
    taken_at = BEGIN_MS + np.cumsum(steps[: len(values)])

    stays = measured_intervals(taken_at, np.array(values), limit)
    instants = np.linspace(taken_at[0], taken_at[-1], 2_000)
    line = np.interp(instants - BEGIN_MS, taken_at - BEGIN_MS, values)
    assert (line[within(stays, instants, slack_ms=-1.1)] > 80.0 - 1e-6).all()
    assert (line[~within(stays, instants, slack_ms=1.1)] <= 80.0 + 1e-6).all()


def a_simulation(name: str, seed: int) -> Simulation:
    """Twelve hours with two loggers."""
    journey = Journey(begin_ms=BEGIN_MS, end_ms=BEGIN_MS + 12 * 3_600_000)
    serials = serial_numbers("SIM", 2)
    return Simulation.create(SCENARIOS[name], journey, seed=seed, serials=serials)


def small_steps(box: Boxes, ambient: Ambient, *, step: float) -> tuple[np.ndarray, list[float]]:
    """Load after every ``step`` seconds by Heun's method, which knows nothing of exponentials."""
    load = air = float(box.start_celsius[0])
    heat, out = 0.0, [load]
    wall, lagging = float(box.wall_seconds[0]), float(box.load_seconds[0])
    coolant, melting = float(box.coolant_seconds[0]), float(box.coolant_celsius[0])
    capacity = float(box.coolant_kelvin_seconds[0])
    seconds = np.arange(0.0, ambient.seconds[-1] + step / 2, step)
    middle = np.interp(seconds[:-1] + step / 2, ambient.seconds, ambient.celsius).tolist()
    for outside in middle:
        wanted = step * (air - melting)
        share = 1.0 if wanted <= capacity - heat else max(capacity - heat, 0.0) / wanted

        def rates(air: float, load: float) -> tuple[float, float]:
            to_air = (outside - air) / wall + share * (melting - air) / coolant  # noqa: B023 - used at once
            return to_air, (air - load) / lagging

        first = rates(air, load)
        second = rates(air + step * first[0], load + step * first[1])
        before = air
        air += step * (first[0] + second[0]) / 2
        load += step * (first[1] + second[1]) / 2
        heat += step * share * ((before + air) / 2 - melting)
        out.append(load)
    return seconds, out


def heat_taken_up(box: Boxes, ambient: Ambient, *, until: float) -> float:
    """Integral of (air - melting) while the coolant works: fine steps of a one-lag filter."""
    knots = np.unique(np.append(ambient.seconds[ambient.seconds < until], until))
    wall, coolant = box.wall_seconds[0], box.coolant_seconds[0]
    melting, rate = box.coolant_celsius[0], 1.0 / wall + 1.0 / coolant
    air, heat = box.start_celsius[0], 0.0
    for begin, end in itertools.pairwise(knots):
        step = (end - begin) / 2_000
        instants = begin + step * (np.arange(2_000) + 0.5)
        for outside in np.interp(instants, ambient.seconds, ambient.celsius):
            target = (outside / wall + melting / coolant) / rate
            after = target + (air - target) * (1.0 - rate * step / 2) / (1.0 + rate * step / 2)
            heat += step * ((air + after) / 2 - melting)
            air = after
    return float(heat)


def within(stays: Sequence[Interval], at_ms: np.ndarray, *, slack_ms: float) -> np.ndarray:
    """Which instants lie in one of ``stays``, each widened by ``slack_ms`` on both sides."""
    inside = np.zeros(len(at_ms), bool)
    for stay in stays:
        inside |= (at_ms >= stay.begin_ms - slack_ms) & (at_ms <= stay.end_ms + slack_ms)
    return inside


def beyond(load: np.ndarray, limit: Limit) -> np.ndarray:
    """The limit's own words, spelled out."""
    bound = {"above 8": 8.0, "above 15": 15.0, "below 2": 2.0, "at or below 0": 0.0}[limit.name]
    return load > bound if limit.above else (load <= bound if limit.inclusive else load < bound)
