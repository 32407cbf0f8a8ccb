"""Which passwords are refused, and that no other is."""

from __future__ import annotations

import string
from contextlib import ExitStack

import pytest
from argon2 import Parameters, Type
from hypothesis import assume, given
from hypothesis import strategies as st

from api.errors import ThrottledError
from api.identity.passwords import PLACES, Passwords, Work, refusals

ABOUT = ("ada.lovelace", "Ada Lovelace", "maker-of-vaccines", "ada@engine.example")
CHEAP = Parameters(
    type=Type.ID, version=19, salt_len=16, hash_len=32, time_cost=1, memory_cost=8, parallelism=1
)


@pytest.mark.parametrize(
    "password",
    [
        "seven tall ferns by the gate",
        "correct horse battery staple",
        "Tr0ub4dor&3-and-more",
        "zwölf Boxkämpfer jagen",
        "冷链物流质量管理体系文件控制",
        "kq7vXw2mP9sT",
    ],
)
def test_password_that_nobody_guesses_is_taken(password: str) -> None:
    assert refusals(password, ABOUT) == []


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("short one", "fewer than 12"),
        ("kq7vXw2mP9s", "fewer than 12"),
        ("kq7vXw2mP9sT" * 11, "more than 128"),
        ("aaaaaaaaaaaa", "repeats"),
        ("abcabcabcabcabc", "repeats"),
        ("kq7vXkq7vXkq7vX", "repeats"),
        ("123456789012", "alphabet or the keyboard"),
        ("qwertyuiopasdf", "alphabet or the keyboard"),
        ("zyxwvutsrqponm", "alphabet or the keyboard"),
        ("Password2024!", "tried first"),
        ("P@ssw0rd-P@ssw0rd", "tried first"),
        ("ada.lovelace1", "tried first"),
        ("Lovelace19790412", "tried first"),
        ("maker-of-vaccines", "tried first"),
        ("coldgate-2026", "tried first"),
        ("ColdgateAdmin!", "tried first"),
        ("summer-monday-dragon", "tried first"),
    ],
)
def test_password_that_is_guessed_easily_is_refused(password: str, problem: str) -> None:
    assert any(problem in told for told in refusals(password, ABOUT))


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_judged_and_short_ones_are_refused(password: str) -> None:
    problems = refusals(password, ABOUT)

    assert problems or len(password) * 18 >= 12  # compatibility forms may be longer


@given(st.text(string.ascii_letters, min_size=1, max_size=4), st.integers(4, 30))
def test_repeated_syllable_is_refused_however_long(unit: str, times: int) -> None:
    assert refusals(unit * times, ABOUT)


@given(st.sampled_from(ABOUT), st.integers(0, 99_999_999), st.sampled_from(["{0}{1}", "{1}{0}"]))
def test_what_is_known_of_the_owner_and_a_number_is_refused(
    known: str, number: int, order: str
) -> None:
    text = order.format(known, number)

    assert refusals(text, ABOUT)
    assert refusals(text.upper(), ABOUT)


@given(st.text(string.ascii_lowercase + string.digits, min_size=12, max_size=40))
def test_no_composition_is_demanded(password: str) -> None:
    """A character class more or less decides nothing: a password and its capitals fare alike."""
    assume(len(set(password)) > 4)

    assert refusals(password, ABOUT) == refusals(password.upper(), ABOUT)


def test_hash_is_of_one_password_only_and_salted() -> None:
    passwords = Passwords(CHEAP)
    stored = passwords.hashed("seven tall ferns")

    assert stored.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert passwords.hashed("seven tall ferns") != stored
    assert passwords.matches(stored, "seven tall ferns")
    assert not passwords.matches(stored, "seven tall fern")
    assert not passwords.matches(None, "seven tall ferns")
    assert not passwords.matches("no hash at all", "seven tall ferns")


def test_composed_and_decomposed_letters_are_one_password() -> None:
    passwords = Passwords(CHEAP)

    assert passwords.matches(
        passwords.hashed("zw\u00f6lf Boxka\u0308mpfer"), "zwo\u0308lf Boxk\u00e4mpfer"
    )


def test_hash_is_outgrown_by_more_work_and_never_by_less() -> None:
    least, strong = (Passwords(work.parameters) for work in (Work.LEAST, Work.STRONG))
    stored = least.hashed("seven tall ferns")

    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert strong.is_outgrown(stored)
    assert not least.is_outgrown(stored)
    assert not Passwords(CHEAP).is_outgrown(stored)


def test_queue_for_hashes_ends_somewhere() -> None:
    passwords = Passwords(CHEAP)

    with ExitStack() as taken:
        for _ in range(PLACES):
            taken.enter_context(passwords.place())
        with pytest.raises(ThrottledError), passwords.place():
            pass
        with passwords.place(known=True):  # who is known queues apart
            assert passwords.hashed("seven tall ferns", known=True)
    with passwords.place():
        assert passwords.hashed("seven tall ferns")
