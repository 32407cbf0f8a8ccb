"""Passwords: which are refused, and the form in which they are stored."""

from __future__ import annotations

import re
import threading
import unicodedata
from contextlib import contextmanager
from datetime import timedelta
from enum import Enum
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from argon2 import Parameters, PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from api.errors import ThrottledError
from coldgate.secrets import new_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 128
MIN_DIFFERENT: Final = 5  # characters
MAX_PERIOD: Final = 4  # "abcdabcdabcd" has period 4
MIN_REPEATS: Final = 3  # of a longer part
MAX_RUN_SHARE: Final = 0.7  # of neighbours that follow one another in alphabet or keyboard row
MIN_OWN: Final = 5  # characters beside words that everybody tries
MAX_DATE_DIGITS: Final = 8
MIN_WORD: Final = 4
AT_ONCE: Final = 2  # each takes up to 64 MiB; and one more of who is known
PLACES: Final = 16  # threads that compute or wait; the process has others to serve
RETRY_AFTER: Final = timedelta(seconds=2)

# What OWASP's Password Storage Cheat Sheet asks for at least: 19 MiB, two passes, one lane.
LEAST: Final = Parameters(
    type=Type.ID,
    version=19,
    salt_len=16,
    hash_len=32,
    time_cost=2,
    memory_cost=19 * 1024,
    parallelism=1,
)


class Work(Enum):
    """How much work a password costs, us and whoever guesses."""

    STRONG = "strong"  # RFC 9106, section 4, second choice: 64 MiB, three passes, four lanes
    LEAST = "least"

    @property
    def parameters(self) -> Parameters:
        """The parameters of argon2id."""
        return RFC_9106_LOW_MEMORY if self is Work.STRONG else LEAST


_ROWS: Final = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOURS: Final = frozenset(
    pair for row in _ROWS for a, b in pairwise(row) for pair in (a + b, b + a)
)
_LOOKALIKES: Final = str.maketrans("013457@$!", "oleastasi")


def refusals(password: str, about: Iterable[str]) -> list[str]:
    """Why nobody should have this password; ``about`` is what others know of its owner.

    NIST SP 800-63B, section 3.1.1: length, and what is easily guessed; no rules of composition.
    """
    text = normalised(password)
    words = {part for word in about for part in _parts(word)} | {"coldgate"} | _common_words()
    problems = {
        f"it has fewer than {MIN_LENGTH} characters": len(text) < MIN_LENGTH,
        f"it has more than {MAX_LENGTH} characters": len(text) > MAX_LENGTH,
        "it repeats itself": _is_repetitive(text),
        "it follows the alphabet or the keyboard": _is_run(text.casefold()),
        "it is made of words that are tried first": _is_common(text.casefold(), words),
    }
    return [problem for problem, holds in problems.items() if holds]


@cache
def _common_words() -> frozenset[str]:
    """What people who guess passwords begin with; a word of a line."""
    text = resources.files(__package__).joinpath("common_words.txt").read_text(encoding="utf-8")
    return frozenset(text.split())


def normalised(password: str) -> str:
    """One form for one password, however the keyboard composed its characters."""
    return unicodedata.normalize("NFKC", password)


def _parts(word: str) -> set[str]:
    """The word and what it is made of, as far as it is long enough to tell something."""
    folded = normalised(word).casefold()
    found = {folded, re.sub(r"\W", "", folded), *re.split(r"[\W_]+", folded)}
    return {part for part in found if len(part) >= MIN_WORD}


def _is_repetitive(text: str) -> bool:
    if len(set(text)) < MIN_DIFFERENT:
        return True
    shortest = next((p for p in range(1, len(text)) if text[p:] == text[:-p]), len(text))
    return shortest <= MAX_PERIOD or shortest * MIN_REPEATS <= len(text)


def _is_run(text: str) -> bool:
    pairs = [text[at : at + 2] for at in range(len(text) - 1)]
    return sum(pair in _NEIGHBOURS for pair in pairs) > MAX_RUN_SHARE * len(pairs)


def _is_common(text: str, words: AbstractSet[str]) -> bool:
    """Whether too little is left of the text without these words and their look-alikes."""
    plain = text.translate(_LOOKALIKES)
    covered = [False] * len(text)
    for word in words:
        for form in (text, plain):
            for found in re.finditer(re.escape(word), form):
                covered[found.start() : found.end()] = [True] * (found.end() - found.start())
    own = "".join(
        character
        for character, is_covered in zip(text, covered, strict=True)
        if not is_covered and character.isalnum()
    )
    return any(covered) and (len(own) < MIN_OWN or (own.isdigit() and len(own) <= MAX_DATE_DIGITS))


class _Queue:
    """Who computes a hash, and who waits to."""

    def __init__(self, at_once: int) -> None:
        self.places = threading.BoundedSemaphore(PLACES)
        self.turns = threading.BoundedSemaphore(at_once)


class Passwords:
    """Hashes and checks passwords with argon2id.

    Who is ``known`` queues apart: a crowd of strangers keeps nobody from signing.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._hasher = PasswordHasher.from_parameters(parameters)
        self._queues = {False: _Queue(AT_ONCE), True: _Queue(1)}
        # What to compare with where there is no such user: nobody sees that from outside.
        self._nobodys = self._hasher.hash(new_secret())

    @contextmanager
    def place(self, *, known: bool = False) -> Iterator[None]:
        """A place among those who have passwords hashed; `ThrottledError` where all are taken."""
        places = self._queues[known].places
        if not places.acquire(blocking=False):
            raise ThrottledError(RETRY_AFTER)
        try:
            yield
        finally:
            places.release()

    def hashed(self, password: str, *, known: bool = False) -> str:
        """The form to store, with its salt and parameters."""
        with self._queues[known].turns:
            return self._hasher.hash(normalised(password))

    def matches(self, stored: str | None, password: str, *, known: bool = False) -> bool:
        """Whether ``stored`` is of this password; for None the same work, and False."""
        with self._queues[known].turns:
            try:
                self._hasher.verify(stored or self._nobodys, normalised(password))
            except (VerificationError, InvalidHashError):
                return False
        return stored is not None

    def is_outgrown(self, stored: str) -> bool:
        """Whether guessing a password would cost more if it were stored today; never less."""
        return _work(extract_parameters(stored)) < _work(self._parameters)


def _work(parameters: Parameters) -> int:
    """KiB that are written for one guess."""
    return parameters.memory_cost * parameters.time_cost
