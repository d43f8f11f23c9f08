"""The Merkle tree of the log, compared with pymerkle and with verifiers written from RFC 9162 alone."""

import hashlib
from functools import cache

import pytest
from pymerkle import InmemoryTree, verify_inclusion
from pymerkle.proof import InclusionProof

from app.domain import merkle
from tests.proofs import consistent, includes, root_of_leaves

LARGEST = 130
PROVED = 70
ENTRIES = [b"entry %d" % n for n in range(LARGEST)]
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]


@cache
def _oracle() -> InmemoryTree:
    tree = InmemoryTree(algorithm="sha256")
    tree.append_entries(ENTRIES)
    return tree


@cache
def _grown() -> tuple[list[bytes], dict[merkle.Place, merkle.Hash]]:
    """The root of every size, and the hash of every perfect subtree, of a tree that grew leaf after leaf."""
    peaks: list[bytes] = []
    roots, hashes = [merkle.root_of(peaks)], {}
    for size, leaf in enumerate(LEAVES):
        hashes[0, size] = leaf
        hashes |= {(level, number): node for level, number, node in merkle.grow(peaks, size, leaf)}
        roots.append(merkle.root_of(peaks))
    return roots, hashes


def _root(size: int) -> bytes:
    return _grown()[0][size]


def _inclusion(index: int, size: int) -> list[bytes]:
    return [merkle.hash_of_range(*r, _grown()[1]) for r in merkle.inclusion_ranges(index, size)]


def _consistency(first: int, second: int) -> list[bytes]:
    return [merkle.hash_of_range(*r, _grown()[1]) for r in merkle.consistency_ranges(first, second)]


def _changed(node: bytes, place: int) -> bytes:
    """A hash with one byte changed."""
    place %= len(node)
    return node[:place] + bytes([node[place] ^ 1]) + node[place + 1 :]


def test_the_root_of_an_empty_tree_is_the_hash_of_no_bytes() -> None:
    assert merkle.root_of([]) == merkle.EMPTY_ROOT == hashlib.sha256(b"").digest()


def test_leaves_and_nodes_are_hashed_with_different_prefixes() -> None:
    assert merkle.leaf_hash(b"x") == hashlib.sha256(b"\x00x").digest()
    assert merkle.node_hash(b"a", b"b") == hashlib.sha256(b"\x01ab").digest()


def test_known_roots_of_certificate_transparency_are_reproduced() -> None:
    """The vectors of the reference implementation of RFC 6962."""
    entries = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]
    peaks: list[bytes] = []
    for size, (entry, root) in enumerate(zip(entries, roots, strict=True)):
        merkle.grow(peaks, size, merkle.leaf_hash(bytes.fromhex(entry)))
        assert merkle.root_of(peaks).hex() == root


def test_the_root_of_every_size_equals_that_of_pymerkle() -> None:
    roots = [_root(size) for size in range(LARGEST + 1)]
    assert roots == [_oracle().get_root(size) for size in range(LARGEST + 1)]
    assert roots == [root_of_leaves(LEAVES[:size]) for size in range(LARGEST + 1)]


def test_the_peaks_are_the_hashes_of_the_complete_subtrees() -> None:
    peaks: list[bytes] = []
    for size, leaf in enumerate(LEAVES, start=1):
        merkle.grow(peaks, size - 1, leaf)
        assert peaks == [_grown()[1][place] for place in merkle.peaks_of(0, size)]
        assert len(peaks) == size.bit_count()


def test_every_complete_subtree_is_stored_once_with_its_hash() -> None:
    # given
    _, hashes = _grown()

    # then
    perfect = {(level, n) for level in range(8) for n in range(LARGEST >> level)}
    assert set(hashes) == perfect
    for (level, number), node in hashes.items():
        assert node == root_of_leaves(LEAVES[number << level : (number + 1) << level]), (level, number)


def test_a_leaf_completes_only_the_subtrees_that_end_with_it() -> None:
    peaks: list[bytes] = []
    for size, leaf in enumerate(LEAVES):
        for level, number, _ in merkle.grow(peaks, size, leaf):
            assert level > 0
            assert (number + 1) << level == size + 1


def test_every_inclusion_proof_equals_that_of_pymerkle() -> None:
    """pymerkle puts the leaf itself in front of the path, and counts from 1."""
    for size in range(1, LARGEST + 1, 3):
        for index in range(size):
            proof = _oracle().prove_inclusion(index + 1, size)
            assert [LEAVES[index], *_inclusion(index, size)] == proof.path, (index, size)


def test_pymerkle_accepts_the_inclusion_proofs() -> None:
    for size in range(1, PROVED + 1):
        for index in range(0, size, 3):
            rule = _oracle().prove_inclusion(index + 1, size).rule
            path = [LEAVES[index], *_inclusion(index, size)]
            made = InclusionProof("sha256", True, size, index + 1, rule, path)
            verify_inclusion(LEAVES[index], _root(size), made, index=index + 1, size=size)


def test_every_inclusion_proof_verifies() -> None:
    for size in range(1, PROVED + 1):
        for index in range(size):
            assert includes(LEAVES[index], index, size, _inclusion(index, size), _root(size)), (index, size)


def test_an_inclusion_proof_fails_for_another_leaf_index_root_or_path() -> None:
    for size in range(1, PROVED + 1):
        for index in range(size):
            leaf, path, root = LEAVES[index], _inclusion(index, size), _root(size)
            where = (index, size)
            assert not includes(_changed(leaf, index), index, size, path, root), where
            assert not includes(leaf, index, size, path, _changed(root, index)), where
            assert not any(includes(leaf, other, size, path, root) for other in range(size + 1) if other != index)
            assert not includes(leaf, index, size, [*path, leaf], root), where
            for n, node in enumerate(path):
                changed = [*path[:n], _changed(node, index + n), *path[n + 1 :]]
                assert not includes(leaf, index, size, changed, root), where
                assert not includes(leaf, index, size, path[:n] + path[n + 1 :], root), where


def test_every_consistency_proof_verifies() -> None:
    for second in range(1, PROVED + 1):
        for first in range(1, second + 1):
            path = _consistency(first, second)
            assert consistent(first, second, _root(first), _root(second), path), (first, second)


def test_a_consistency_proof_fails_for_other_sizes_roots_or_path() -> None:
    for second in range(2, PROVED + 1):
        for first in range(1, second):
            path, of_first, of_second = _consistency(first, second), _root(first), _root(second)
            where = (first, second)
            assert not consistent(first, second, _changed(of_first, second), of_second, path), where
            assert not consistent(first, second, of_first, _changed(of_second, first), path), where
            assert not consistent(first, second, of_second, of_first, path), where
            assert not consistent(first, second, of_first, of_second, [*path, of_first]), where
            for other in range(1, second):
                assert other == first or not consistent(other, second, _root(other), of_second, path), where
            for n, node in enumerate(path):
                changed = [*path[:n], _changed(node, first + n), *path[n + 1 :]]
                assert not consistent(first, second, of_first, of_second, changed), where
                assert not consistent(first, second, of_first, of_second, path[:n] + path[n + 1 :]), where


def test_a_rewritten_log_has_no_consistency_proof_with_the_original() -> None:
    """Not by the ranges that a proof is made of, whatever their hashes: those of the other log are tried."""
    for first in range(1, 20):
        rewritten = [*LEAVES[: first - 1], merkle.leaf_hash(b"another"), *LEAVES[first:40]]
        for second in range(first + 1, 40):
            path = [root_of_leaves(rewritten[start:end]) for start, end in merkle.consistency_ranges(first, second)]
            assert not consistent(first, second, _root(first), root_of_leaves(rewritten[:second]), path)


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 5), (5, 5), (6, 5), (-1, 5)])
def test_the_consistency_proof_of_equal_or_empty_sizes_is_empty(first: int, second: int) -> None:
    assert merkle.consistency_ranges(first, second) == []


def test_a_proof_is_no_longer_than_the_height_of_the_tree() -> None:
    for size in (1, 2, 3, 1000, 2**20 - 1, 2**20, 2**20 + 1):
        height = (size - 1).bit_length()
        for index in {0, size // 2, size - 1}:
            assert len(merkle.inclusion_ranges(index, size)) <= height
        for first in {1, size // 3 + 1, size}:
            assert len(merkle.consistency_ranges(first, size)) <= height + 1


def test_the_ranges_of_a_proof_need_few_subtrees() -> None:
    """A proof about a log of a million entries reads some dozens of hashes, not the log."""
    places = merkle.places_of(merkle.inclusion_ranges(123_456, 1_000_003))
    assert len(places) <= 40
    assert len(set(places)) == len(places)
