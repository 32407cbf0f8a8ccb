"""Corrections of a certificate (S2) and the uncertainty that is left (S27)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from judging import (
    HOUR,
    MINUTE,
    START,
    codes,
    make_case,
    make_certificate,
    make_channel,
    make_profile,
    milli_readings,
    readings,
    steady,
)

from analytics.certificates import corrected, uncertainty_milli
from analytics.evaluation import ReasonCode
from analytics.judge import judge
from analytics.profile import Calibration, Corrections, Uncertainty
from coldgate.model import Quantity, ReadingFlag, Verdict

if TYPE_CHECKING:
    from analytics.case import Certificate
    from analytics.evaluation import ChannelResult

POINTS = ((2_000, -100), (8_000, 101))
FORBIDDEN = Uncertainty(corrections=Corrections.FORBIDDEN)


def corrected_values(
    values: list[int], *certificates: Certificate, policy: Uncertainty | None = None
) -> list[int]:
    """Values read at START, a minute apart, after the correction in force."""
    raw = milli_readings([(START + i * MINUTE, value) for i, value in enumerate(values)])
    found = corrected(raw, certificates, policy or Uncertainty())
    return [int(value) for value in found.value_milli]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(2_000, 1_900), (5_000, 5_000), (8_000, 8_101), (3_500, 3_450), (6_000, 6_034)],
)
def test_between_two_points_the_correction_is_linear(raw: int, expected: int) -> None:
    assert corrected_values([raw], make_certificate(corrections=POINTS)) == [expected]


@pytest.mark.parametrize(
    ("raw", "expected"), [(-40_000, -40_100), (1_999, 1_899), (50_000, 50_101)]
)
def test_outside_the_points_the_correction_is_constant(raw: int, expected: int) -> None:
    assert corrected_values([raw], make_certificate(corrections=POINTS)) == [expected]


def test_a_single_point_corrects_every_value_alike() -> None:
    assert corrected_values([0, 5_000], make_certificate(corrections=((4_000, 3),))) == [3, 5_003]


@pytest.mark.parametrize(
    ("raw", "expected"), [(1_001, 1_002), (1_003, 1_004), (-999, -998), (-1_001, -1_000)]
)
def test_half_a_thousandth_goes_to_the_even_one(raw: int, expected: int) -> None:
    half_everywhere = make_certificate(corrections=((raw - 1, 0), (raw + 1, 1)))

    assert corrected_values([raw], half_everywhere) == [expected]


def test_between_three_points_the_two_around_a_value_count() -> None:
    bent = make_certificate(corrections=((0, 0), (10_000, 100), (20_000, 0)))

    assert corrected_values([5_000, 10_000, 15_000], bent) == [5_050, 10_100, 15_050]


def test_the_certificate_in_force_is_chosen_by_the_instant_of_the_reading() -> None:
    first = make_certificate(valid_to_ms=START + MINUTE, corrections=((0, 10),))
    second = make_certificate(
        number="C-2", valid_from_ms=START + 3 * MINUTE, corrections=((0, 20),)
    )

    assert corrected_values([0] * 5, first, second) == [10, 10, 0, 20, 20]


def test_a_later_certificate_supersedes_an_earlier_one_that_is_still_valid() -> None:
    first = make_certificate(corrections=((0, 10),))
    second = make_certificate(number="C-0", valid_from_ms=START + MINUTE)

    assert corrected_values([0, 0], first, second) == [10, 0]
    assert corrected_values([0, 0], second, first) == [10, 0]


def test_of_two_that_began_together_the_larger_number_counts() -> None:
    one, two = (make_certificate(number=f"C-{n}", corrections=((0, n),)) for n in (1, 2))

    assert corrected_values([0], one, two) == corrected_values([0], two, one) == [2]


def test_a_profile_that_forbids_offsets_corrects_nothing() -> None:
    certificate = make_certificate(corrections=POINTS)

    assert corrected_values([2_000], certificate, policy=FORBIDDEN) == [2_000]


def test_codes_of_a_faulty_sensor_are_left_alone() -> None:
    raw = milli_readings([(START, 2_000), (START + 1, 2_000)], [int(ReadingFlag.FAULT), 0])

    found = corrected(raw, (make_certificate(corrections=POINTS),), Uncertainty())

    assert found.value_milli.tolist() == [2_000, 1_900]


def test_certificates_are_in_force_by_server_time() -> None:
    late_clock = make_channel(
        readings(steady(5.0, 60), origin=START - HOUR),
        clock_pairs=(replace(make_channel().clock_pairs[0], logger_ms=START - HOUR),),
        certificates=(make_certificate(corrections=((0, 250),)),),
    )

    result = judge(make_profile(), make_case(late_clock, minutes=60)).channels[0]

    assert result.statistics.highest is not None
    assert result.statistics.highest.milli == 5_250
    assert result.uncalibrated == 0


def test_a_correction_decides_on_which_side_of_a_limit_a_reading_lies() -> None:
    rule_at_once = make_profile(rules=[instant()])
    warm = make_certificate(corrections=((0, 1),))
    channel = make_channel(steady(8.0, 60))

    assert judge(rule_at_once, make_case(channel)).verdict is Verdict.PASS
    corrected_channel = replace(channel, certificates=(warm,))
    assert judge(rule_at_once, make_case(corrected_channel)).verdict is Verdict.FAIL


def instant(**changes: Any) -> dict[str, Any]:
    return {"id": "HI", "when": "T > 8.0", "mode": "instant", "action": "FAIL"} | changes


def policy(**changes: Any) -> Uncertainty:
    return Uncertainty(calibration=Calibration.OPTIONAL, **changes)


@pytest.mark.parametrize(
    ("expanded", "resolution", "drift", "spatial", "expected"),
    [
        (100, 0, 0, 0, 100),
        (300, 0, 0, 200, 500),  # 300² + (2·200)² = 500²
        (100, 10, 0, 0, 101),  # the root of 10 033.3 is a little more than 100
        (0, 100, 0, 0, 58),  # 100/√3 = 57.7
        (0, 0, 100, 0, 116),  # 200/√3 = 115.5
        (0, 3, 0, 0, 2),  # √3 = 1.7
        (0, 0, 0, 0, 0),
    ],
)
def test_uncertainty_is_the_root_of_the_squares_rounded_up(
    expanded: int, resolution: int, drift: int, spatial: int, expected: int
) -> None:
    certificate = make_certificate(
        expanded_milli=expanded, resolution_milli=resolution, drift_milli=drift
    )

    found = uncertainty_milli(Quantity.TEMPERATURE, [certificate], policy(spatial_milli=spatial))

    assert found == expected


@pytest.mark.parametrize(
    ("quantity", "spatial", "expected"),
    [
        (Quantity.TEMPERATURE, 0, 500),
        (Quantity.TEMPERATURE, 600, 1_300),  # 500² + 1 200² = 1 300²
        (Quantity.HUMIDITY, 600, 5_000),  # mapping is about temperatures
        (Quantity.LIGHT, 600, 0),
        (Quantity.SHOCK, 0, 0),
    ],
)
def test_without_a_certificate_the_permissible_error_holds(
    quantity: Quantity, spatial: int, expected: int
) -> None:
    assert uncertainty_milli(quantity, [], policy(spatial_milli=spatial)) == expected
    assert uncertainty_milli(quantity, [None], policy(spatial_milli=spatial)) == expected


def test_the_worst_certificate_of_a_journey_counts() -> None:
    good, bad = make_certificate(expanded_milli=100), make_certificate(expanded_milli=300)

    assert uncertainty_milli(Quantity.TEMPERATURE, [good, bad], policy()) == 300
    assert uncertainty_milli(Quantity.TEMPERATURE, [good, None], policy()) == 500
    assert uncertainty_milli(Quantity.TEMPERATURE, [good], FORBIDDEN) == 500


def result_of(*certificates: Certificate, **profile: Any) -> ChannelResult:
    channel = make_channel(steady(5.0, 60), certificates=certificates)
    return judge(make_profile(**profile), make_case(channel)).channels[0]


def test_only_certificates_in_force_at_some_reading_are_named_and_counted() -> None:
    over = make_certificate(number="C-0", valid_to_ms=START + 9 * MINUTE, expanded_milli=200)
    now = make_certificate(number="C-1", valid_from_ms=START + 1)
    future = make_certificate(number="C-2", valid_from_ms=START + 2 * HOUR, expanded_milli=900)

    result = result_of(future, now, over)

    assert result.certificates == ("C-0", "C-1")
    assert (result.uncertainty_milli, result.uncalibrated) == (200, 0)


def test_one_reading_without_a_certificate_brings_the_permissible_error_back() -> None:
    result = result_of(make_certificate(valid_to_ms=START + 59 * MINUTE))

    assert (result.uncertainty_milli, result.uncalibrated) == (500, 1)
    assert result.certificates == ("C-1",)


@pytest.mark.parametrize(
    ("calibration", "expected"),
    [("required", {ReasonCode.UNCALIBRATED}), ("optional", set())],
)
def test_a_profile_that_requires_calibration_holds_without_it(
    calibration: str, expected: set[ReasonCode]
) -> None:
    profile = make_profile(uncertainty={"calibration": calibration})

    evaluation = judge(profile, make_case(make_channel(steady(5.0, 60))))

    assert codes(evaluation) == expected


@pytest.mark.parametrize("quantity", [Quantity.LIGHT, Quantity.HUMIDITY])
def test_calibration_is_not_asked_of_what_no_rule_needs(quantity: Quantity) -> None:
    profile = make_profile(uncertainty={"calibration": "required"})
    known = make_channel(steady(5.0, 60), certificates=(make_certificate(),))
    other = make_channel(steady(5.0, 60), quantity=quantity, serial="tl-2")

    assert judge(profile, make_case(known, other)).verdict is Verdict.PASS
