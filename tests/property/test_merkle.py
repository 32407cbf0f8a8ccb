"""The tree beside another implementation, and beside the definition of RFC 9162, section 2.1."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree, InvalidProof, verify_consistency, verify_inclusion

from coldgate import merkle

if TYPE_CHECKING:
    from collections.abc import Sequence

# Certificate Transparency's reference leaves, and the roots of their first 1, 2, … 8.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {  # (leaf, size): proof
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
}

trees = st.integers(1, 700)


def hashes(count: int) -> list[bytes]:
    return [merkle.leaf_hash(str(number).encode()) for number in range(count)]


def kept_nodes(leaves: Sequence[bytes]) -> merkle.NodeReader:
    """Leaves and roots of tiles as a database keeps them."""

    def read(level: int, first: int, count: int) -> Sequence[bytes]:
        width = merkle.TILE_WIDTH**level
        starts = [place * width for place in range(first, first + count)]
        assert all(start + width <= len(leaves) for start in starts)
        return [defined_root(leaves[start : start + width]) for start in starts]

    return read


def defined_root(leaves: Sequence[bytes]) -> bytes:
    """MTH of the RFC, by its recursive definition."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else sha256(b"").digest()
    middle = 1
    while 2 * middle < len(leaves):
        middle *= 2
    halves = defined_root(leaves[:middle]) + defined_root(leaves[middle:])
    return sha256(b"\x01" + halves).digest()


def tree_of(count: int) -> InmemoryTree:
    return InmemoryTree.init_from_entries([str(number).encode() for number in range(count)])


def test_reference_leaves_have_the_reference_roots() -> None:
    leaves = [merkle.leaf_hash(data) for data in LEAVES]

    assert [merkle.root_of(leaves[:size]).hex() for size in range(1, 9)] == ROOTS
    assert merkle.root_of([]) == sha256(b"").digest()


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_reference_leaves_have_the_reference_proofs(index: int, size: int) -> None:
    leaves = [merkle.leaf_hash(data) for data in LEAVES]

    proof = merkle.inclusion_proof(kept_nodes(leaves), index, size)

    assert [one.hex() for one in proof] == INCLUSION[index, size]


@given(size=trees)
def test_root_is_that_of_the_other_implementation(size: int) -> None:
    assert merkle.range_root(kept_nodes(hashes(size)), 0, size) == tree_of(size).get_root(size)


@given(data=st.data(), size=trees)
def test_every_leaf_is_proven_to_both_implementations(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves, other = hashes(size), tree_of(size)
    root = defined_root(leaves)

    proof = merkle.inclusion_proof(kept_nodes(leaves), index, size)

    assert merkle.verify_inclusion(leaves[index], index=index, size=size, proof=proof, root=root)
    theirs = other.prove_inclusion(index + 1, size)
    assert [leaves[index], *proof] == theirs.path
    verify_inclusion(leaves[index], root, theirs)


@given(data=st.data(), new=trees)
def test_every_beginning_is_proven_to_both_implementations(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(1, new))
    leaves, other = hashes(new), tree_of(new)
    roots = {"old_root": defined_root(leaves[:old]), "new_root": defined_root(leaves)}

    proof = merkle.consistency_proof(kept_nodes(leaves), old, new)

    assert merkle.verify_consistency(old=old, new=new, proof=proof, **roots)
    verify_consistency(roots["old_root"], roots["new_root"], other.prove_consistency(old, new))


@given(data=st.data(), size=st.integers(2, 300))
def test_proof_of_anything_else_is_refused(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = hashes(size)
    proof = merkle.inclusion_proof(kept_nodes(leaves), index, size)
    place = data.draw(st.integers(0, len(proof) - 1))
    bent = [*proof[:place], bytes(32), *proof[place + 1 :]]
    good = {"index": index, "size": size, "proof": proof, "root": defined_root(leaves)}

    for wrong in (
        {"proof": bent},
        {"proof": proof[:-1]},
        {"proof": [*proof, bytes(32)]},
        {"index": index + 1 if index + 1 < size else index - 1},
        {"index": size},
        {"root": bytes(32)},
    ):
        assert not merkle.verify_inclusion(leaves[index], **(good | wrong))


@given(data=st.data(), new=st.integers(2, 300))
def test_another_beginning_is_refused(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(1, new - 1))
    leaves = hashes(new)
    changed = data.draw(st.integers(0, old - 1))
    rewritten = [*leaves[:changed], bytes(32), *leaves[changed + 1 :]]
    proof = merkle.consistency_proof(kept_nodes(rewritten), old, new)
    good = {"old": old, "new": new, "new_root": defined_root(rewritten), "proof": proof}

    assert not merkle.verify_consistency(old_root=defined_root(leaves[:old]), **good)
    assert not merkle.verify_consistency(
        old_root=defined_root(rewritten[:old]), **(good | {"proof": proof[:-1]})
    )
    assert not merkle.verify_consistency(
        old_root=defined_root(rewritten[:old]), **(good | {"proof": [*proof, bytes(32)]})
    )


@given(sizes=st.lists(st.integers(0, 5), min_size=1, max_size=20))
def test_frontier_takes_leaves_and_whole_subtrees(sizes: list[int]) -> None:
    widths = sorted((1 << size for size in sizes), reverse=True)
    leaves = hashes(sum(widths))
    frontier = merkle.Frontier()

    for width in widths:
        part = leaves[frontier.size : frontier.size + width]
        frontier.append(defined_root(part), leaves=width)

    assert (frontier.size, frontier.root()) == (len(leaves), defined_root(leaves))


def test_the_other_implementation_refuses_what_we_refuse() -> None:
    proof = tree_of(7).prove_inclusion(3, 7)

    with pytest.raises(InvalidProof):
        verify_inclusion(bytes(32), tree_of(7).get_root(7), proof)
