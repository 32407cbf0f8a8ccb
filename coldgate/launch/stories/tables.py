"""What was done, what came, whether that had to come, and the table of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from rich import box
from rich.markup import escape
from rich.table import Table

from coldgate.launch.stories.voices import Voice, Who

RIGHT: Final = "[green]✓[/]"
OTHER_CELLS: Final = 13  # of a row: mark, number and what is between the columns
LONGEST_WORD: Final = 25  # of an answer: it is not to be broken
WRONG: Final = "[bold red]✗[/]"
ITSELF: Final = Who(name="Coldgate", role="", party="by itself")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One step: who did what, what came, and what had to come."""

    who: Who
    did: str
    came: str
    must: str

    @property
    def as_expected(self) -> bool:
        """Whether exactly what had to come came."""
        return self.came == self.must


@dataclass(slots=True, kw_only=True)
class Book:
    """The rows of one story, in the order in which they happened."""

    title: str
    rows: list[Row] = field(default_factory=list)
    stopped: str = ""  # why it could not go on

    @property
    def as_expected(self) -> bool:
        """Whether the story was told to its end and everything came as it had to."""
        return not self.stopped and all(row.as_expected for row in self.rows)

    def tell(self, who: Voice | Who, did: str, came: str, *, must: str) -> None:
        """Note what ``who`` did, what came of it, and what had to come."""
        named = who.who if isinstance(who, Voice) else who
        self.rows.append(Row(who=named, did=did, came=came, must=must))

    def table(self, width: int) -> Table:
        """The story as a table of that width; below a row that is wrong stands what had to come.

        Rich would share the width out evenly, and break codes where there is little of it.
        """
        table = Table(title=self.title, title_justify="left", title_style="bold", box=box.SIMPLE)
        table.padding = (0, 1, 0, 0)
        widest = max((row.who.width for row in self.rows), default=0)
        left = width - widest - OTHER_CELLS
        came = max(LONGEST_WORD, left // 2 + 1)
        table.add_column("", no_wrap=True)
        table.add_column("who", no_wrap=True)
        table.add_column("did what", width=max(left - came, 1))
        table.add_column("Coldgate answered", width=came, overflow="fold")
        for number, row in enumerate(self.rows, start=1):
            mark = RIGHT if row.as_expected else WRONG
            who = f"{escape(row.who.title)}\n[dim]{escape(row.who.party)}[/]"
            table.add_row(f"{mark} {number:>2}", who, escape(row.did), escape(row.came))
            if not row.as_expected:
                table.add_row("", "", "", f"[red]expected: {escape(row.must)}[/]")
        if self.stopped:
            table.add_row(WRONG, "", "[red]could not go on[/]", f"[red]{escape(self.stopped)}[/]")
        return table
