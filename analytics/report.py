"""An evaluation as a person reads it on a terminal: verdict, reasons, one row for each channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich import box
from rich.console import Group
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from analytics.case import Role
from analytics.damage import MOST_DAMAGE_PPB
from analytics.evaluation import Severity
from analytics.reasons import duration_words, instant_words
from coldgate.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from analytics.case import Damage
    from analytics.evaluation import BudgetResult, ChannelResult, Evaluation, Extreme

STYLES: Final = {Verdict.PASS: "green", Verdict.HOLD: "yellow", Verdict.FAIL: "red"}
DASH: Final = "-"
NAMES: Final = frozenset({"channel", "zone", "excursion", "lot"})  # fold where room is short
WORDS: Final = frozenset({"verdict", "from"})
PPB_OF_PERCENT: Final = 10**7


def report(evaluation: Evaluation) -> RenderableType:
    """The whole of an evaluation that fits on one screen."""
    answer: list[RenderableType] = [_verdict(evaluation)]
    if evaluation.reasons:
        answer.append(_reasons(evaluation))
    parts: list[RenderableType] = [Group(*answer)]
    if evaluation.channels:
        parts.append(_channels(evaluation.channels))
    if evaluation.excursions:
        parts.append(_excursions(evaluation))
    if evaluation.budgets:
        parts.append(_budgets(evaluation.budgets))
    return Group(*(Padding(part, (1, 0, 0, 1)) for part in parts), "")


def _verdict(evaluation: Evaluation) -> str:
    remarks = []
    if evaluation.severity is not Severity.NONE:
        remarks.append(evaluation.severity.value.lower())
    if evaluation.verdict is Verdict.PASS and evaluation.with_excursions:
        remarks.append("with excursions that QA must sign")
    if evaluation.provisional:
        remarks.append("provisional: the journey goes on")
    return " " + ", ".join([_coloured(evaluation.verdict), *remarks])


def _reasons(evaluation: Evaluation) -> Table:
    listed = Table(box=None, show_header=False)
    for reason in evaluation.reasons:
        listed.add_row(_coloured(reason.verdict), reason.code.value, escape(reason.text))
    return listed


def _channels(channels: Sequence[ChannelResult]) -> Table:
    """One row for each channel; its zone where there are several."""
    several = len({channel.zone for channel in channels}) > 1
    zone = ("zone",) if several else ()
    table = _table("channel", *zone, "verdict", "min", "max", "MKT", "readings", "covered")
    for channel in channels:
        place = (escape(channel.zone or DASH),) if several else ()
        table.add_row(
            _sensor(channel.channel),
            *place,
            _role(channel),
            *_figures(channel),
        )
    return table


def _sensor(channel: str) -> str:
    """The channel's name without its quantity, which the units beside it tell."""
    return escape(channel.rpartition("/")[0])


def _role(channel: ChannelResult) -> str:
    return DASH if channel.role is Role.REFERENCE else _coloured(channel.verdict)


def _figures(channel: ChannelResult) -> tuple[str, ...]:
    figures, unit = channel.statistics, channel.quantity.unit
    expected, covered = figures.expected, figures.coverage_permille
    return (
        _extreme(figures.lowest, unit),
        _extreme(figures.highest, unit),
        DASH if figures.mkt is None else f"{figures.mkt:.2f} {unit}",
        f"{figures.n} of {figures.n if expected is None else expected}",
        DASH if covered is None else f"{covered / 10:.1f} %",
    )


def _excursions(evaluation: Evaluation) -> Table:
    units = {channel.channel: channel.quantity.unit for channel in evaluation.channels}
    table = _table("excursion", "channel", "from", "for", "peak")
    for one in evaluation.excursions:
        table.add_row(
            escape(one.rule),
            _sensor(one.channel),
            instant_words(one.start_ms),
            duration_words(one.lin_ms) + (" so far" if one.provisional else ""),
            f"{one.peak_milli / 1000:.1f} {units[one.channel]}",
        )
    return table


def _budgets(budgets: Sequence[BudgetResult]) -> Table:
    table = _table("lot", "zone", "verdict", "spent before", "here", "in all")
    for one in budgets:
        shares = (_share(damage) for damage in (one.spent, one.here, one.total))
        table.add_row(escape(one.key), escape(one.zone), _coloured(one.verdict), *shares)
    return table


def _share(damage: Damage) -> str:
    """Both bounds of a share of the budget; one figure where they are the same."""
    bounds = dict.fromkeys(
        f"{ppb / PPB_OF_PERCENT:.1f}" for ppb in (damage.optimistic_ppb, damage.pessimistic_ppb)
    )
    return f"{' to '.join(bounds)} %" if damage.pessimistic_ppb < MOST_DAMAGE_PPB else "unknown"


def _extreme(extreme: Extreme | None, unit: str) -> str:
    return DASH if extreme is None else f"{extreme.milli / 1000:.1f} {unit}"


def _coloured(verdict: Verdict) -> str:
    return f"[{STYLES[verdict]}]{verdict.value}[/]"


def _table(*head: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for name in head:
        if name in NAMES:
            table.add_column(name, overflow="fold")
        else:
            table.add_column(name, justify="left" if name in WORDS else "right", no_wrap=True)
    return table
