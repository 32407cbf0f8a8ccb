"""What the judge says of real HOBO, TOMST and freezer exports beside figures computed another way.

The figures stand in the tables of docs/validation.md. Skipped where the shared data are absent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from functools import cache
from itertools import pairwise, permutations
from math import exp, fsum, log
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final

import device_files as files
import pytest
from device_files import as_channel, as_readings, cells, judged, read, tomst
from judging import BUILTIN, as_exact, make_profile, make_rule

from analytics.evaluation import ReasonCode
from analytics.judge import judge
from analytics.readings import joined
from analytics.reference import differences, reference
from coldgate.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from analytics.case import Channel
    from analytics.evaluation import ChannelResult
    from analytics.readings import Readings

pytestmark = files.present
LIMIT_MILLI: Final = 25_000
FIELD: Final = as_exact(
    make_profile(
        label=[None, 25.0],
        rules=[make_rule(when="T > 25.0", mode="cumulative", budget="24h")],
        mkt={"dH": 83.144},
    )
)
FROZEN: Final = as_exact(BUILTIN["FROZEN_M25_M15"])


@dataclass(frozen=True)
class Export:
    """A file, how the product reads it, and which raw column is its first temperature."""

    path: Path
    mapping: dict[str, Any]
    index: int
    delimiter: str = ","
    skip: int = 1


EXPORTS: Final = {
    "canopy 01": Export(files.CANOPY_01[-1], files.CANOPY_MAPPING, 2),
    "canopy 01, second run": Export(files.CANOPY_LATER, files.CANOPY_MAPPING, 2),
    "site 12": Export(files.SITE_12, files.SITE_12_MAPPING, 3, skip=2),
    "20024354, text": Export(files.HOBO_TEXT, files.HOBO_TEXT_MAPPING, 1, delimiter=";"),
    "20024354, comma": Export(files.HOBO_COMMA, files.HOBO_COMMA_MAPPING, 2, skip=2),
    "freezer": Export(files.FREEZER, files.FREEZER_MAPPING, 6),
    **{
        str(serial): Export(tomst(serial), files.TOMST_MAPPING, 3, delimiter=";", skip=0)
        for serial in (91184101, 92201058, 94184102, 94184103)
    },
}
FREEZER_TIMES: Final = {
    "local text": (["DateTime"], "%d/%m/%Y, %I:%M:%S %p"),
    "date and 12-hour time": (["Date", "Time"], "%Y-%m-%d %I:%M:%S %p"),
    "date and 24-hour time": (["Date", "Time24"], "%Y-%m-%d %H:%M:%S"),
    "ISO in UTC": (["ISOdateTime"], "%Y-%m-%dT%H:%M:%S.%f%z"),
    "epoch": (["LinuxTime"], "epoch_s"),
}


@cache
def channel(name: str) -> Channel:
    """The first temperature of an export, as the product reads it."""
    return as_channel(read(EXPORTS[name].path, EXPORTS[name].mapping))


def first_channel(name: str) -> ChannelResult:
    return judged(FIELD, channel(name)).channels[0]


def milli(export: Export) -> list[int]:
    """The raw column in thousandths, straight from the text of the file."""
    texts = cells(export.path, export.index, delimiter=export.delimiter, skip=export.skip)
    return [
        int((1000 * Decimal(text)).to_integral_value(ROUND_HALF_EVEN))
        for text in texts
        if Decimal(text) != -200
    ]


def trapezoid(values: list[float]) -> float:
    """Mean over time of what is sampled at equal steps and linear between."""
    return fsum((*values, -values[0] / 2, -values[-1] / 2)) / (len(values) - 1)


def mean_kinetic(values: list[int]) -> float:
    """MKT of equal steps for 83.144 kJ/mol (section 2)."""
    theta = 83.144 / 8.314462618e-3
    rate = trapezoid([exp(-theta / (v / 1000 + 273.15)) for v in values])
    return theta / -log(rate) - 273.15


def share_above(a: int, b: int) -> Fraction:
    """Share of a straight line from ``a`` to ``b`` that lies above the limit."""
    low, high = sorted((a, b))
    if high <= LIMIT_MILLI:
        return Fraction(0)
    return Fraction(high - max(low, LIMIT_MILLI), high - low) if high > low else Fraction(1)


@pytest.mark.parametrize("name", EXPORTS)
def test_statistics_are_those_of_the_files_own_column(name: str) -> None:
    ours = first_channel(name).statistics

    theirs = milli(EXPORTS[name])
    assert ours.lowest is not None
    assert ours.highest is not None
    assert (ours.n, ours.invalid, ours.conflicts, ours.missing) == (len(theirs), 0, 0, 0)
    assert (ours.lowest.milli, ours.highest.milli) == (min(theirs), max(theirs))
    assert (ours.coverage_permille, ours.gaps) == (1000, ())
    assert ours.mean == pytest.approx(trapezoid([v / 1000 for v in theirs]), abs=1e-6)
    assert ours.mkt == pytest.approx(mean_kinetic(theirs), abs=1e-6)


@pytest.mark.parametrize("name", EXPORTS)
def test_time_above_the_limit_is_that_of_straight_lines_through_the_column(name: str) -> None:
    result = first_channel(name)

    steps = sum(share_above(a, b) for a, b in pairwise(milli(EXPORTS[name])))
    assert result.interval_ms is not None
    rule = result.rules[0]
    assert 0 <= rule.measured_ms - steps * result.interval_ms < 2 * rule.events + 1


@pytest.mark.parametrize("name", EXPORTS)
def test_reference_judge_answers_the_same(name: str) -> None:
    case = files.whole_log(channel(name))

    assert differences(judge(FIELD, case).as_json(), reference(FIELD, case)) == []


@pytest.mark.parametrize("name", ["canopy 01", "canopy 01, second run"])
def test_hobo_extremes_and_mean_are_within_what_the_device_saw_between_its_readings(
    name: str,
) -> None:
    export = EXPORTS[name]

    ours = first_channel(name).statistics

    highest, lowest, average = (
        [float(text) for text in cells(export.path, index)] for index in (3, 4, 5)
    )
    assert 0 <= max(highest) - ours.highest.milli / 1000 < 0.02  # type: ignore[union-attr]  # there are readings
    assert 0 <= ours.lowest.milli / 1000 - min(lowest) < 0.03  # type: ignore[union-attr]  # there are readings
    assert ours.mean == pytest.approx(fmean(average), abs=0.005)


def test_overlapping_downloads_in_any_order_are_one_evaluation() -> None:
    downloads = [read(path, files.CANOPY_MAPPING) for path in files.CANOPY_01]
    longest = judged(FIELD, as_channel(downloads[-1]), as_channel(downloads[-1], 1))

    for order in permutations(downloads):
        temperature, humidity = (together(as_readings(file, i) for file in order) for i in (0, 1))
        channels = (
            replace(as_channel(order[0]), readings=temperature),
            replace(as_channel(order[0], 1), readings=humidity),
        )
        assert judged(FIELD, *channels).to_bytes() == longest.to_bytes()


def together(parts: Iterable[Readings]) -> Readings:
    first, *others = parts
    for other in others:
        first = joined(first, other)
    return first


def test_download_of_the_next_run_leaves_the_time_between_open() -> None:
    runs = [read(path, files.CANOPY_MAPPING) for path in (files.CANOPY_LATER, files.CANOPY_01[-1])]
    both = together(as_readings(file) for file in runs)

    statistics = judged(FIELD, replace(as_channel(runs[0]), readings=both)).channels[0].statistics

    (begin, end), *others = statistics.gaps
    assert others == []
    assert end - begin == (2 * 24 * 60 + 7 * 60 + 35) * 60_000
    assert statistics.n == sum(file.readings for file in runs)


@pytest.mark.parametrize("series", [0, 1], ids=["temperature", "humidity"])
def test_two_export_styles_of_one_run_are_one_evaluation(series: int) -> None:
    text = read(files.HOBO_TEXT, files.HOBO_TEXT_MAPPING)
    comma = read(files.HOBO_COMMA, files.HOBO_COMMA_MAPPING)

    evaluations = [judged(FIELD, as_channel(file, series)) for file in (text, comma)]

    assert text.rows_without_values == comma.rows_without_values == 3
    assert evaluations[0].digest == evaluations[1].digest
    assert evaluations[0].channels[0].statistics.n == 20_881


def test_five_time_columns_of_the_freezer_are_one_evaluation() -> None:
    digests = {
        judged(FROZEN, as_channel(freezer_by(columns, form))).digest
        for columns, form in FREEZER_TIMES.values()
    }

    assert len(digests) == 1


def freezer_by(columns: list[str], form: str) -> Any:
    time = {"columns": columns, "format": form}
    return read(files.FREEZER, files.FREEZER_MAPPING, zone="Australia/Brisbane", time=time)


def test_freezer_was_too_warm_six_times_and_never_too_cold() -> None:
    evaluation = judged(FROZEN, as_channel(read(files.FREEZER, files.FREEZER_MAPPING)))

    thaw, cold = evaluation.channels[0].rules
    assert evaluation.verdict is Verdict.HOLD
    assert (thaw.events, cold.events) == (6, 0)
    assert max(event.peak_milli for event in evaluation.excursions) == -12_700
    assert evaluation.channels[0].statistics.mkt is None


def test_tomst_sensor_that_is_not_there_proves_nothing() -> None:
    file = read(tomst(91184101), files.TOMST_MAPPING)

    evaluation = judged(FIELD, *(as_channel(file, sensor) for sensor in range(3)))

    readings = [channel.statistics.n for channel in evaluation.channels]
    silent = {r.channel for r in evaluation.reasons if r.code is ReasonCode.NO_READINGS}
    assert readings == [16_508, 0, 0]
    assert silent == {"91184101/1/temperature", "91184101/2/temperature"}
    assert evaluation.verdict is Verdict.HOLD
