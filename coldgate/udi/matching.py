"""A scan beside the lines of its consignment: which of them it is, or where it differs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from coldgate.udi.scan import Scan


class Compared(Enum):
    """What is compared."""

    ARTICLE = "article"  # the scan names none, or the consignment has none by that name
    GTIN = "gtin"
    HIBC = "hibc"
    LOT = "lot"
    EXPIRY = "expires_on"
    SERIAL = "serial"
    SSCC = "sscc"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedLine:
    """A line, with how its article is named and what is registered of its lot.

    ``expires_on`` is None where the lot is not registered, ``serials`` where the line names none.
    """

    position: int
    product: str
    lot: str
    serials: tuple[str, ...] | None = None
    sscc: str | None = None
    gtin: str | None = None
    hibc: str | None = None
    expires_on: date | None = None
    scan_required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field in which the scan differs from the line that comes nearest; None: not there."""

    field: Compared
    scanned: str | None
    expected: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The lines that a scan may be; ``differences`` are empty where there are any.

    ``proven`` are those of them that it stands for: it names their lot, unit or SSCC, and not the
    article alone.
    """

    positions: tuple[int, ...]
    proven: tuple[int, ...]
    differences: tuple[Difference, ...]

    @property
    def matches(self) -> bool:
        """Whether the scan is of these goods."""
        return not self.differences


def compare(scan: Scan, lines: Sequence[ShippedLine]) -> Comparison:
    """Which of ``lines`` the scan is, or in what it differs from the one that comes nearest."""
    found = [(line, tuple(_differences(scan, line))) for line in lines]
    same = [line for line, differences in found if not differences]
    if not same:
        return Comparison(positions=(), proven=(), differences=_nearest(scan, found))
    return Comparison(
        positions=tuple(line.position for line in same),
        proven=tuple(line.position for line in same if _proves(scan, line)),
        differences=(),
    )


def _nearest(
    scan: Scan, found: Sequence[tuple[ShippedLine, tuple[Difference, ...]]]
) -> tuple[Difference, ...]:
    """What tells the scan from the line most like it; a line of its own article comes first."""
    if not found:
        return (Difference(field=Compared.ARTICLE, scanned=_article(scan), expected=None),)
    return min(
        (differences for _, differences in found),
        key=lambda differences: (
            any(difference.field in _NAMES for difference in differences),
            len(differences),
        ),
    )


_NAMES = frozenset({Compared.ARTICLE, Compared.GTIN, Compared.HIBC})


def _differences(scan: Scan, line: ShippedLine) -> Iterator[Difference]:
    yield from _article_differences(scan, line)
    pairs = (
        (Compared.SSCC, scan.sscc, line.sscc),
        (Compared.LOT, scan.lot, line.lot),
        (Compared.EXPIRY, _day(scan.expires_on), _day(line.expires_on)),
    )
    for field, scanned, expected in pairs:
        if scanned is not None and expected is not None and scanned != expected:
            yield Difference(field=field, scanned=scanned, expected=expected)
    if scan.serial is not None and line.serials is not None and scan.serial not in line.serials:
        expected = f"one of the {len(line.serials)} units in line {line.position}"
        yield Difference(field=Compared.SERIAL, scanned=scan.serial, expected=expected)


def _article_differences(scan: Scan, line: ShippedLine) -> Iterator[Difference]:
    """Where the article is another one, or cannot be told from the scan at all."""
    pairs = ((Compared.GTIN, scan.gtin, line.gtin), (Compared.HIBC, scan.hibc_primary, line.hibc))
    named = False
    for field, scanned, expected in pairs:
        if scanned is not None and expected is not None:
            named = True
            if scanned != expected:
                yield Difference(field=field, scanned=scanned, expected=expected)
    if not named and not _same(scan.sscc, line.sscc):
        yield Difference(field=Compared.ARTICLE, scanned=_article(scan), expected=line.product)


def _proves(scan: Scan, line: ShippedLine) -> bool:
    """Whether a scan that differs in nothing says more than the article."""
    unit = scan.serial is not None and line.serials is not None
    return unit or scan.lot is not None or _same(scan.sscc, line.sscc)


def _same(scanned: str | None, expected: str | None) -> bool:
    return scanned is not None and scanned == expected


def _article(scan: Scan) -> str | None:
    return scan.gtin or scan.hibc_primary


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
