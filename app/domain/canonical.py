"""Canonical JSON (RFC 8785): one text for one document, so that anybody can recompute its hash."""

from typing import Any

import orjson
import rfc8785

from app.domain.text import check_text

LARGEST_WHOLE = 2**53 - 1
"""Not every JSON reader preserves larger whole numbers (RFC 7493)."""
WITH_EXPONENT = 1e21
"""Canonical JSON writes numbers from here on with an exponent, which every reader parses as a double."""


class NotKept(ValueError):
    """A value that not every JSON reader preserves. `path` leads to it in its document."""

    def __init__(self, why: str, path: tuple[str | int, ...], value: Any) -> None:
        super().__init__(why)
        self.path, self.value = path, value


def expect_kept(document: Any) -> None:
    """Raises `NotKept` for the first text or number of a JSON document that does not survive a round trip.

    These are whole numbers beyond ±(2^53 − 1) in any notation: the canonical text of `1e16` is `10000000000000000`,
    which readers round or reject. Others are NUL and lone surrogates, also in names.
    """
    if _surely_kept(document):
        return
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), document)]
    for path, value in waiting:
        try:
            _expect_kept_alone(value)
        except ValueError as error:
            raise NotKept(str(error), path, value) from None
        inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        waiting += [((*path, name), inner) for name, inner in inside]


def _expect_kept_alone(value: Any) -> None:
    as_digits = isinstance(value, int) or (isinstance(value, float) and abs(value) < WITH_EXPONENT)
    if as_digits and abs(value) > LARGEST_WHOLE:
        why = f"is a whole number beyond ±{LARGEST_WHOLE}, which not every JSON reader preserves; send it as text"
        raise ValueError(why)
    for text in value if isinstance(value, dict) else [value] if isinstance(value, str) else ():
        check_text(text)


def _surely_kept(document: Any) -> bool:
    """A check ten times faster, which clears most documents."""
    try:
        return _written_alike(document) and b"\\u0000" not in orjson.dumps(document)
    except TypeError:  # a lone surrogate
        return False


def canonical(document: Any) -> bytes:
    """The canonical text. Raises `ValueError` where there is none: for NaN, whole numbers beyond 2^53, other types."""
    try:
        return (
            orjson.dumps(document, option=orjson.OPT_SORT_KEYS) if _written_alike(document) else rfc8785.dumps(document)
        )
    except TypeError as error:  # orjson raises it for a lone surrogate
        raise ValueError(str(error)) from None


def _written_alike(value: Any) -> bool:
    """Whether orjson, twenty times faster, writes a value as the RFC does.

    They differ in floats without a fraction, in very large or small numbers, and in the order of some names beyond
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
