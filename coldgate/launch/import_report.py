"""The table of ``coldgate import``: our figures of each channel, beside the device's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.markup import escape

from coldgate.launch.screen import DASH, celsius, grid, verdict_words
from coldgate.model import Verdict

if TYPE_CHECKING:
    from coldgate.launch.judged import Channel, Evaluation, Extreme
    from coldgate.launch.parcel import DeviceReport, FileContent
    from coldgate.launch.screen import Screen

MILLI: Final = 1000
PERMILLE_OF_PERCENT: Final = 10
UNCALIBRATED: Final = "UNCALIBRATED"


def show_import(
    screen: Screen, content: FileContent, evaluation: Evaluation, *, added: int
) -> None:
    """Print what a file said and how it was judged."""
    channels = evaluation.temperatures
    names = [one.channel.removesuffix("/temperature") for one in channels]
    device = content.report
    head = ["", *names, *(["device"] if device else [])]
    table = grid(f"{content.serial}  {content.model}", head, frozenset(head[1:]))
    theirs = _device_column(device)
    ours = [_column(channel) for channel in channels]
    for index, label in enumerate(("readings", "min", "max", "mean", "MKT", "coverage")):
        cells = [column[index] for column in ours]
        table.add_row(label, *cells, *([theirs[index]] if device else []))
    screen.show(table)
    screen.console.print(
        f"verdict {verdict_words(evaluation.verdict)} by {escape(evaluation.profile.id)} "
        f"version {evaluation.profile.version}{_remark(evaluation)}"
    )
    for reason in evaluation.reasons:
        screen.say(f"  {reason.code}: {reason.text}")
    uncalibrated = {one.channel for one in evaluation.reasons if one.code == UNCALIBRATED}
    if any(one.channel in uncalibrated for one in channels):
        screen.say("  name its certificate: --certificate NUMBER FROM TO U")
    for difference in content.differences:
        screen.say(f"  the file contradicts itself: {difference}")
    screen.say(_added_words(added, content.readings))


def _added_words(added: int, readings: int) -> str:
    if added == 0:
        return f"nothing added: all {readings} readings were there already"
    return f"{added} readings added" + (f" of {readings}" if added < readings else "")


def _remark(evaluation: Evaluation) -> str:
    passed = evaluation.verdict is Verdict.PASS
    return ", with excursions that QA must sign" if passed and evaluation.with_excursions else ""


def _column(channel: Channel) -> tuple[str, ...]:
    figures = channel.statistics
    coverage = figures.coverage_permille
    return (
        str(figures.n),
        _extreme(figures.lowest),
        _extreme(figures.highest),
        celsius(figures.mean),
        celsius(figures.mkt),
        DASH if coverage is None else f"{coverage / PERMILLE_OF_PERCENT:.1f} %",
    )


def _extreme(extreme: Extreme | None) -> str:
    return DASH if extreme is None else f"{extreme.milli / MILLI:.1f} °C"


def _device_column(report: DeviceReport | None) -> tuple[str, ...]:
    """The same figures by the device's own account, in its own digits."""
    if report is None:
        return ()
    figures = (
        report.minimum and report.minimum.value,
        report.maximum and report.maximum.value,
        report.average,
        report.mean_kinetic,
    )
    cells = (f"{figure} {report.unit}" if figure else DASH for figure in figures)
    return (DASH, *cells, DASH)
