"""GS1 data: element strings as scanners deliver them, and the text that is printed below.

The table of application identifiers and their formats is biip's; what may follow what is stricter
here: an over-long field is refused instead of being cut and its rest read as another field.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from biip import ParseError
from biip.gs1_application_identifiers import GS1ApplicationIdentifier

from coldgate.errors import ScanError
from coldgate.udi.checks import checked_gtin, checked_sscc, is_digits
from coldgate.udi.dates import calendar_day
from coldgate.udi.facts import Fact, Field

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

SEPARATOR: Final = "\x1d"  # how scanners deliver FNC1 between fields
LONGEST_IDENTIFIER: Final = 4
LONGEST_FIELD: Final = 128  # GS1 General Specifications, 3.2: the longest has 90 after its AI
_PREDEFINED_LENGTHS: Final = {  # with the identifier, by its first two digits: ibid., 7.8.5
    "00": 20,
    "01": 16,
    "02": 16,
    "03": 16,
    "04": 18,
    "20": 4,
    "41": 16,
    **{str(prefix): 8 for prefix in range(11, 20)},
    **{str(prefix): 10 for prefix in range(31, 37)},
}
_DATE: Final = re.compile(r"[0-9]{6}")
_DATES: Final = frozenset({Field.EXPIRY, Field.MADE})
_PRINTED: Final = re.compile(r"\(([0-9]{2,4})\)")
_FIELDS: Final = {
    "00": Field.SSCC,
    "01": Field.GTIN,
    "02": Field.GTIN,  # of what is in the logistic unit
    "10": Field.LOT,
    "11": Field.MADE,
    "17": Field.EXPIRY,
    "7003": Field.EXPIRY,  # to the minute
    "21": Field.SERIAL,
    "30": Field.QUANTITY,
    "37": Field.QUANTITY,  # of what is in the logistic unit
}


def read_element_string(text: str, place: int, *, today: date) -> list[Fact]:
    """The facts in an element string that begins at ``place``; `ScanError` where it is none."""
    facts: list[Fact] = []
    for segment in text.split(SEPARATOR):
        facts.extend(_read_segment(segment, place, today=today))
        place += len(segment) + len(SEPARATOR)
    return _understood(facts, place - len(text) - len(SEPARATOR))


def read_printed_text(text: str, place: int, *, today: date) -> list[Fact]:
    """The facts in a text such as ``(01)09506000134352(10)ABC``; spaces in it mean nothing."""
    brackets = list(_PRINTED.finditer(text))
    if not brackets or text[: brackets[0].start()].strip(" "):
        raise ScanError("SCAN_FORMAT", place, "the text must begin with (01) or the like")
    ends = [bracket.start() for bracket in brackets[1:]] + [len(text)]
    facts = []
    for bracket, end in zip(brackets, ends, strict=True):
        value = text[bracket.end() : end].replace(" ", "")
        facts.append(read_field(bracket[1], value, place + bracket.end(), today=today))
    return _understood(facts, place)


def read_field(identifier: str, value: str, place: int, *, today: date) -> Fact:
    """One field, whose value begins at ``place``; an unknown ``identifier`` is kept as it is."""
    known = _identifier(identifier)
    if known is None or known.ai != identifier:
        return Fact(field=Field.OTHER, value=value, place=place, identifier=identifier)
    if _FIELDS.get(identifier) in _DATES and _DATE.match(value):
        _day(value, place, today=today)  # it says more than that the format does not fit
    if len(value) > LONGEST_FIELD or not re.fullmatch(known.pattern, identifier + value):
        raise _misfit(known, value, place)
    return _fact(known, value, place, today=today)


def _read_segment(segment: str, place: int, *, today: date) -> Iterator[Fact]:
    """The fields between two separators; one of variable length reaches to the end."""
    at = 0
    while at < len(segment):
        known = _identifier(segment[at : at + LONGEST_IDENTIFIER])
        length = _PREDEFINED_LENGTHS.get(segment[at : at + 2], len(segment))
        field = segment[at : at + length]
        if known is None:
            yield Fact(field=Field.OTHER, value=field, place=place + at)
        else:
            start = len(known.ai)
            yield read_field(known.ai, field[start:], place + at + start, today=today)
        at += length


def _fact(known: GS1ApplicationIdentifier, value: str, place: int, *, today: date) -> Fact:
    field = _FIELDS.get(known.ai, Field.OTHER)
    read: str | int | date = value
    match field:
        case Field.GTIN:
            read = checked_gtin(value, place)
        case Field.SSCC:
            read = checked_sscc(value, place)
        case Field.EXPIRY | Field.MADE:
            read = _day(value, place, today=today)
        case Field.QUANTITY:
            read = _count(known, value, place)
        case _:
            pass
    return Fact(field=field, value=read, place=place, identifier=known.ai)


def _day(value: str, place: int, *, today: date) -> date:
    """YYMMDD, of which day 00 is the last of the month; what follows it is the time of day."""
    try:
        return calendar_day(int(value[:2]), int(value[2:4]), int(value[4:6]), today=today)
    except ValueError as error:
        raise ScanError("SCAN_DATE", place, f"{value} is no date YYMMDD: {error}") from error


def _count(known: GS1ApplicationIdentifier, value: str, place: int) -> int:
    if not value:
        raise _misfit(known, value, place)
    return int(value)


def _identifier(text: str) -> GS1ApplicationIdentifier | None:
    """The application identifier that ``text`` begins with; None where biip knows none."""
    try:
        return GS1ApplicationIdentifier.extract(text)
    except ParseError:
        return None


def _misfit(known: GS1ApplicationIdentifier, value: str, place: int) -> ScanError:
    shown = value if len(value) <= LONGEST_FIELD else f"{value[:LONGEST_FIELD]}…"
    return ScanError(
        "SCAN_FORMAT",
        place,
        f"({known.ai}) {known.data_title} has the format {known.format}, which {shown!r} does not "
        "fit; if fields run together, let the scanner send FNC1 as GS (character 29)",
    )


def _understood(facts: list[Fact], place: int) -> list[Fact]:
    """``facts``, where at least one of them has an identifier that is known."""
    if not any(_identifier(fact.identifier) for fact in facts if is_digits(fact.identifier)):
        raise ScanError(
            "SCAN_UNKNOWN", place, "this is no code of GS1 or HIBC; scan the code of the goods"
        )
    return facts
