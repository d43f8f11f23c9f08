"""Canonical JSON (RFC 8785): one text for one document, so that anybody can recompute a hash of it."""

from typing import Any

import orjson
import rfc8785

LARGEST_WHOLE = 2**53 - 1
"""Whole numbers beyond this are not the same in every reader of JSON (RFC 7493)."""


def canonical(document: Any) -> bytes:
    """The canonical text. Raises `ValueError` for what has none: NaN, whole numbers beyond 2^53, no JSON at all."""
    try:
        return (
            orjson.dumps(document, option=orjson.OPT_SORT_KEYS) if _written_alike(document) else rfc8785.dumps(document)
        )
    except TypeError as error:  # which orjson raises for half of a surrogate pair
        raise ValueError(str(error)) from None


def _written_alike(value: Any) -> bool:
    """Whether orjson, some twenty times faster, writes a value as the RFC does.

    They part at whole numbers written as fractions, at very large or small ones, and at the order of some names beyond
    ASCII.
    """
    kind = type(value)
    if kind is dict:
        for name in value:
            if not (type(name) is str and name.isascii()):
                return False
        inside = value.values()
    elif kind is list:
        inside = value
    else:
        inside = (value,)
    for inner in inside:
        kind = type(inner)
        if inner is None or kind is str or kind is bool:
            continue
        if kind is int:
            alike = -LARGEST_WHOLE <= inner <= LARGEST_WHOLE
        elif kind is float:
            alike = bool(1e-3 < abs(inner) < 1e9 and inner % 1)
        else:
            alike = (kind is dict or kind is list) and _written_alike(inner)
        if not alike:
            return False
    return True
