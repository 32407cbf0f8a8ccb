"""An evaluation as a person reads it on a terminal: verdict, reasons, one row for each channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich import box
from rich.console import Group
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from analytics.reasons import duration_words, instant_words
from coldgate.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from analytics.evaluation import ChannelResult, Evaluation, Excursion, Extreme

STYLES: Final = {Verdict.PASS: "green", Verdict.HOLD: "yellow", Verdict.FAIL: "red"}
DASH: Final = "-"
CHANNELS: Final = ("channel", "zone", "verdict", "min", "max", "mean", "MKT", "readings")
CHANNEL_COUNTS: Final = ("missing", "covered")
EXCURSIONS: Final = ("excursion", "channel", "from", "for", "peak")
TO_THE_RIGHT: Final = frozenset({*CHANNELS[3:], *CHANNEL_COUNTS, "for", "peak"})


def report(evaluation: Evaluation) -> RenderableType:
    """The whole of an evaluation that fits on one screen."""
    parts: list[RenderableType] = [Padding(_verdict(evaluation), (1, 0, 0, 2))]
    if evaluation.reasons:
        parts.append(Padding(_reasons(evaluation), (0, 0, 0, 2)))
    if evaluation.channels:
        head = (*CHANNELS, *CHANNEL_COUNTS)
        parts.append(_table(head, map(_channel_row, evaluation.channels)))
    if evaluation.excursions:
        parts.append(_table(EXCURSIONS, _excursion_rows(evaluation)))
    return Group(*parts)


def _verdict(evaluation: Evaluation) -> str:
    remarks = []
    if evaluation.verdict is Verdict.PASS and evaluation.with_excursions:
        remarks.append("with excursions that QA must sign")
    if evaluation.provisional:
        remarks.append("provisional: the journey goes on")
    return ", ".join([_coloured(evaluation.verdict), *remarks])


def _reasons(evaluation: Evaluation) -> Table:
    listed = Table(box=None, show_header=False, pad_edge=False)
    for reason in evaluation.reasons:
        listed.add_row(_coloured(reason.verdict), reason.code.value, escape(reason.text))
    return listed


def _channel_row(channel: ChannelResult) -> tuple[str, ...]:
    figures, unit = channel.statistics, channel.quantity.unit
    covered = figures.coverage_permille
    return (
        escape(channel.channel),
        escape(channel.zone or DASH),
        _coloured(channel.verdict),
        _extreme(figures.lowest, unit),
        _extreme(figures.highest, unit),
        DASH if figures.mean is None else f"{figures.mean:.2f} {unit}",
        DASH if figures.mkt is None else f"{figures.mkt:.2f} {unit}",
        str(figures.n),
        DASH if figures.missing is None else str(figures.missing),
        DASH if covered is None else f"{covered / 10:.1f} %",
    )


def _excursion_rows(evaluation: Evaluation) -> Iterable[tuple[str, ...]]:
    units = {channel.channel: channel.quantity.unit for channel in evaluation.channels}
    return (_excursion_row(one, units[one.channel]) for one in evaluation.excursions)


def _excursion_row(excursion: Excursion, unit: str) -> tuple[str, ...]:
    return (
        escape(excursion.rule),
        escape(excursion.channel),
        instant_words(excursion.start_ms),
        duration_words(excursion.lin_ms) + (" so far" if excursion.provisional else ""),
        f"{excursion.peak_milli / 1000:.1f} {unit}",
    )


def _extreme(extreme: Extreme | None, unit: str) -> str:
    return DASH if extreme is None else f"{extreme.milli / 1000:.1f} {unit}"


def _coloured(verdict: Verdict) -> str:
    return f"[{STYLES[verdict]}]{verdict.value}[/]"


def _table(head: Sequence[str], rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for name in head:
        right = name in TO_THE_RIGHT
        table.add_column(name, justify="right" if right else "left", no_wrap=right)
    for row in rows:
        table.add_row(*row)
    return table
