"""Merkle trees of RFC 9162 (Certificate Transparency 2.0, section 2.1), over SHA-256.

What a proof consists of is first said as ranges of leaves, then hashed by whoever holds the nodes:
`NodeReader` gives them from a list as well as from a database.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    # (level, first, count): roots of `count` neighbouring full subtrees of 256**level leaves each
    NodeReader: TypeAlias = Callable[[int, int, int], Sequence[bytes]]

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
TILE_HEIGHT: Final = 8  # levels of the tree between two kept ones, as in C2SP tlog-tiles
TILE_WIDTH: Final = 1 << TILE_HEIGHT

Range: TypeAlias = "tuple[int, int]"  # first leaf, and the one behind the last


def leaf_hash(data: bytes) -> bytes:
    """Hash of one leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(roots: Sequence[bytes]) -> bytes:
    """The root over full subtrees of falling size, from left to right."""
    if not roots:
        return EMPTY_ROOT
    *rest, root = roots
    for left in reversed(rest):
        root = node_hash(left, root)
    return root


class Frontier:
    """A tree that grows at its right edge; holds the roots of its O(log n) full subtrees."""

    __slots__ = ("roots", "size")

    def __init__(self, roots: Sequence[bytes] = (), size: int = 0) -> None:
        self.roots = list(roots)
        self.size = size

    def append(self, leaf: bytes, *, leaves: int = 1) -> None:
        """Add the hash of a leaf, or the root of ``leaves`` (a power of two that divides size)."""
        roots, place = self.roots, self.size // leaves
        while place & 1:
            leaf = node_hash(roots.pop(), leaf)
            place >>= 1
        roots.append(leaf)
        self.size += leaves

    def root(self) -> bytes:
        """Root of all leaves so far."""
        return fold(self.roots)


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Root of the tree over these leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def full_ranges(start: int, stop: int) -> list[Range]:
    """The full subtrees that ``[start, stop)`` consists of, from left to right.

    ``start`` is a multiple of a power of two that is not smaller than ``stop - start``.

    >>> full_ranges(8, 15)
    [(8, 12), (12, 14), (14, 15)]
    """
    ranges = []
    while start < stop:
        width = 1 << (stop - start).bit_length() - 1
        ranges.append((start, start + width))
        start += width
    return ranges


def _split(start: int, stop: int) -> int:
    """Where the left subtree ends: the largest power of two below the number of leaves."""
    return start + (1 << (stop - start - 1).bit_length() - 1)


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The subtrees whose roots prove leaf ``index`` in a tree of ``size`` (section 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    start, stop, path = 0, size, []
    while stop - start > 1:
        middle = _split(start, stop)
        if index < middle:
            path.append((middle, stop))
            stop = middle
        else:
            path.append((start, middle))
            start = middle
    return path[::-1]


def consistency_ranges(old: int, new: int) -> list[Range]:
    """The subtrees whose roots prove that a tree of ``old`` is the beginning of one of ``new``.

    Section 2.1.4.1; none are needed where one of them is empty or both are the same.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} is no beginning of one of {new}")
    if old in (0, new):
        return []
    start, stop, path = 0, new, []
    while old != stop:
        middle = _split(start, stop)
        if old <= middle:
            path.append((middle, stop))
            stop = middle
        else:
            path.append((start, middle))
            start = middle
    if start:  # else the old root itself stands here, which the verifier has
        path.append((start, stop))
    return path[::-1]


def range_root(nodes: NodeReader, start: int, stop: int) -> bytes:
    """Root over the leaves of one range of a proof, or of the whole tree."""
    return fold([_full_root(nodes, first, last) for first, last in full_ranges(start, stop)])


def _full_root(nodes: NodeReader, start: int, stop: int) -> bytes:
    height = (stop - start).bit_length() - 1
    level = height // TILE_HEIGHT
    width = 1 << level * TILE_HEIGHT
    return root_of(nodes(level, start // width, (stop - start) // width))


def inclusion_proof(nodes: NodeReader, index: int, size: int) -> list[bytes]:
    """Hashes that prove leaf ``index`` in the tree of the first ``size`` leaves."""
    return [range_root(nodes, *one) for one in inclusion_ranges(index, size)]


def consistency_proof(nodes: NodeReader, old: int, new: int) -> list[bytes]:
    """Hashes that prove the tree of ``old`` leaves to be the beginning of that of ``new``."""
    return [range_root(nodes, *one) for one in consistency_ranges(old, new)]


def verify_inclusion(
    leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether the proof leads from the leaf's hash to the root (section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(
    *, old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the proof shows the old tree to be the beginning of the new (section 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    path = list(proof)
    if old & (old - 1) == 0:  # a full tree: its root is where the path begins
        path.insert(0, old_root)
    return bool(path) and _leads_to_both(old, new, path) == (old_root, new_root)


def _leads_to_both(old: int, new: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """The roots of both trees by the path; None where it has not the length that they ask for."""
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            before = node_hash(sibling, before)
            after = node_hash(sibling, after)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        place, last = place >> 1, last >> 1
    return (before, after) if last == 0 else None
