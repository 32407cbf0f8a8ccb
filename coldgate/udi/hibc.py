"""HIBC codes of suppliers (ANSI/HIBC 2.6): primary, secondary, or both in one symbol."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from coldgate.errors import ScanError
from coldgate.udi.checks import ALPHABET, check_character, is_digits
from coldgate.udi.dates import calendar_day, day_of_year
from coldgate.udi.facts import Fact, Field

if TYPE_CHECKING:
    from collections.abc import Iterator

FLAG: Final = "+"
LONGEST_NUMBER: Final = 18
SHORTEST: Final = 4  # flag, one character of data, link and check character
ARTICLE: Final = re.compile(r"[A-Z][A-Z0-9]{3}[A-Z0-9]{1,18}[0-9]")
# The standard says letters and digits; hyphen and full stop are printed too, and are in the
# alphabet that the check character protects.
_NUMBER: Final = re.compile(rf"[A-Z0-9.-]{{0,{LONGEST_NUMBER}}}")
_LONG_DAY: Final = re.compile(r"[0-9]{8}")
_LONG_COUNT: Final = re.compile(r"[0-9]{1,5}")
_ORDINAL: Final = re.compile(r"[0-9]{5}")
_HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class _DateFormat:
    """How the digits of a date are ordered: Y year, M month, D day, J day of year, H hour."""

    letters: str

    def number(self, digits: str, letter: str) -> int | None:
        """The value of the part ``letter``; None where the format has none."""
        part = "".join(d for d, kind in zip(digits, self.letters, strict=True) if kind == letter)
        return int(part) if part else None


_DATE_FORMATS: Final = {  # by the digit before the date; 0 and 1 are the date's own first digit
    "2": _DateFormat("MMDDYY"),
    "3": _DateFormat("YYMMDD"),
    "4": _DateFormat("YYMMDDHH"),
    "5": _DateFormat("YYJJJ"),
    "6": _DateFormat("YYJJJHH"),
    "7": _DateFormat(""),
}
_MONTH: Final = _DateFormat("MMYY")
_ORDINAL_DATE: Final = _DateFormat("YYJJJ")
_COUNT_DIGITS: Final = {"8": 2, "9": 5}  # by the digit before the quantity


@dataclass(frozen=True, slots=True)
class _Cursor:
    """What is left to be read, and where in the raw text it begins."""

    text: str
    place: int

    def take(self, length: int) -> tuple[str, _Cursor]:
        """The next ``length`` characters, and what is left after them."""
        if len(self.text) < length:
            raise ScanError("SCAN_FORMAT", self.place, f"{length} more characters must follow here")
        return self.text[:length], _Cursor(self.text[length:], self.place + length)


def read_hibc(text: str, place: int, *, today: date) -> list[Fact]:
    """The facts in a code that begins with ``+``; `ScanError` where it breaks the standard."""
    _require_whole(text, place)
    body = text[1:-1]
    if body[0].isalpha():
        return list(_read_with_primary(body, place + 1, today=today))
    if body[0] in "$0123456789":
        # The last character of a lone secondary code ties it to the primary one beside it.
        link = Fact(field=Field.LINK, value=body[-1], place=place + len(body))
        return [*_read_parts(body[:-1].split("/"), place + 1, today=today), link]
    raise ScanError(
        "SCAN_UNKNOWN", place + 1, "this HIBC code is not a supplier's; scan the code of the goods"
    )


def read_caption(text: str, place: int, *, today: date) -> list[Fact]:
    """The facts in the text printed below a symbol, between asterisks; ``_`` is a space in it."""
    if not text.endswith("*"):
        raise ScanError("SCAN_FORMAT", place + len(text) - 1, "the closing * is missing")
    return read_hibc(text[1:-1].replace("_", " "), place + 1, today=today)


def article_of(text: str) -> str:
    """Labeler, catalogue number and unit of measure, of them alone or of a whole primary code."""
    if text.startswith(FLAG):
        _require_whole(text, 1)
        text = text[1:-1]
    return _require_article(text, 1)


def _require_whole(text: str, place: int) -> None:
    """Return where every character is allowed and the check character is right."""
    for at, character in enumerate(text):
        if character not in ALPHABET:
            raise ScanError(
                "SCAN_CHARACTER",
                place + at,
                f"HIBC has no {character!r}: it has capital letters, digits and -. $/+%",
            )
    if len(text) < SHORTEST:
        raise ScanError("SCAN_FORMAT", place, "the HIBC code is cut off; scan it again")
    expected = check_character(text[:-1])
    if text[-1] != expected:
        raise ScanError(
            "SCAN_CHECK_DIGIT",
            place + len(text) - 1,
            f"the check character is {text[-1]!r} and should be {expected!r}; scan again",
        )


def _require_article(text: str, place: int) -> str:
    if not ARTICLE.fullmatch(text):
        raise ScanError(
            "SCAN_FORMAT",
            place,
            "an HIBC article is a labeler of 4, beginning with a letter, a catalogue number of 1 "
            "to 18 letters and digits, and one digit for the unit of measure",
        )
    return text


def _read_with_primary(body: str, place: int, *, today: date) -> Iterator[Fact]:
    primary, *parts = body.split("/")
    yield Fact(field=Field.HIBC, value=_require_article(primary, place), place=place)
    yield Fact(field=Field.LINK, value=check_character(FLAG + primary), place=place)
    yield from _read_parts(parts, place + len(primary) + 1, today=today)


def _read_parts(parts: list[str], place: int, *, today: date) -> Iterator[Fact]:
    """The secondary data, and the supplements after it."""
    for part in parts:
        yield from _read_part(_Cursor(part, place), today=today)
        place += len(part) + 1


def _read_part(part: _Cursor, *, today: date) -> Iterator[Fact]:
    text, place = part.text, part.place
    match text[:3]:
        case "14D":
            yield _long_day(Field.EXPIRY, text[3:], place)
        case "16D":
            yield _long_day(Field.MADE, text[3:], place)
        case _ if text.startswith("$"):
            yield from _read_flagged(part, today=today)
        case _ if _ORDINAL.match(text):
            yield from _read_date(_ORDINAL_DATE, part, Field.LOT, today=today)
        case _ if text.startswith("S"):
            yield from _number(Field.SERIAL, _Cursor(text[1:], place + 1))
        case _ if text.startswith("Q") and _LONG_COUNT.fullmatch(text[1:]):
            yield Fact(field=Field.QUANTITY, value=int(text[1:]), place=place)
        case _:
            yield Fact(field=Field.OTHER, value=text, place=place)


def _read_flagged(part: _Cursor, *, today: date) -> Iterator[Fact]:
    """A lot or, after ``+``, a serial number; after ``$$`` with quantity and date before it."""
    dated = part.text.startswith("$$")
    _, rest = part.take(2 if dated else 1)
    field = Field.LOT
    if rest.text.startswith("+"):
        field = Field.SERIAL
        _, rest = rest.take(1)
    if not dated:
        yield from _number(field, rest)
        return
    if field is Field.LOT and rest.text[:1] in _COUNT_DIGITS:
        digit, rest = rest.take(1)
        count, left = rest.take(_COUNT_DIGITS[digit])
        yield Fact(field=Field.QUANTITY, value=_integer(count, rest.place), place=rest.place)
        if not left.text:
            return
        rest = left
    yield from _read_expiry(field, rest, today=today)


def _read_expiry(field: Field, rest: _Cursor, *, today: date) -> Iterator[Fact]:
    kind = rest.text[:1]
    if kind in {"0", "1"}:
        yield from _read_date(_MONTH, rest, field, today=today)
    elif kind in _DATE_FORMATS:
        _, rest = rest.take(1)
        yield from _read_date(_DATE_FORMATS[kind], rest, field, today=today)
    else:
        raise ScanError("SCAN_FORMAT", rest.place, "a digit must say here how the date is written")


def _read_date(form: _DateFormat, rest: _Cursor, field: Field, *, today: date) -> Iterator[Fact]:
    """The expiry that ``form`` describes, where it describes one, and the number after it."""
    digits, left = rest.take(len(form.letters))
    if digits:
        yield Fact(field=Field.EXPIRY, value=_day(form, digits, rest, today), place=rest.place)
    yield from _number(field, left)


def _day(form: _DateFormat, digits: str, at: _Cursor, today: date) -> date:
    """The last day of use that ``digits`` mean."""
    _integer(digits, at.place)
    try:
        return _meant(form, digits, today)
    except ValueError as error:
        raise ScanError(
            "SCAN_DATE", at.place, f"{digits} is no date {form.letters}: {error}"
        ) from error


def _meant(form: _DateFormat, digits: str, today: date) -> date:
    """The day; the hour is checked, and tells nothing more about it."""
    year = form.number(digits, "Y") or 0
    ordinal = form.number(digits, "J")
    day = form.number(digits, "D")
    if (form.number(digits, "H") or 0) >= _HOURS:
        raise ValueError("hour must be in 00..23")
    if ordinal is not None:
        return day_of_year(year, ordinal, today=today)
    if day == 0:  # it is GS1 that leaves days open so
        raise ValueError("day must be in 01..31")
    return calendar_day(year, form.number(digits, "M") or 0, day or 0, today=today)


def _long_day(field: Field, text: str, place: int) -> Fact:
    """A date of eight digits, which needs no guess of the century."""
    try:
        day = date.fromisoformat(text if _LONG_DAY.fullmatch(text) else "")
    except ValueError as error:
        raise ScanError("SCAN_DATE", place + 3, f"{text} is no date YYYYMMDD") from error
    return Fact(field=field, value=day, place=place)


def _number(field: Field, rest: _Cursor) -> Iterator[Fact]:
    """The lot or serial number that the part ends with; nothing where it has none."""
    if not _NUMBER.fullmatch(rest.text):
        raise ScanError(
            "SCAN_FORMAT",
            rest.place,
            f"a {field.value} has at most {LONGEST_NUMBER} letters and digits",
        )
    if rest.text:
        yield Fact(field=field, value=rest.text, place=rest.place)


def _integer(digits: str, place: int) -> int:
    if not is_digits(digits):
        raise ScanError("SCAN_FORMAT", place, f"digits must stand here, not {digits}")
    return int(digits)
