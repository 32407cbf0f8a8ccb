"""How the scans of a consignment stand: what does not fit, and which lines nobody scanned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from coldgate.udi.matching import Comparison, compare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coldgate.model import Purpose
    from coldgate.udi.matching import Difference, ShippedLine
    from coldgate.udi.scan import Scan

    _Serials: TypeAlias = dict[tuple[Purpose, int], set[str | None]]

MOST_EXPLAINED: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenScan:
    """A stored scan that nobody dismissed; ``scan`` is None where it is ``unreadable``."""

    id: int
    purpose: Purpose
    scan: Scan | None
    unreadable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A scan that is not of these goods; ``unreadable`` says why where it cannot be told."""

    id: int
    purpose: Purpose
    unreadable: str | None
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineScans:
    """Whether a line was scanned for a purpose; ``missing`` are the named units that were not."""

    position: int
    product: str
    lot: str
    purpose: Purpose
    required: bool
    scanned: bool
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanStanding:
    """Every mismatch, and every line under each purpose."""

    mismatches: tuple[Mismatch, ...] = ()
    lines: tuple[LineScans, ...] = ()

    def unscanned(self, purpose: Purpose) -> tuple[LineScans, ...]:
        """Lines whose article must be scanned for ``purpose`` and was not, or not every unit."""
        return tuple(
            line
            for line in self.lines
            if line.purpose is purpose and line.required and not line.scanned
        )


def stand(
    scans: Sequence[TakenScan], lines: Sequence[ShippedLine], purposes: Sequence[Purpose]
) -> ScanStanding:
    """Compare every scan with the lines as they are now."""
    index = _LineIndex(lines)
    mismatches = []
    serials: _Serials = {}
    for taken in scans:
        found = None if taken.scan is None else index.compare(taken.scan)
        if found is None or not found.matches:
            mismatches.append(_mismatch(taken, found))
            continue
        for position in found.proven:
            scanned = None if taken.scan is None else taken.scan.serial
            serials.setdefault((taken.purpose, position), set()).add(scanned)
    return ScanStanding(
        mismatches=tuple(mismatches),
        lines=tuple(_line_scans(line, purpose, serials) for line in lines for purpose in purposes),
    )


class _LineIndex:
    """Lines by lot, so that a thousand scans of a thousand lots are not a million comparisons.

    Only the first `MOST_EXPLAINED` mismatches are told from the nearest of all lines, the others
    from the lines of their lot, if there are any.
    """

    def __init__(self, lines: Sequence[ShippedLine]) -> None:
        self._lines = lines
        self._by_lot: dict[str, list[ShippedLine]] = {}
        self._known: dict[Scan, Comparison] = {}
        self._explained = 0
        for line in lines:
            self._by_lot.setdefault(line.lot, []).append(line)

    def compare(self, scan: Scan) -> Comparison:
        """As `compare` with all lines: a scan that names a lot can only be one of that lot."""
        known = self._known.get(scan)
        if known is None:
            known = self._known[scan] = self._compare(scan)
        return known

    def _compare(self, scan: Scan) -> Comparison:
        if scan.lot is None:
            return compare(scan, self._lines)
        found = compare(scan, self._by_lot.get(scan.lot, ()))
        if found.matches or self._explained >= MOST_EXPLAINED:
            return found
        self._explained += 1
        return compare(scan, self._lines)


def _mismatch(taken: TakenScan, found: Comparison | None) -> Mismatch:
    return Mismatch(
        id=taken.id,
        purpose=taken.purpose,
        unreadable=taken.unreadable,
        differences=() if found is None else found.differences,
    )


def _line_scans(line: ShippedLine, purpose: Purpose, serials: _Serials) -> LineScans:
    """One scan stands for a lot; where units are named, each takes its own."""
    scanned = serials.get((purpose, line.position))
    missing = tuple(unit for unit in line.serials or () if unit not in (scanned or ()))
    return LineScans(
        position=line.position,
        product=line.product,
        lot=line.lot,
        purpose=purpose,
        required=line.scan_required,
        scanned=scanned is not None and not missing,
        missing=missing,
    )
