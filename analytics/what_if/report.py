"""A dry run as a person reads it: how many answers change, which, and why."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich import box
from rich.console import Group
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from analytics.report import STYLES
from analytics.what_if.comparison import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import RenderableType

    from analytics.what_if.comparison import Answer, Result

MOST_SHOWN: Final = 50  # changes; the file of results has all
RANKS: Final = {outcome: rank for rank, outcome in enumerate(Outcome)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many consignments came out how, and the gravest changes."""

    counts: Counter[Outcome]
    changes: tuple[Result, ...]

    @property
    def changed(self) -> int:
        """How many do not have the same answer."""
        return self.counts.total() - self.counts[Outcome.SAME]


def tally(results: Iterable[Result], *, most: int = MOST_SHOWN) -> Tally:
    """The tally of results in any order; it holds ``most`` of them at a time."""
    counts: Counter[Outcome] = Counter()

    def changes() -> Iterator[Result]:
        for result in results:
            counts[result.outcome] += 1
            if result.outcome is not Outcome.SAME:
                yield result

    gravest = heapq.nsmallest(most, changes(), key=_gravity)
    return Tally(counts=counts, changes=tuple(gravest))


def report(told: Tally) -> RenderableType:
    """Counts and changes."""
    parts: list[RenderableType] = [_counts(told)]
    if told.changes:
        parts.append(_changes(told))
    if told.changed > len(told.changes):
        parts.append(f" and {told.changed - len(told.changes):,} more, all in the file of results")
    return Group(*(Padding(part, (1, 0, 0, 1)) for part in parts))


def _gravity(result: Result) -> tuple[int, str]:
    return RANKS[result.outcome], result.past.consignment


def _counts(told: Tally) -> Table:
    table = Table(box=None, show_header=False)
    table.add_column(justify="right")
    for outcome in Outcome:
        if told.counts[outcome]:
            table.add_row(f"{told.counts[outcome]:,}", outcome.value)
    return table


def _changes(told: Tally) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("consignment", overflow="fold")
    table.add_column("lines")
    table.add_column("was", no_wrap=True)
    table.add_column("would be", no_wrap=True)
    table.add_column("why", overflow="fold", ratio=1)
    for result in told.changes:
        past = result.past
        table.add_row(
            escape(past.consignment),
            escape(_lines(past.lines)),
            _words(past.answer),
            "-" if result.would_be is None else _words(result.would_be),
            escape(result.why),
        )
    if any(map(_starred, told.changes)):
        table.caption = "* with excursions that QA must sign"
        table.caption_justify = "left"
    return table


def _lines(states: tuple[str, ...]) -> str:
    """The states that lines are in, with their number where they differ."""
    counts = Counter(states)
    if len(counts) <= 1:
        return next(iter(counts), "none")
    return ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))


def _words(answer: Answer) -> str:
    coloured = f"[{STYLES[answer.verdict]}]{answer.verdict.value}[/]"
    return f"{coloured} *" if answer.with_excursions else coloured


def _starred(result: Result) -> bool:
    shown = (result.past.answer, result.would_be)
    return any(answer is not None and answer.with_excursions for answer in shown)
