"""What the judge says of real Berlinger exports beside what the device itself said.

The figures stand in the table of docs/validation.md. Skipped where the shared data are absent.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from judging import BUILTIN, make_case, make_channel, make_profile, make_rule

from analytics.case import Window
from analytics.judge import judge
from analytics.readings import Readings
from coldgate import wire
from coldgate.instant import from_epoch_ms
from coldgate.model import Verdict
from gateway.readers.berlinger import read_berlinger
from gateway.readers.local_time import find_zone

if TYPE_CHECKING:
    from datetime import datetime

    from analytics.evaluation import Evaluation
    from analytics.profile import Profile
    from gateway.readers.berlinger_report import DeviceReport

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "berlinger-msupply"
Q_TAG = ("QTag_CLm_doc_LR__RCPJ00010_03_202304201359.txt", 10)
FRIDGE_TAG_2L = ("FridgeTag_2L__test.txt", 5)

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data folder is absent")


def judged(export: tuple[str, int], profile: Profile) -> tuple[Evaluation, DeviceReport]:
    """The evaluation of a whole export, from its first to its last reading, and its own report."""
    name, interval_minutes = export
    file = read_berlinger(name, (DATA / name).read_bytes(), zone=find_zone("UTC"))
    assert file.report is not None
    values = np.concatenate([wire.to_milli(block.series[0])[0] for block in file.blocks])
    readings = Readings(
        taken_at_ms=np.concatenate([block.taken_ms for block in file.blocks]),
        value_milli=values.astype(np.int32),
        flags=np.zeros(len(values), np.uint8),
    )
    channel = make_channel(
        readings, serial=file.serial, interval_ms=interval_minutes * 60_000, clock_pairs=()
    )
    window = Window(begin_ms=None, end_ms=None, stopped=True)
    return judge(profile, make_case(channel, window=window)), file.report


def like_the_device(budget: str) -> Profile:
    """The device's own alarm and activation energy: above 8 °C in all, at so many minutes."""
    rule: dict[str, Any] = make_rule(mode="cumulative", budget=budget, trigger="at")
    return make_profile(rules=[rule], mkt={"dH": 83.0})


def moment(epoch_ms: int | None) -> datetime:
    assert epoch_ms is not None
    return from_epoch_ms(epoch_ms)


def test_q_tag_figures_are_within_a_tenth_of_the_devices_own() -> None:
    evaluation, report = judged(Q_TAG, like_the_device("30min"))

    statistics = evaluation.channels[0].statistics
    assert (statistics.n, statistics.missing, statistics.coverage_permille) == (424, 0, 1000)
    assert (statistics.lowest.milli, statistics.highest.milli) == (9_700, 12_700)  # type: ignore[union-attr]  # there are readings
    assert statistics.mean == pytest.approx(10.469, abs=0.0005)
    assert statistics.mkt == pytest.approx(10.476, abs=0.0005)
    assert abs(Decimal(str(statistics.mkt)) - report.mean_kinetic) < Decimal("0.1")  # type: ignore[operator]  # it reports one


@pytest.mark.parametrize(("budget", "alarm"), [("30min", 0), ("60min", 1)])
def test_q_tag_alarm_comes_one_interval_after_ours(budget: str, alarm: int) -> None:
    evaluation, report = judged(Q_TAG, like_the_device(budget))

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
    assert judged(Q_TAG, BUILTIN[profile])[0].verdict is verdict


def test_fridge_tag_alarms_lie_in_what_its_export_leaves_out_and_hold() -> None:
    evaluation, report = judged(FRIDGE_TAG_2L, BUILTIN["WHO_30DTR"])

    statistics = evaluation.channels[0].statistics
    gaps = [(moment(begin), moment(end)) for begin, end in statistics.gaps]
    raised = [alarm.raised_at for alarm in report.alarms]
    assert evaluation.verdict is Verdict.HOLD
    assert (statistics.n, statistics.missing, statistics.coverage_permille) == (53, 10_669, 4)
    assert all(any(begin < at < end for begin, end in gaps) for at in raised if at is not None)
