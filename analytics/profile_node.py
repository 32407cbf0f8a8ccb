"""Values read from a profile file: each knows its place, so that every error names it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeVar

from coldgate.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Callable

Choice = TypeVar("Choice", bound=Enum)
Read = TypeVar("Read")

IDENTIFIER: Final = re.compile(r"[A-Z][A-Z0-9_]{1,40}")
DURATION: Final = re.compile(r"([0-9]{1,12})(d|h|min|s|ms)")
DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
DURATION_UNITS_MS: Final = {"d": 86_400_000, "h": 3_600_000, "min": 60_000, "s": 1000, "ms": 1}
LONGEST_MS: Final = 3_660 * 86_400_000  # ten years; sums of such stay far within int64
LONGEST_TEXT: Final = 1_000
SHOWN: Final = 40  # characters of a wrong value that an error repeats
LARGEST: Final = 2_147_483  # units; in thousandths the largest that a reading can have (S1)


class _Missing(Enum):
    """Stands for the value of a key that is not there; None is one that was written."""

    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Node:
    """One value in a profile and the way to it."""

    profile: str
    path: str
    value: object

    @classmethod
    def root(cls, written: object) -> Node:
        """The whole of what was written, under the name that it gives itself."""
        name = written.get("id") if isinstance(written, Mapping) else None
        return cls(_word(name), "", written)

    @property
    def is_missing(self) -> bool:
        """True if the key is not there at all."""
        return self.value is _Missing.MISSING

    @property
    def is_empty(self) -> bool:
        """True if the key is not there, or says null."""
        return self.value is None or self.is_missing

    def error(self, problem: str) -> ProfileError:
        """The error that blames this value."""
        return ProfileError(
            self.profile, self.path or "profile", "is missing" if self.is_missing else problem
        )

    def allow(self, *keys: str) -> None:
        """Refuse anything but a mapping with some of these keys."""
        if not isinstance(self.value, Mapping):
            raise self.error("must be a mapping")
        for key in self.value:
            if key not in keys:
                raise self._inside(_word(key), None).error("unknown key")

    def at(self, key: str) -> Node:
        """The value under ``key``, which may be missing."""
        inside = self.value if isinstance(self.value, Mapping) else {}
        return self._inside(key, inside.get(key, _Missing.MISSING))

    def or_empty(self) -> Node:
        """The same; an empty mapping where the key is missing, so that each key has its default."""
        return Node(self.profile, self.path, {}) if self.is_missing else self

    def entry(self, index: int) -> Node:
        """One entry of a list that is known to have it."""
        return self.entries()[index]

    def entries(self) -> list[Node]:
        """The entries of a list."""
        if not isinstance(self.value, Sequence) or isinstance(self.value, str | bytes):
            raise self.error("must be a list")
        return [
            Node(self.profile, f"{self.path}[{index}]", entry)
            for index, entry in enumerate(self.value)
        ]

    def read(self, reader: Callable[[Node], Read], default: Read) -> Read:
        """What ``reader`` makes of the value; ``default`` where the key is missing."""
        return default if self.is_missing else reader(self)

    def optional(self, reader: Callable[[Node], Read]) -> Read | None:
        """What ``reader`` makes of the value; None where it is missing or null."""
        return None if self.is_empty else reader(self)

    def text(self) -> str:
        """A text on one line: white space counts as one blank, control characters are refused."""
        if not isinstance(self.value, str):
            raise self.error("must be a text")
        line = " ".join(self.value.split())
        if not line or len(line) > LONGEST_TEXT or not line.isprintable():
            raise self.error(f"must be a readable text of 1 to {LONGEST_TEXT} characters")
        return line

    def matching(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """A text in a form."""
        match = pattern.fullmatch(self.text())
        if match is None:
            raise self.error(f"{self._shown()} must look like {pattern.pattern}")
        return match

    def identifier(self) -> str:
        """An identifier, such as ``HI_LABEL``."""
        return self.matching(IDENTIFIER).group()

    def whole(self, *, lowest: int, highest: int) -> int:
        """A whole number; True and 1.0 are none."""
        if type(self.value) is not int or not lowest <= self.value <= highest:
            raise self.error(f"must be a whole number from {lowest} to {highest}")
        return self.value

    def number(self) -> Decimal:
        """A finite number, exactly as it was written."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.error("must be a number")
        if not -LARGEST <= self.value <= LARGEST:  # NaN is not either
            raise self.error(f"must be a number between -{LARGEST} and {LARGEST}")
        return Decimal(repr(self.value))

    def milli(self) -> int:
        """A number of units in thousandths, exactly."""
        exact = self.number() * 1000
        if exact != int(exact):
            raise self.error("must have at most three decimals")
        return int(exact)

    def positive_milli(self) -> int:
        """A number of units above zero, in thousandths."""
        if (milli := self.milli()) <= 0:
            raise self.error("must be above 0")
        return milli

    def share_milli(self) -> int:
        """A number of units that is not negative, in thousandths."""
        if (milli := self.milli()) < 0:
            raise self.error("must not be negative")
        return milli

    def duration(self) -> int:
        """A length of time in ms."""
        amount, unit = self.matching(DURATION).groups()
        if (length_ms := int(amount) * DURATION_UNITS_MS[unit]) > LONGEST_MS:
            raise self.error("must not be longer than ten years")
        return length_ms

    def time(self) -> int:
        """A length of time in ms, longer than none."""
        if (length_ms := self.duration()) == 0:
            raise self.error("must be longer than nothing")
        return length_ms

    def day(self) -> date:
        """A calendar day."""
        try:
            return date.fromisoformat(self.matching(DAY).group())
        except ValueError as error:
            raise self.error("must be a day of the calendar, such as 2026-01-31") from error

    def choice(self, kind: type[Choice]) -> Choice:
        """One of a closed set of words."""
        for member in kind:
            if member.value == self.value:
                return member
        known = ", ".join(str(member.value) for member in kind)
        raise self.error(f"{self._shown()} is none of {known}")

    def _inside(self, key: str, value: object) -> Node:
        return Node(self.profile, f"{self.path}.{key}" if self.path else key, value)

    def _shown(self) -> str:
        """The wrong value, cut short; only a text is repeated at all."""
        return repr(self.value[:SHOWN]) if isinstance(self.value, str) else "the value"


def _word(written: object) -> str:
    """A key or name as an error can show it, whatever it is."""
    return written[:SHOWN] if isinstance(written, str) and written.isprintable() else "?"
