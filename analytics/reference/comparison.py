"""Where an evaluation and the reference judge disagree, place by place."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from analytics.reference.answer import Near

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analytics.profile import Json
    from analytics.reference.answer import Reference

    Plain = (
        str | int | float | Near | Fraction | Decimal | None | list["Plain"] | dict[str, "Plain"]
    )

SHOWN: Final = Fraction(1, 10**6)  # evaluations show figures with six decimals,
FLOATING: Final = Fraction(1, 10**11)  # and floating point has no more digits than these
ORDER_BY: Final = {
    "channels": ("channel", "begin_ms", "readings_digest", "end_ms", "zone", "role", "interval_ms"),
    "excursions": ("channel", "rule", "start_ms", "end_ms", "peak_at_ms", "peak_milli", "area2"),
    "budgets": ("key", "zone"),
}
REASON: Final = ("code", "rule", "channel", "verdict")
ABSENT: Final = "is not in the evaluation"


def differences(evaluation: dict[str, Json], reference: Reference) -> list[str]:
    """Each place where an evaluation, as JSON, is not what the reference says; none if equal.

    Whatever the reference answers is compared by name; figures that are shown rounded may differ
    in the last decimal shown. Reasons are compared by code, rule, channel and verdict, not by
    their words. What stands in an evaluation beside that names its inputs, and is not judged.
    """
    expected = _plain(reference)
    assert isinstance(expected, dict)  # noqa: S101 - _plain() maps a dataclass to a dict
    reasons = expected.pop("reasons")
    return [
        *_reason_differences(reasons, evaluation.get("reasons")),
        *_differences("", expected, evaluation),
    ]


def _differences(path: str, expected: Plain, found: object) -> Iterator[str]:
    """Differences at and below one place."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            place = f"{path}.{key}" if path else key
            if key in found:
                yield from _differences(place, value, found[key])
            else:
                yield f"{place} {ABSENT}"
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            yield f"{path}: {len(expected)} expected, {len(found)} found"
        names = ORDER_BY.get(path)
        pairs = zip(_ordered(expected, names), _ordered(found, names), strict=False)
        for index, (ours, theirs) in enumerate(pairs):
            yield from _differences(f"{path}[{index}]", ours, theirs)
    elif not _is_same(expected, found):
        yield f"{path}: {_shown(expected)} expected, {_shown(found)} found"


def _reason_differences(expected: Plain, found: object) -> Iterator[str]:
    """Reasons that only one of the two gives."""
    ours, theirs = _counted(expected), _counted(found)
    for each in (ours - theirs).elements():
        yield f"reasons: {each} is not in the evaluation"
    for each in (theirs - ours).elements():
        yield f"reasons: {each} is not expected"


def _counted(reasons: object) -> Counter[str]:
    """How often each reason is given; the words and times of a reason are left out."""
    given = reasons if isinstance(reasons, list) else []
    told = ([each.get(name) for name in REASON] for each in given if isinstance(each, dict))
    return Counter(" ".join(str(part) for part in parts if part is not None) for parts in told)


def _is_same(expected: Plain, found: object) -> bool:
    """True if equal; an exact figure equals the shown one that is nearest to it."""
    if isinstance(expected, Fraction | Decimal):
        exact = Fraction(expected)
        near = max(SHOWN, abs(exact) * FLOATING)
        return isinstance(found, int | float) and abs(exact - Fraction(found)) <= near
    if isinstance(expected, Near):
        return isinstance(found, int) and abs(expected.whole - found) <= expected.give
    return type(expected) is type(found) and expected == found


def _ordered(rows: list[Plain], names: tuple[str, ...] | None) -> list[Plain]:
    """The rows in an order that both sides can be put in; as they stand without names."""
    return rows if names is None else sorted(rows, key=lambda row: _order(row, names))


def _order(row: Plain, names: tuple[str, ...]) -> list[tuple[bool, int, str]]:
    return [_sortable(row.get(name)) for name in names] if isinstance(row, dict) else []


def _sortable(value: object) -> tuple[bool, int, str]:
    """A key for numbers and texts alike; None stands before them."""
    if isinstance(value, int):
        return True, value, ""
    return value is not None, 0, str(value)


def _shown(value: object) -> str:
    if isinstance(value, Fraction | Decimal):
        return f"{float(value):.9f}"
    if isinstance(value, Near):
        return f"{value.whole} (within {value.give})"
    return repr(value)


def _plain(value: object) -> Plain:
    """Dataclasses as mappings, enums by value (integer ones by name), exact figures as they are."""
    if isinstance(value, Enum):
        return value.name.lower() if isinstance(value, int) else str(value.value)
    if value is None or isinstance(value, str | int | Fraction | Decimal | Near):
        return value
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if is_dataclass(value):
        return {part.name: _plain(getattr(value, part.name)) for part in fields(value)}
    raise TypeError(type(value).__name__)
