"""What a person sees of an evaluation; the bytes are for programs."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from judging import make_case, make_channel, make_profile, steady
from rich.console import Console

from analytics.case import Damage, Lot, Role
from analytics.damage import MOST_DAMAGE_PPB
from analytics.judge import judge
from analytics.report import report

if TYPE_CHECKING:
    from analytics.case import Channel
    from analytics.evaluation import Evaluation

WARM = [*steady(5, 120), *steady(16, 120, start=130), *steady(5, 60, start=260)]
BUDGET = make_profile(stability={"bands": [{"above": 8.0, "budget": "10h"}]})


def shown(evaluation: Evaluation, *, width: int = 100) -> list[list[str]]:
    """The words of each line that is not empty."""
    stream = StringIO()
    Console(file=stream, width=width).print(report(evaluation))
    return [line.split() for line in stream.getvalue().splitlines() if line.strip()]


def judged(*channels: Channel, lot: Lot | None = None) -> Evaluation:
    return judge(BUDGET, make_case(*channels, lots=(lot,) if lot else ()))


def test_report_begins_with_the_verdict_and_why() -> None:
    lines = shown(judged(make_channel(WARM)))

    assert lines[0] == ["FAIL,", "major"]
    assert lines[1][:3] == ["FAIL", "RULE_VIOLATED", "tl-1/0/temperature:"]


def test_each_channel_has_a_row_that_fits_eighty_columns() -> None:
    lines = shown(judged(make_channel(WARM)), width=80)

    (row,) = (line for line in lines if line[0] == "tl-1/0")
    assert row[:6] == ["tl-1/0", "FAIL", "5.0", "°C", "16.0", "°C"]
    assert row[-5:] == ["33", "of", "33", "100.0", "%"]


def test_excursion_is_listed_with_its_begin_its_length_and_its_peak() -> None:
    lines = shown(judged(make_channel(WARM)))

    (row,) = (line for line in lines if line[0] == "HI")
    assert row[1:4] == ["tl-1/0", "2026-01-01", "02:02:43Z"]
    assert row[-2:] == ["16.0", "°C"]


def test_zones_are_told_where_there_are_several() -> None:
    inside = make_channel(steady(5, 60), zone="box")
    outside = make_channel(steady(30, 60), serial="tl-2", zone="air", role=Role.REFERENCE)

    assert "zone" not in [word for line in shown(judged(inside)) for word in line]
    rows = {line[0]: line for line in shown(judged(inside, outside))}
    assert rows["tl-1/0"][1:3] == ["box", "PASS"]
    assert rows["tl-2/0"][1:3] == ["air", "-"]


def test_budget_of_a_lot_is_told_with_both_bounds() -> None:
    spent = Damage(optimistic_ppb=0, measured_ppb=10**8, pessimistic_ppb=2 * 10**8)
    lot = Lot(key="vaccine A1", zone="box", spent=spent)

    lines = shown(judged(make_channel(WARM, zone="box"), lot=lot))

    (row,) = (line for line in lines if line[:2] == ["vaccine", "A1"])
    assert row[2:8] == ["box", "PASS", "0.0", "to", "20.0", "%"]


def test_share_that_nobody_can_bound_is_no_figure() -> None:
    lot = Lot(key="A1", zone="box", spent=Damage(pessimistic_ppb=MOST_DAMAGE_PPB))

    lines = shown(judged(make_channel(WARM, zone="box"), lot=lot))

    (row,) = (line for line in lines if line[0] == "A1")
    assert row[1:4] == ["box", "HOLD", "unknown"]
