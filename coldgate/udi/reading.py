"""What a scanner or a person delivered, read as one `Scan`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

from coldgate.errors import ScanError
from coldgate.udi.checks import GTIN_LENGTHS, checked_gtin, is_digits
from coldgate.udi.digital_link import is_link, read_link
from coldgate.udi.facts import Fact, Field, as_scan
from coldgate.udi.gs1 import SEPARATOR, read_element_string, read_printed_text
from coldgate.udi.hibc import FLAG, read_caption, read_hibc
from coldgate.udi.scan import Form, Scan

if TYPE_CHECKING:
    from datetime import date

    Reading: TypeAlias = tuple[Form, list[Fact]]

LONGEST: Final = 2_048  # characters; the largest symbol of GS1 holds 3,116 digits, no label does
GS1_SYMBOLS: Final = frozenset({"]C1", "]e0", "]e1", "]e2", "]d2", "]Q3", "]J1"})
RETAIL_SYMBOLS: Final = frozenset({"]E0", "]E4", "]I0", "]I1"})
_SYMBOLOGY_LENGTH: Final = 3
_FOREIGN: Final = re.compile(rf"[^\x20-\x7e{SEPARATOR}]")
_CODE: Final = re.compile(r"[^\r\n]+")


def read(raw: str, *, today: date) -> Scan:
    """What ``raw`` says: one code, or the codes of one label on lines of their own.

    ``today`` decides the century of two-digit years. `ScanError` says where the text cannot be
    read and what to do; no other error is raised, whatever the text.
    """
    if len(raw) > LONGEST:
        raise ScanError("SCAN_TOO_LONG", LONGEST + 1, "one scan is one label; scan them one by one")
    readings = [
        _read_code(match[0].rstrip("\t"), match.start() + 1, today=today)
        for match in _CODE.finditer(raw)
        if match[0].strip()
    ]
    if not readings:
        raise ScanError("SCAN_EMPTY", 1, "nothing was scanned")
    facts = [fact for _, found in readings for fact in found]
    return as_scan(raw, readings[0][0], facts)


def _read_code(text: str, place: int, *, today: date) -> Reading:
    foreign = _FOREIGN.search(text)
    if foreign is not None:
        raise ScanError(
            "SCAN_CHARACTER",
            place + foreign.start(),
            f"{foreign[0]!a} is in no code; set the scanner to plain ASCII and FNC1 to GS",
        )
    if not text.startswith("]"):
        return _read_unmarked(text, place, today=today)
    symbology = text[:_SYMBOLOGY_LENGTH]
    inside = place + len(symbology)
    text = text[_SYMBOLOGY_LENGTH:]
    if symbology in GS1_SYMBOLS:
        return Form.ELEMENT_STRING, read_element_string(text, inside, today=today)
    if symbology in RETAIL_SYMBOLS:
        return _read_gtin(text, inside)
    reading = _read_obvious(text, inside, today=today)
    if reading is None:
        raise ScanError(
            "SCAN_UNKNOWN",
            inside,
            f"a symbol marked {symbology} is none of GS1, and this is no HIBC code in it",
        )
    return reading


def _read_unmarked(text: str, place: int, *, today: date) -> Reading:
    """A code without symbology identifier: it must show by itself what it is."""
    reading = _read_obvious(text, place, today=today)
    if reading is not None:
        return reading
    bare = text.strip(" ")
    place += len(text) - len(text.lstrip(" "))
    if is_digits(bare) and len(bare) in GTIN_LENGTHS:
        return _read_gtin(bare, place)
    return Form.ELEMENT_STRING, read_element_string(bare, place, today=today)


def _read_obvious(text: str, place: int, *, today: date) -> Reading | None:
    """A code that its first characters give away; None where they do not."""
    bare = text.lstrip(" ")
    place += len(text) - len(bare)
    if bare.startswith(FLAG):
        return Form.HIBC, read_hibc(bare, place, today=today)  # its last character may be a space
    bare = bare.rstrip(" ")
    if bare.startswith(f"*{FLAG}"):
        return Form.HIBC, read_caption(bare, place, today=today)
    if bare.startswith("("):
        return Form.TEXT, read_printed_text(bare, place, today=today)
    if is_link(bare):
        return Form.DIGITAL_LINK, read_link(bare, place, today=today)
    return None


def _read_gtin(digits: str, place: int) -> Reading:
    return Form.GTIN, [Fact(field=Field.GTIN, value=checked_gtin(digits, place), place=place)]
