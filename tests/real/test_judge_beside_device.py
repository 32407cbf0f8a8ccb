"""What the judge says of real Berlinger exports beside what the device itself said.

The figures stand in the tables of docs/validation.md. Skipped where the shared data are absent.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import device_files as files
import pytest
from device_files import as_channel, daily_report, printed, read_tag
from judging import (
    BUILTIN,
    MINUTE,
    as_exact,
    make_case,
    make_channel,
    make_profile,
    make_rule,
    milli_readings,
)

from analytics.case import Window
from analytics.evaluation import ReasonCode
from analytics.exposure import Finding
from analytics.judge import judge
from coldgate.instant import epoch_ms, from_epoch_ms
from coldgate.model import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from analytics.evaluation import Evaluation
    from analytics.profile import Profile
    from gateway.readers.logger_file import DeviceDay, DeviceReport

pytestmark = files.present


def judged(path: Path, profile: Profile) -> tuple[Evaluation, DeviceReport]:
    """The evaluation of a whole export, from its first to its last reading, and its own report."""
    file = read_tag(path)
    assert file.report is not None
    return files.judged(as_exact(profile), as_channel(file)), file.report


def judged_by_days(path: Path, profile: Profile) -> tuple[Evaluation, DeviceReport]:
    """The evaluation of the daily extremes as readings of a minute each; all else is unknown.

    The window is that of the listed days; the device counts its last minute in full.
    """
    report = daily_report(path)
    extremes = [extreme for day in report.days for extreme in (day.minimum, day.maximum)]
    rows = [(epoch_ms(each.taken_at), int(1000 * each.value)) for each in extremes]
    channel = make_channel(milli_readings(rows), interval_ms=MINUTE, clock_pairs=())
    assert report.started_at is not None
    assert report.stopped_at is not None
    listed = datetime.combine(min(day.day for day in report.days), time(), UTC)
    window = Window(
        begin_ms=epoch_ms(max(report.started_at, listed)),
        end_ms=epoch_ms(report.stopped_at) + MINUTE,
    )
    return judge(as_exact(profile), make_case(channel, window=window)), report


def like_the_device(budget: str) -> Profile:
    """The device's own alarm and activation energy: above 8 °C in all, at so many minutes."""
    rule: dict[str, Any] = make_rule(mode="cumulative", budget=budget, trigger="at")
    return make_profile(rules=[rule], mkt={"dH": 83.0})


def moment(instant_ms: int | None) -> datetime:
    assert instant_ms is not None
    return from_epoch_ms(instant_ms)


def test_q_tag_figures_are_within_a_tenth_of_the_devices_own() -> None:
    evaluation, report = judged(files.Q_TAG, like_the_device("30min"))

    statistics = evaluation.channels[0].statistics
    assert (statistics.n, statistics.missing, statistics.coverage_permille) == (424, 0, 1000)
    assert (statistics.lowest.milli, statistics.highest.milli) == (9_700, 12_700)  # type: ignore[union-attr]  # there are readings
    assert statistics.mean == pytest.approx(10.469, abs=0.0005)
    assert statistics.mkt == pytest.approx(10.476, abs=0.0005)
    assert abs(Decimal(str(statistics.mkt)) - report.mean_kinetic) < Decimal("0.1")  # type: ignore[operator]  # it reports one


@pytest.mark.parametrize(("budget", "alarm"), [("30min", 0), ("60min", 1)])
def test_q_tag_alarm_comes_one_interval_after_ours(budget: str, alarm: int) -> None:
    evaluation, report = judged(files.Q_TAG, like_the_device(budget))

    raised_at = report.alarms[alarm].raised_at
    triggered_at = moment(evaluation.channels[0].rules[0].first_trigger_ms)
    assert raised_at is not None
    assert (raised_at - triggered_at).total_seconds() == 600
    assert report.alarms[alarm].outside_minutes == 4226
    assert evaluation.excursions[0].lin_ms == 4230 * 60_000


@pytest.mark.parametrize(
    ("profile", "verdict"),
    [
        ("WHO_ESI_TYPE1", Verdict.PASS),
        ("WHO_30DTR", Verdict.HOLD),
        ("USP_CCT_2_8", Verdict.FAIL),
    ],
)
def test_q_tag_verdict_depends_on_the_profile(profile: str, verdict: Verdict) -> None:
    assert judged(files.Q_TAG, BUILTIN[profile])[0].verdict is verdict


def test_q_tag_without_a_certificate_proves_nothing_good_under_a_profile_as_shipped() -> None:
    evaluation = files.judged(BUILTIN["LABEL_BELOW_25"], as_channel(read_tag(files.Q_TAG)))

    assert {reason.code for reason in evaluation.reasons} == {ReasonCode.UNCALIBRATED}
    assert evaluation.channels[0].uncertainty_milli == 500
    assert evaluation.verdict is Verdict.HOLD


def test_fridge_tag_alarms_lie_in_what_its_export_leaves_out_and_hold() -> None:
    evaluation, report = judged(files.FRIDGE_TAG_2L, BUILTIN["WHO_30DTR"])

    statistics = evaluation.channels[0].statistics
    gaps = [(moment(begin), moment(end)) for begin, end in statistics.gaps]
    raised = [alarm.raised_at for alarm in report.alarms]
    assert evaluation.verdict is Verdict.HOLD
    assert (statistics.n, statistics.missing, statistics.coverage_permille) == (53, 10_669, 4)
    assert all(any(begin < at < end for begin, end in gaps) for at in raised if at is not None)


def test_fridge_tag_minutes_above_the_limit_lie_within_our_bounds() -> None:
    evaluation, report = judged(files.FRIDGE_TAG_2L, like_the_device("60min"))

    rule = evaluation.channels[0].rules[0]
    assert rule.optimistic_ms <= minutes_above(report) * MINUTE <= rule.pessimistic_ms


def minutes_above(report: DeviceReport) -> int:
    """Minutes above the upper limit, which is alarm 1 of every Fridge-tag here."""
    return sum(dict(day.alarm_minutes)[1] for day in report.days)


@pytest.mark.parametrize(
    ("path", "minutes"), [*zip(files.FRIDGE_TAG_2, (85_326, 10, 14), strict=True)]
)
def test_daily_extremes_alone_bound_what_the_device_counted(path: Path, minutes: int) -> None:
    evaluation, report = judged_by_days(path, like_the_device("600min"))

    rule = evaluation.channels[0].rules[0]
    assert minutes_above(report) == minutes
    assert rule.optimistic_ms <= minutes * MINUTE <= rule.pessimistic_ms
    assert rule.finding is Finding.UNDECIDED


def test_one_daily_extreme_is_enough_where_an_instant_counts() -> None:
    for path in files.FRIDGE_TAG_2[:2]:
        evaluation, report = judged_by_days(path, BUILTIN["USP_CCT_2_8"])

        hard = next(rule for rule in evaluation.channels[0].rules if rule.rule == "HI_HARD")
        hot = [day for day in report.days if day.maximum.value > 15]
        assert hard.events >= len(hot) > 0
        assert evaluation.verdict is Verdict.FAIL


@pytest.mark.parametrize("path", files.FRIDGE_TAG_2[:2], ids=lambda path: path.stem)
def test_days_of_the_text_file_are_those_that_the_device_printed(path: Path) -> None:
    report = daily_report(path)

    texts = printed(path.with_suffix(".pdf"))
    begins = [texts.index(name(day, report)) for day in report.days]
    shown = [texts[begin : begin + 9] for begin in begins]
    for day, row in zip(report.days, shown, strict=True):
        figures = [text.removesuffix("°C") for text in row if text.endswith("°C")]
        assert [Decimal(text) for text in figures] == [
            day.average,
            day.minimum.value,
            day.maximum.value,
        ]


def name(day: DeviceDay, report: DeviceReport) -> str:
    """How the printed list calls the day."""
    return "Today" if day is report.days[0] else f"{day.day:%d.%m.%Y}"


def test_q_tag_printed_what_its_text_file_says() -> None:
    report = read_tag(files.Q_TAG).report
    texts = printed(files.Q_TAG.with_suffix(".pdf"))

    assert report is not None
    raised = [alarm.raised_at for alarm in report.alarms if alarm.raised_at is not None]
    sounded = [texts[i + 2] for i, text in enumerate(texts) if text == "ALARM"]
    assert texts[texts.index("MKT") + 1] == f"+{report.mean_kinetic}°C"
    assert texts[texts.index("Average temperature") + 1] == f"+{report.average}°C"
    assert texts[texts.index("Total number of measurements") + 1] == "424"
    assert sounded == [f"{at:%H:%M}" for at in raised]
