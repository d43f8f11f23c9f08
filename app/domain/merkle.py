"""The Merkle tree of the log (RFC 6962, section 2.1): roots, proofs of inclusion and of consistency. Pure.

A tree of n leaves is identified by its peaks: the roots of its maximal perfect subtrees, largest first. A perfect
subtree is identified by its place (level, number): its number among the subtrees of 2^level leaves.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

Hash = bytes
Place = tuple[int, int]
EMPTY_ROOT: Hash = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> Hash:
    """The hash of an entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: Hash, right: Hash) -> Hash:
    """The hash of two neighbours."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(peaks: Sequence[Hash]) -> Hash:
    """The root of the tree that has these peaks."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def grow(peaks: list[Hash], size: int, leaf: Hash) -> list[tuple[int, int, Hash]]:
    """Appends the leaf number `size` to the peaks. Returns (level, number, hash) of the completed subtrees."""
    completed = []
    level, node = 0, leaf
    while size >> level & 1:
        node = node_hash(peaks.pop(), node)
        level += 1
        completed.append((level, size >> level, node))
    peaks.append(node)
    return completed


def peaks_of(start: int, end: int) -> list[Place]:
    """The perfect subtrees of the leaves [start, end), where a subtree may begin at `start`."""
    places = []
    while start < end:
        level = (end - start).bit_length() - 1
        places.append((level, start >> level))
        start += 1 << level
    return places


def inclusion_ranges(number: int, size: int) -> list[tuple[int, int]]:
    """The ranges of leaves whose hashes prove that leaf `number` (from 0) is in a tree of this size, lowest first."""
    ranges: list[tuple[int, int]] = []
    start, end = 0, size
    while end - start > 1:
        split = start + _largest_power_below(end - start)
        if number < split:
            ranges.append((split, end))
            end = split
        else:
            ranges.append((start, split))
            start = split
    return ranges[::-1]


def consistency_ranges(first: int, second: int) -> list[tuple[int, int]]:
    """The ranges whose hashes prove that a tree of `first` leaves is a prefix of one of `second`."""
    if not 0 < first < second:
        return []
    ranges: list[tuple[int, int]] = []
    start, end, whole = 0, second, True
    while first != end:
        split = start + _largest_power_below(end - start)
        if first <= split:
            ranges.append((split, end))
            end = split
        else:
            ranges.append((start, split))
            start, whole = split, False
    if not whole:
        ranges.append((start, end))
    return ranges[::-1]


def hash_of_range(start: int, end: int, hashes: Mapping[Place, Hash]) -> Hash:
    """The hash of a range of leaves, from the hashes of its perfect subtrees."""
    return root_of([hashes[place] for place in peaks_of(start, end)])


def places_of(ranges: Iterable[tuple[int, int]]) -> list[Place]:
    """Every perfect subtree of some ranges."""
    return [place for start, end in ranges for place in peaks_of(start, end)]


def _largest_power_below(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1
