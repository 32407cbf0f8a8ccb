"""``coldgate story``: people and programs speak to a real machine, and every answer is compared."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from coldgate.errors import ColdgateError, SettingsError
from coldgate.launch.hosting import LogFile, run_beside
from coldgate.launch.importing import INTERRUPTED
from coldgate.launch.screen import Screen
from coldgate.launch.stories import breach, dispatch, revoked
from coldgate.launch.stories.cast import open_cast
from coldgate.launch.stories.tables import Book
from coldgate.launch.story.stage import fresh_machine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from coldgate.launch.machine import Machine
    from coldgate.launch.stories.cast import Cast

ALL: Final = "all"
STORIES: Final[Mapping[str, tuple[str, Callable[[Cast, Book], Awaitable[None]]]]] = {
    "breach": (breach.TITLE, breach.tell),
    "dispatch": (dispatch.TITLE, dispatch.tell),
    "revoked": (revoked.TITLE, revoked.tell),
}


async def tell(name: str, folder: Path) -> int:
    """Tell that story, or all of them; 0 when every answer came as it had to, else 1.

    Raises:
        SettingsError: there is no such story.
        LaunchError: the folder is in use or is not ours, or a part could not be run.
    """
    names = _names(name)
    telling = Telling(
        machine=fresh_machine(folder), screen=Screen(), names=names, began=time.monotonic()
    )
    telling.screen.say("Coldgate story: starting database, broker, ingest, judge and API")
    with telling.machine.prepare():
        log = LogFile(folder / "story.log")
        await run_beside(telling.machine, telling.run, write=log.write)
        log.close()
    return telling.status


def _names(name: str) -> list[str]:
    if name not in {*STORIES, ALL}:
        raise SettingsError(f"there is no story {name}; there are {', '.join(STORIES)} and {ALL}")
    return list(STORIES) if name == ALL else [name]


@dataclass(slots=True, kw_only=True)
class Telling:
    """Some stories on one machine; ``status`` is that of the process when it ends now."""

    machine: Machine
    screen: Screen
    names: Sequence[str]
    began: float  # time.monotonic()
    status: int = INTERRUPTED
    _books: list[Book] = field(default_factory=list)

    async def run(self) -> None:
        """Open the cast, tell each story, and say whether everything came as it had to."""
        people = self._open("The people")
        async with open_cast(self.machine, people) as cast:
            self._show(people)
            for name in self.names:
                title, story = STORIES[name]
                book = self._open(title)
                try:
                    await story(cast, book)
                except ColdgateError as error:
                    book.stopped = str(error)
                self._show(book)
        self._close()

    def _open(self, title: str) -> Book:
        book = Book(title=title)
        self._books.append(book)
        return book

    def _show(self, book: Book) -> None:
        self.screen.say()
        self.screen.show(book.table(self.screen.console.width))

    def _close(self) -> None:
        right = all(book.as_expected for book in self._books)
        self.status = 0 if right else 1
        answers = sum(len(book.rows) for book in self._books)
        ended = f"{answers} answers, every one as expected" if right else "NOT as expected"
        self.screen.say(f"{ended}; told in {time.monotonic() - self.began:.0f} s")


def listing() -> str:
    """The stories there are, one a line."""
    titles = {name: title for name, (title, _) in STORIES.items()} | {ALL: "All on one machine"}
    return "\n".join(f"  {name:<10}{title}" for name, title in titles.items())
