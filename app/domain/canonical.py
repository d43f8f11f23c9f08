"""Canonical JSON (RFC 8785): one text for one document, so that anybody can recompute a hash of it."""

from typing import Any

import orjson
import rfc8785

from app.domain.text import check_text

LARGEST_WHOLE = 2**53 - 1
"""Whole numbers beyond this are not the same in every reader of JSON (RFC 7493)."""
WITH_EXPONENT = 1e21
"""From here on canonical JSON writes a number with an exponent, which every reader takes for a double."""


class NotKept(ValueError):
    """A value that not every reader of JSON keeps: `path` leads to it in its document."""

    def __init__(self, why: str, path: tuple[str | int, ...], value: Any) -> None:
        super().__init__(why)
        self.path, self.value = path, value


def expect_kept(document: Any) -> None:
    """Raises `NotKept` for the first text or number of a JSON document that would not come back as it was sent.

    A whole number beyond ±(2^53 − 1) is one, however it is written: the canonical text of `1e16` is
    `10000000000000000`, which readers round or refuse. So are NUL and half of a surrogate pair, also in names.
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
        why = f"is a whole number beyond ±{LARGEST_WHOLE}, which not every reader of JSON keeps; send it as text"
        raise ValueError(why)
    for text in value if isinstance(value, dict) else [value] if isinstance(value, str) else ():
        check_text(text)


def _surely_kept(document: Any) -> bool:
    """A quick look, some ten times faster, which finds most documents to have nothing of the kind."""
    try:
        return _written_alike(document) and b"\\u0000" not in orjson.dumps(document)
    except TypeError:  # half of a surrogate pair
        return False


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
