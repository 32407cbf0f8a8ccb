"""What was done, what came, whether that had to come, and the table of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from rich import box
from rich.markup import escape
from rich.table import Table

from coldgate.launch.stories.voices import Voice, Who

RIGHT: Final = "[green]✓[/]"
WRONG: Final = "[bold red]✗[/]"
ITSELF: Final = Who(name="Coldgate\nby itself", role="", party="")


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

    def table(self) -> Table:
        """The story as a table; below a row that is wrong stands what had to come."""
        table = Table(title=self.title, title_justify="left", title_style="bold", box=box.SIMPLE)
        table.add_column("", justify="right", no_wrap=True)
        table.add_column("who", no_wrap=True)
        table.add_column("did what", ratio=1)
        table.add_column("Coldgate answered", ratio=1)
        table.add_column("", no_wrap=True)
        for number, row in enumerate(self.rows, start=1):
            mark = RIGHT if row.as_expected else WRONG
            table.add_row(
                str(number), escape(row.who.label), escape(row.did), escape(row.came), mark
            )
            if not row.as_expected:
                table.add_row("", "", "", f"[red]expected: {escape(row.must)}[/]")
        if self.stopped:
            table.add_row(
                "", "", "[red]could not go on[/]", f"[red]{escape(self.stopped)}[/]", WRONG
            )
        return table
