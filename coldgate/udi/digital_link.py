"""GS1 Digital Link: the same fields as a web address, at whatever domain."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from coldgate.errors import ScanError
from coldgate.udi.checks import GTIN_DIGITS, checked_gtin, is_digits
from coldgate.udi.gs1 import read_field

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from coldgate.udi.facts import Fact

SCHEMES: Final = ("https://", "http://")
PRIMARY: Final = frozenset({"00", "01"})
_NAMES: Final = {"gtin": "01", "lot": "10", "ser": "21", "cpv": "22", "sscc": "00"}  # release 1.1
_LONE_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


def is_link(text: str) -> bool:
    """Whether this is a web address."""
    return text[: len(SCHEMES[0])].lower().startswith(SCHEMES)


def read_link(text: str, place: int, *, today: date) -> list[Fact]:
    """The facts in the address; `ScanError` where it names neither article nor logistic unit."""
    address = text.split("#", maxsplit=1)[0]
    head, _, query = address.partition("?")
    authority = head.index("//") + 2
    path = list(_parts(head[authority:], "/", place + authority))[1:]
    facts = list(_path_facts(path, place, today=today))
    facts.extend(_query_facts(query, place + len(head) + 1, today=today))
    return facts


def _path_facts(path: list[tuple[int, str]], place: int, *, today: date) -> Iterator[Fact]:
    """The fields of the path, from the first article or logistic unit in it to the end."""
    pairs = path[_first_primary(path, place) :]
    for (at, name), (inside, value) in zip(pairs[::2], pairs[1::2], strict=True):
        number = _number(name)
        if not is_digits(number):
            raise ScanError("SCAN_FORMAT", at, "the path goes on with pairs such as /10/ABC only")
        yield _pair_fact(number, value, inside, today=today)


def _first_primary(path: list[tuple[int, str]], place: int) -> int:
    """Where in the path the data begin; what stands before belongs to the resolver."""
    for first, (_, key) in enumerate(path):
        if _number(key) in PRIMARY and (len(path) - first) % 2 == 0:
            return first
    raise ScanError(
        "SCAN_UNKNOWN",
        place,
        "this address is no GS1 Digital Link: its path has neither /01/ and a GTIN nor /00/ and "
        "an SSCC",
    )


def _query_facts(query: str, place: int, *, today: date) -> Iterator[Fact]:
    """The fields of the query; what is not named by a number is for the resolver, not for us."""
    for at, pair in _parts(query.replace(";", "&"), "&", place):
        key, _, value = pair.partition("=")
        number = _number(key)
        if is_digits(number):
            yield _pair_fact(number, value, at + len(key) + 1, today=today)


def _pair_fact(identifier: str, text: str, place: int, *, today: date) -> Fact:
    value = _decoded(text, place)
    if identifier == "01" and len(value) < GTIN_DIGITS:
        value = checked_gtin(value, place)
    return read_field(identifier, value, place, today=today)


def _number(key: str) -> str:
    return _NAMES.get(key, key)


def _decoded(text: str, place: int) -> str:
    """``text`` with its percent signs resolved."""
    lone = _LONE_PERCENT.search(text)
    if lone is not None:
        at = place + lone.start()
        raise ScanError("SCAN_FORMAT", at, "% in an address is followed by two hex digits")
    decoded = unquote(text, errors="replace")
    if not decoded.isascii() or not decoded.isprintable():
        raise ScanError("SCAN_CHARACTER", place, "GS1 fields hold printable ASCII characters only")
    return decoded


def _parts(text: str, separator: str, place: int) -> Iterator[tuple[int, str]]:
    """The parts between separators, each with the place where it begins."""
    for part in text.split(separator):
        yield place, part
        place += len(part) + len(separator)
