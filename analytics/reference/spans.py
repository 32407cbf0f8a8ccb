"""Stretches of time as plain (start, end) pairs in ms, both ends included."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Span = tuple[int, int]


def joined(spans: Iterable[Span], *, apart_ms: int = 0) -> list[Span]:
    """Spans in order, those no more than ``apart_ms`` apart made one; at 0 those that touch."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start - found[-1][1] <= apart_ms:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def united(spans: Iterable[Span]) -> list[Span]:
    """Time in any of the spans; what has no length is no time."""
    return [(start, end) for start, end in joined(spans) if start < end]


def without(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """Time in the spans and in none of the holes, each span for itself.

    >>> without([(0, 10), (20, 30)], [(5, 25)])
    [(0, 5), (25, 30)]
    """
    cut = united(holes)
    ends = [end for _, end in cut]
    return [
        piece
        for span in spans
        for piece in _pieces(span, cut[bisect_right(ends, span[0]) :])
        if piece[0] < piece[1]
    ]


def total_ms(spans: Iterable[Span]) -> int:
    """Length of all spans together."""
    return sum(end - start for start, end in spans)


def longest_with_gaps(runs: Iterable[Span], gaps: Iterable[Span]) -> int:
    """Length of the longest run if every gap belongs to the runs that it touches (S28).

    Two runs that meet at one instant stay two, for the reading there was within the limit (S13).
    """
    pieces = sorted([(*run, False) for run in runs] + [(*gap, True) for gap in gaps])
    longest, begun, reached, after_gap = 0, 0, None, False
    for start, end, is_gap in pieces:
        if reached is None or start > reached or not (is_gap or after_gap):
            begun = start
        reached, after_gap = end, is_gap
        longest = max(longest, end - begun)
    return longest


def _pieces(span: Span, holes: Sequence[Span]) -> Iterable[Span]:
    start, end = span
    for hole_start, hole_end in holes:
        if hole_start >= end:
            break
        yield start, hole_start
        start = hole_end
    yield start, end
