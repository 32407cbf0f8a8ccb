"""Whether a logger recorded as often as its standard demands; no verdict follows (section 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from judging import HOUR, MINUTE, make_case, make_channel, make_profile, make_window, steady

from analytics.judge import judge
from coldgate.model import Quantity, Verdict

if TYPE_CHECKING:
    from analytics.evaluation import RecordingResult

EN_12830 = {
    "standard": "EN12830_1999_TRANSPORT",
    "steps": [
        {"up_to": "24h", "interval": "300s"},
        {"up_to": "7d", "interval": "900s"},
        {"interval": "3600s"},
    ],
}


def recorded(
    rows: list[tuple[float, float]], *, minutes: float | None = None, **changes: Any
) -> RecordingResult:
    """How the recording was kept on a journey of so many minutes."""
    recording = EN_12830 | changes
    case = make_case(make_channel(rows, interval_ms=None), minutes=minutes)
    result = judge(make_profile(recording=recording), case).channels[0].recording
    assert result is not None
    return result


@pytest.mark.parametrize(
    ("minutes", "limit"),
    [
        (24 * 60, 300_000),
        (24 * 60 + 1, 900_000),
        (7 * 24 * 60, 900_000),
        (7 * 24 * 60 + 1, HOUR),
    ],
)
def test_length_of_the_journey_decides_the_interval(minutes: float, limit: int) -> None:
    assert recorded(steady(5.0, 60), minutes=minutes).limit_ms == limit


@pytest.mark.parametrize(("seconds", "late"), [(300, 0), (306, 0), (306.001, 1), (600, 1)])
def test_a_pair_may_be_two_hundredths_late(seconds: float, late: int) -> None:
    result = recorded([(0, 5.0), (seconds / 60, 5.0)])

    assert (result.segments, result.late) == (1, late)
    assert result.worst_ms == round(seconds * 1000)
    assert result.compliant_permille == (0 if late else 1000)


@pytest.mark.parametrize(("seconds", "late"), [(65, 0), (65.001, 1)])
def test_a_short_interval_may_be_five_seconds_late(seconds: float, late: int) -> None:
    steps = [{"interval": "60s"}]

    assert recorded([(0, 5.0), (seconds / 60, 5.0)], steps=steps).late == late


def test_compliance_is_the_share_of_the_time_in_pairs_that_are_close_enough() -> None:
    rows = [*steady(5.0, 15, every=5), (25, 5.0)]

    result = recorded(rows)

    assert (result.segments, result.late, result.compliant_permille) == (4, 1, 600)
    assert result.worst_ms == 10 * MINUTE


@pytest.mark.parametrize(
    ("values", "late"),
    [
        ((9.0, 9.0), 1),
        ((1.0, 9.0), 1),
        ((9.0, 8.0), 0),  # the label's own limit is in range
        ((8.0, 2.0), 0),
    ],
)
def test_between_two_readings_out_of_range_the_shorter_interval_holds(
    values: tuple[float, float], late: int
) -> None:
    rows = [(0, values[0]), (5, values[1])]

    assert recorded(rows, out_of_range="120s").late == late
    assert recorded(rows).late == 0


def test_without_a_pair_there_is_nothing_to_comply_with() -> None:
    result = recorded([(0, 5.0)])

    assert (result.segments, result.late) == (0, 0)
    assert (result.worst_ms, result.compliant_permille) == (None, None)


def test_rare_recording_is_no_matter_of_the_verdict() -> None:
    profile = make_profile(recording=EN_12830)

    evaluation = judge(profile, make_case(make_channel(steady(5.0, 120))))

    result = evaluation.channels[0].recording
    assert result is not None
    assert (result.late, evaluation.verdict, evaluation.reasons) == (12, Verdict.PASS, ())


@pytest.mark.parametrize(
    ("quantity", "asked"),
    [(Quantity.TEMPERATURE, True), (Quantity.HUMIDITY, True), (Quantity.LIGHT, False)],
)
def test_intervals_are_asked_of_temperature_and_humidity(
    quantity: Quantity, *, asked: bool
) -> None:
    channel = make_channel(steady(5.0, 60), quantity=quantity)

    result = judge(make_profile(recording=EN_12830), make_case(channel)).channels[0].recording

    assert (result is not None) == asked


def test_the_label_is_no_range_of_humidity() -> None:
    recording = EN_12830 | {"out_of_range": "120s"}
    humid = make_channel(steady(50.0, 20, every=5), quantity=Quantity.HUMIDITY)

    result = judge(make_profile(recording=recording), make_case(humid)).channels[0].recording

    assert result is not None
    assert result.late == 0


def test_readings_outside_the_window_are_not_asked() -> None:
    rows = [(-60, 5.0), *steady(5.0, 20, every=5)]

    case = make_case(make_channel(rows), window=make_window(20))
    result = judge(make_profile(recording=EN_12830), case).channels[0].recording

    assert result is not None
    assert (result.segments, result.late) == (4, 0)
