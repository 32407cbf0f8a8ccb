"""Pieces of record as bytes and back, many at a time: a few joins and copies per column."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, fields
from itertools import groupby, pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analytics.histograms import Histograms
from analytics.pieces import Pieces
from analytics.runs import Runs
from analytics.stillness import Stillness
from analytics.summary import Spread, Stretches, Summary
from analytics.traces import Marks, Pace, Rates, Traces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Column = NDArray[Any]

COMPRESSION: Final = 1  # the fastest level: columns of few different bytes gain little from more
COUNT: Final = np.dtype("<i4")
DTYPES: Final = {
    "Bools": "?",
    "Flags": "u1",
    "Indices": "<i8",
    "Milli": "<i4",
    "Millis": "<i8",
    "Signs": "i1",
}
WITHIN: Final[Mapping[str, type[object]]] = {
    "summary": Summary,
    "traces": Traces,
    "spread": Spread,
    "gaps": Stretches,
    "bins": Histograms,
    "runs": Runs,
    "rates": Rates,
    "spikes": Marks,
    "changes": Marks,
    "first": Pace,
    "last": Pace,
    "stillness": Stillness,
}
STEPPED: Final = frozenset({"traces.late", "traces.late_ms"})  # shape (steps, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A column by its path, such as ``summary.gaps.start``.

    ``of_many`` names the part that has any number of entries for a row, '' where there is one.
    """

    name: str
    dtype: str
    of_many: str

    def of(self, pieces: Pieces) -> Column:
        """The column of some pieces."""
        found: Column = attrgetter(self.name)(pieces)
        return found


def pack(pieces: Pieces) -> list[bytes]:
    """Each piece as bytes; the same piece always gives the same ones."""
    steps = len(pieces.traces.late)
    single = np.empty(pieces.summary.rows, _row_of(SINGLE, steps))
    for leaf in SINGLE:
        single[leaf.name] = np.moveaxis(leaf.of(pieces), -1, 0)
    parts = [_by_row(leaves, pieces) for leaves in MANY]
    return [
        _packed(steps, single[row], [part[row] for part in parts]) for row in range(len(single))
    ]


def _by_row(leaves: Sequence[Leaf], pieces: Pieces) -> list[NDArray[np.void]]:
    """The entries of each row, in the order in which they are."""
    row = next(leaf for leaf in leaves if leaf.name.endswith(".row")).of(pieces)
    order = np.argsort(row, kind="stable")
    found = np.empty(len(row), _row_of(_unnumbered(leaves)))
    for leaf in _unnumbered(leaves):
        found[leaf.name] = leaf.of(pieces)[order]
    edges = np.searchsorted(row[order], np.arange(pieces.summary.rows + 1))
    return [found[begin:end] for begin, end in pairwise(edges.tolist())]


def _packed(steps: int, single: np.void, parts: Sequence[NDArray[np.void]]) -> bytes:
    counts = np.array([steps, *(len(part) for part in parts)], COUNT)
    columns = [counts.tobytes(), single.tobytes(), *(part.tobytes() for part in parts)]
    return zlib.compress(b"".join(columns), COMPRESSION)


def unpack(bodies: Sequence[bytes]) -> Pieces:
    """The pieces that ``pack`` packed for one profile, one to the row, in the order given."""
    contents = [zlib.decompress(body) for body in bodies]
    head = (1 + len(MANY)) * COUNT.itemsize
    counts = np.frombuffer(b"".join(content[:head] for content in contents), COUNT)
    steps, *entries = counts.reshape(len(bodies), 1 + len(MANY)).T
    kinds = [_row_of(SINGLE, int(steps[0])), *(_row_of(_unnumbered(leaves)) for leaves in MANY)]
    sizes = np.array([np.ones_like(steps), *entries]) * [[kind.itemsize] for kind in kinds]
    edges = head + np.concatenate((np.zeros((1, len(bodies)), np.int64), sizes.cumsum(axis=0)))
    found = [
        np.frombuffer(_joined(contents, begin, end), kind)
        for kind, (begin, end) in zip(kinds, pairwise(edges.tolist()), strict=True)
    ]
    columns = {leaf.name: np.moveaxis(found[0][leaf.name], 0, -1) for leaf in SINGLE}
    for leaves, part, count in zip(MANY, found[1:], entries, strict=True):
        columns |= _numbered(leaves, part, count)
    built = _built(Pieces, {name: np.ascontiguousarray(each) for name, each in columns.items()})
    assert isinstance(built, Pieces)  # noqa: S101 - that was asked for
    return built


def _joined(contents: Sequence[bytes], begin: Sequence[int], end: Sequence[int]) -> bytes:
    """A part of all contents, one after the other."""
    return b"".join(
        content[first:last] for content, first, last in zip(contents, begin, end, strict=True)
    )


def _numbered(
    leaves: Sequence[Leaf], part: NDArray[np.void], count: NDArray[np.int32]
) -> dict[str, Column]:
    """The columns of a part with the row of each entry; runs are by limit first."""
    row = np.repeat(np.arange(len(count)), count)
    limit = next((leaf.name for leaf in leaves if leaf.name.endswith(".limit")), None)
    order = np.arange(len(row)) if limit is None else np.argsort(part[limit], kind="stable")
    return {
        leaf.name: (row if leaf.name.endswith(".row") else part[leaf.name])[order]
        for leaf in leaves
    }


def _built(kind: type[object], columns: Mapping[str, Column], prefix: str = "") -> object:
    """A dataclass of columns from all columns by path."""
    values = {
        name: _built(WITHIN[name], columns, f"{prefix}{name}.")
        if name in WITHIN
        else columns[prefix + name]
        for name, _ in _names(kind)
    }
    return kind(**values)


def _names(kind: type[object]) -> list[tuple[str, str]]:
    """Name and annotated type of each field of a dataclass."""
    return [(each.name, str(each.type)) for each in fields(kind)]  # type: ignore[arg-type]  # one


def _leaves(kind: type[object], prefix: str = "") -> list[Leaf]:
    """All columns below a dataclass, in order; only the counts of marks are one to the row."""
    names = _names(kind)
    many = prefix if ("row", "Indices") in names else ""
    found: list[Leaf] = []
    for name, annotated in names:
        if name in WITHIN:
            found += _leaves(WITHIN[name], f"{prefix}{name}.")
            continue
        of_many = "" if kind is Marks and name == "count" else many
        found.append(Leaf(name=prefix + name, dtype=DTYPES[annotated], of_many=of_many))
    return found


def _unnumbered(leaves: Sequence[Leaf]) -> list[Leaf]:
    return [leaf for leaf in leaves if not leaf.name.endswith(".row")]


def _row_of(leaves: Sequence[Leaf], steps: int = 0) -> np.dtype[np.void]:
    """One entry of columns side by side, without a hole between."""
    return np.dtype(
        [(leaf.name, leaf.dtype, (steps,) if leaf.name in STEPPED else ()) for leaf in leaves]
    )


LEAVES: Final = tuple(_leaves(Pieces))
SINGLE: Final = tuple(leaf for leaf in LEAVES if not leaf.of_many)
MANY: Final = tuple(
    tuple(leaves)
    for part, leaves in groupby((leaf for leaf in LEAVES if leaf.of_many), attrgetter("of_many"))
)
LAYOUT: Final = [[leaf.name, leaf.dtype] for leaf in LEAVES]  # another one cannot be read
