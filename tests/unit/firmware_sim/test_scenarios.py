"""What each scenario promises, seen in the readings that it emits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from coldgate.errors import NotFoundError, SettingsError
from coldgate.model import Verdict
from firmware_sim.scenario import SCENARIOS, scenario_named
from firmware_sim.truth import loggers_truth

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware_sim.simulation import Simulation
    from firmware_sim.truth import LoggerTruth

HOURS = (12.0, 48.0, 240.0)
DAY_MS = 86_400_000


@pytest.mark.parametrize("hours", HOURS)
@pytest.mark.parametrize("name", ["clean", "late-upload"])
def test_clean_goods_stay_a_degree_away_from_both_limits(
    simulate: Callable[..., Simulation], name: str, hours: float
) -> None:
    simulation = simulate(name, hours=hours, loggers=50)

    samples = simulation.sample(1, simulation.journey.readings)
    assert samples.temperature.min() >= 30
    assert samples.temperature.max() <= 70


@pytest.mark.parametrize("hours", HOURS)
def test_warm_truck_exceeds_eight_for_hours_and_fifteen_on_every_logger(
    simulate: Callable[..., Simulation], hours: float
) -> None:
    for truth in loggers_truth(simulate("warm-truck", hours=hours, loggers=20)):
        above = truth.measured["above 8"]

        assert sum(stay.end_ms - stay.begin_ms for stay in above) > 4 * 3_600_000
        assert truth.measured["above 15"]
        assert not truth.measured["below 2"]


@pytest.mark.parametrize("hours", HOURS)
def test_frozen_packs_take_every_logger_below_zero_and_never_above_eight(
    simulate: Callable[..., Simulation], hours: float
) -> None:
    for truth in loggers_truth(simulate("frozen-packs", hours=hours, loggers=20)):
        assert truth.measured["at or below 0"]
        assert truth.minimum_decicelsius < -20
        assert not truth.measured["above 8"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_declared_verdicts_follow_from_the_readings(
    simulate: Callable[..., Simulation], name: str
) -> None:
    simulation = simulate(name, hours=48.0, loggers=8)

    truths = loggers_truth(simulation)
    sensitive = {_verdict(truth, freeze_sensitive=True) for truth in truths}
    assert {_verdict(truth, freeze_sensitive=False) for truth in truths} == {
        simulation.scenario.verdict
    }
    assert sensitive == {simulation.scenario.verdict_if_freeze_sensitive}


def test_late_upload_is_cut_off_until_after_arrival() -> None:
    outage = SCENARIOS["late-upload"].outage

    assert outage is not None
    assert 0.0 < outage.begin < 1.0 < outage.end


def test_same_seed_gives_the_same_bytes_and_another_seed_others(
    simulate: Callable[..., Simulation],
) -> None:
    one, again, other = (simulate(seed=seed).sample(1, 500) for seed in (1, 1, 2))

    assert one.temperature.tobytes() == again.temperature.tobytes()
    assert one.humidity.tobytes() == again.humidity.tobytes()
    assert one.temperature.tobytes() != other.temperature.tobytes()


def test_loggers_readings_do_not_depend_on_the_fleet_or_on_how_they_are_asked_for(
    simulate: Callable[..., Simulation],
) -> None:
    small, large = simulate(loggers=2), simulate(loggers=300)

    whole = small.sample(1, 100).temperature
    parts = [large.sample(first, 25).temperature[:, :2] for first in (1, 26, 51, 76)]
    assert np.array_equal(whole, np.concatenate(parts))
    assert np.array_equal(whole[:, 1:], large.sample(1, 100, loggers=slice(1, 2)).temperature)


def test_loggers_of_one_fleet_differ(simulate: Callable[..., Simulation]) -> None:
    readings = simulate(loggers=10).sample(1, 300).temperature

    assert len({column.tobytes() for column in readings.T}) == 10


def test_humidity_falls_when_the_load_warms_and_never_leaves_the_scale(
    simulate: Callable[..., Simulation],
) -> None:
    simulation = simulate("warm-truck", hours=24.0, loggers=1)

    samples = simulation.sample(1, simulation.journey.readings)
    warm = samples.temperature[:, 0] > 200
    assert samples.humidity[warm].max() < samples.humidity[~warm].mean()
    assert 0 <= samples.humidity.min() <= samples.humidity.max() <= 1000


def test_journey_too_short_for_the_story_is_refused(simulate: Callable[..., Simulation]) -> None:
    with pytest.raises(SettingsError, match="warm-truck needs a journey of at least 12 hours"):
        simulate("warm-truck", hours=11.9)


def test_unknown_scenario_is_named_in_the_error() -> None:
    with pytest.raises(NotFoundError, match="no scenario lukewarm"):
        scenario_named("lukewarm")


def _verdict(truth: LoggerTruth, *, freeze_sensitive: bool) -> Verdict:
    """USP_CCT_2_8 for complete data, apart from its MKT (3-semantics, section 3)."""
    longest = max((s.end_ms - s.begin_ms for s in truth.measured["above 8"]), default=0)
    frozen = bool(truth.measured["at or below 0"])
    if truth.measured["above 15"] or longest > DAY_MS or (frozen and freeze_sensitive):
        return Verdict.FAIL
    return Verdict.HOLD if truth.measured["below 2"] or frozen else Verdict.PASS
