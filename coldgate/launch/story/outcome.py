"""How each consignment's story ended, whether that is how it had to, and the table of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.markup import escape

from coldgate.launch.screen import celsius, grid, verdict_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from coldgate.launch.judged import Evaluation
    from coldgate.launch.story.cast import Ending

NUMBERS: Final = frozenset({"MKT", "min out", "readings", "missing"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What happened to one lot; ``wrong`` lists figures that are not what they must be."""

    lot: str
    ending: Ending
    expected: Ending
    why: str
    evaluation: Evaluation
    readings_due: int
    wrong: tuple[str, ...] = ()

    @property
    def as_expected(self) -> bool:
        """Whether the story ended as it had to."""
        complete = self.evaluation.readings == self.readings_due
        return self.ending == self.expected and complete and not self.wrong


def outcome_table(outcomes: Sequence[Outcome]) -> Table:
    """One row for each lot; what was expected instead stands below a row that is wrong."""
    columns = ("lot", "verdict", "why", "MKT", "min out", "readings", "missing")
    table = grid("", columns, NUMBERS)
    for one in outcomes:
        found = one.evaluation
        table.add_row(
            one.lot,
            f"{verdict_words(*one.ending.verdicts)}\n{one.ending.state.value}",
            escape(one.why),
            celsius(found.mkt),
            str(found.minutes_out),
            str(found.readings),
            str(one.readings_due - found.readings),
        )
        if not one.as_expected:
            table.add_row("", "", f"[red]expected: {escape(_expectation(one))}[/]")
    return table


def _expectation(one: Outcome) -> str:
    expected = one.expected
    words = [" → ".join(verdict.value for verdict in expected.verdicts), expected.state.value]
    words += ["stopped under way"] if expected.stopped_under_way else []
    words += ["a deviation"] if expected.deviation else ["no deviation"]
    words += [f"{one.readings_due} readings", *one.wrong]
    return ", ".join(words)
