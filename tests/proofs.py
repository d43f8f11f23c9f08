"""Verifying proofs of the log, written from RFC 9162 alone, as somebody who does not trust the service would."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import rfc8785


def hash_of(item: Mapping[str, Any]) -> str:
    """The hash of an item of `/v1/changes`, by the documented recipe."""
    hashed = {name: value for name, value in item.items() if name not in ("hash", "opened")}
    return hashlib.sha256(b"\x00" + rfc8785.dumps(hashed)).hexdigest()


def root_of_leaves(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of leaves that are hashed already (2.1.1)."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return _node(root_of_leaves(leaves[:split]), root_of_leaves(leaves[split:]))


def includes(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether a path proves that a leaf has this index, from 0, in a tree of this size and root (2.1.3.2)."""
    if index >= size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = _node(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = _node(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def consistent(first: int, second: int, first_root: bytes, second_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether a path proves that a tree is the beginning of another (2.1.4.2; equal sizes need no path)."""
    if first == second:
        return not path and first_root == second_root
    if not path or not 0 < first < second:
        return False
    if first & (first - 1) == 0:
        path = [first_root, *path]
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = _node(c, fr), _node(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = _node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return fr == first_root and sr == second_root and sn == 0


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
