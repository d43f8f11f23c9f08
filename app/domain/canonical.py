"""Canonical JSON (RFC 8785): one text for one document, so that anybody can recompute a hash of it."""

from typing import Any

import orjson
import rfc8785

LARGEST_WHOLE = 2**53 - 1
"""Whole numbers beyond this are not the same in every reader of JSON (RFC 7493)."""
_FIRST_ABOVE_SURROGATES = "\ue000"


def canonical(document: Any) -> bytes:
    """The canonical text. Raises `ValueError` for what has none: NaN, whole numbers beyond 2^53, no JSON at all."""
    if _written_alike(document):
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    return rfc8785.dumps(document)


def _written_alike(value: Any) -> bool:
    """Whether orjson, some twenty times faster, writes a value as the RFC does.

    They part at whole numbers written as fractions, very large or small ones, and at the order of names beyond U+E000.
    """
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is dict:
        return all(max(name, default="") < _FIRST_ABOVE_SURROGATES and _written_alike(v) for name, v in value.items())
    if kind is list:
        return all(map(_written_alike, value))
    if kind is int:
        return bool(-LARGEST_WHOLE <= value <= LARGEST_WHOLE)
    return bool(isinstance(value, float) and 1e-3 < abs(value) < 1e9 and value % 1)
