"""``coldgate story``: every answer of all stories is as it must be, and a wrong one would show."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import pytest
from command_line import coldgate, running
from rich.console import Console

from coldgate.launch.process import wait_until
from coldgate.launch.stories.dispatch import CODES
from coldgate.launch.stories.tables import ITSELF, Book
from coldgate.launch.stories.telling import STORIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from command_line import Running

TOLD_SECONDS: Final = 150
WIDTH: Final = 80


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """All stories, told to their end on one machine."""
    with running(tmp_path_factory.mktemp("told") / "story", "story", "all") as story:
        assert wait_until(lambda: not story.look(), seconds=TOLD_SECONDS), story.text
        yield story


def section(told: Running, name: str) -> str:
    """The table of one story."""
    titles = [title for title, _ in STORIES.values()]
    rest = told.text.partition(STORIES[name][0])[2]
    return re.split("|".join(map(re.escape, titles)), rest)[0]


def shown(book: Book) -> str:
    """The book's table as a screen has it."""
    console = Console(width=WIDTH)
    with console.capture() as captured:
        console.print(book.table(WIDTH))
    return captured.get()


def book_of(came: str, *, must: str) -> Book:
    """A book of one answer."""
    book = Book(title="A story")
    book.tell(ITSELF, "decides", came, must=must)
    return book


def test_every_answer_is_as_it_must_be(told: Running) -> None:
    assert told.process.wait() == 0, told.text
    assert re.search("[0-9]{2} answers, every one as expected", told.text)
    assert "✗" not in told.text


def test_the_reasons_against_a_dispatch_become_one_less_each_time(told: Running) -> None:
    asked = [
        [code for code in CODES if code in answer]
        for answer in section(told, "dispatch").split("block  ")[1:]
    ]

    assert [len(codes) for codes in asked] == [8, 7, 6, 5, 4, 3, 2, 1]
    assert all(set(after) < set(before) for before, after in pairwise(asked))


def test_a_breach_takes_two_people_and_a_capa_to_the_end(told: Running) -> None:
    answers = [
        "CONDITION_FAIL",
        "SIGNER_IS_AUTHOR",
        "SIGNATURE_REFUSED",
        "signed, 1 of 2",
        "ALREADY_SIGNED",
        "signed, 2 of 2: granted",
        "released",
        "SIGNER_EXCLUDED",
        "CLOSED",
        "ledger intact",
    ]

    places = [section(told, "breach").find(answer) for answer in answers]
    assert -1 not in places
    assert places == sorted(places)


def test_what_comes_late_takes_release_and_permit_back(told: Running) -> None:
    revoked = section(told, "revoked")

    for answer in ("revoked", "release.revoked", "PERMIT_VOID"):
        assert answer in revoked.partition("released")[2]


def test_nothing_is_left_running(told: Running) -> None:
    assert len(told.seen) > 10
    assert told.left == []


def test_a_right_answer_is_marked_as_right() -> None:
    book = book_of("permit", must="permit")

    assert book.as_expected
    assert "✓" in shown(book)


def test_a_wrong_answer_is_marked_and_says_what_had_to_come() -> None:
    book = book_of("permit", must="block")

    assert not book.as_expected
    assert "✗" in shown(book)
    assert "expected: block" in shown(book)


def test_no_code_is_broken_on_a_narrow_screen() -> None:
    codes = "block\n" + "\n".join(f"  {code}" for code in CODES)
    screen = shown(book_of(codes, must=codes))

    assert all(code in screen for code in CODES)
    assert max(map(len, screen.splitlines())) <= WIDTH


def test_a_story_that_cannot_go_on_is_not_as_expected() -> None:
    book = book_of("permit", must="permit")
    book.stopped = "RIGHT_MISSING: this needs the right sign"

    assert not book.as_expected
    assert "could not go on" in shown(book)


def test_without_a_name_the_stories_are_listed() -> None:
    listed = coldgate("story")

    assert listed.returncode == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [*STORIES, "all"]


def test_an_unknown_story_is_refused_before_anything_starts(told: Running) -> None:
    folder = told.folder.parent / "unknown"

    refused = coldgate("story", "nix", "--folder", str(folder))

    assert refused.returncode == 2
    assert refused.stderr == "there is no story nix; there are breach, dispatch, revoked and all\n"
    assert not folder.exists()
