"""How the scans of a consignment stand: what does not fit, and which lines nobody scanned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coldgate.udi.matching import Comparison, compare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coldgate.model import Purpose
    from coldgate.udi.matching import Difference, ShippedLine
    from coldgate.udi.scan import Scan


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
    compared = [
        (taken, taken.scan, compare(taken.scan, lines)) for taken in scans if taken.scan is not None
    ]
    good = [_Good(taken.purpose, scan, found) for taken, scan, found in compared if found.matches]
    bad = {taken.id: found for taken, _, found in compared if not found.matches}
    return ScanStanding(
        mismatches=tuple(
            Mismatch(
                id=taken.id,
                purpose=taken.purpose,
                unreadable=taken.unreadable,
                differences=bad[taken.id].differences if taken.id in bad else (),
            )
            for taken in scans
            if taken.scan is None or taken.id in bad
        ),
        lines=tuple(_line_scans(line, purpose, good) for line in lines for purpose in purposes),
    )


@dataclass(frozen=True, slots=True)
class _Good:
    """A scan of these goods."""

    purpose: Purpose
    scan: Scan
    found: Comparison


def _line_scans(line: ShippedLine, purpose: Purpose, good: Sequence[_Good]) -> LineScans:
    """One scan stands for a lot; where units are named, each takes its own."""
    of_line = [
        one.scan for one in good if one.purpose is purpose and line.position in one.found.proven
    ]
    serials = {scan.serial for scan in of_line}
    missing = tuple(serial for serial in line.serials or () if serial not in serials)
    return LineScans(
        position=line.position,
        product=line.product,
        lot=line.lot,
        purpose=purpose,
        required=line.scan_required,
        scanned=bool(of_line) and not missing,
        missing=missing,
    )
