"""Cursors: the text that says where a page begins, and which recorded moment the sequence of pages shows."""

import base64
import binascii
from dataclasses import dataclass
from hashlib import blake2b

import orjson

from app.domain.dates import FOREVER, Instant
from app.errors import (
    FieldError,
    InvalidInput,
)
from app.query.query import Query

SMALLEST, LARGEST = -(2**63), 2**63 - 1
NOT_BOUND = ("cursor", "limit", "total", "fields", "hxl", "bom", "f")
"""Parameters that change a page or its format, but not which items the sequence of pages has."""


@dataclass(frozen=True, slots=True)
class PageSequence:
    """A list that has pages: its name, and the types of its sort keys."""

    name: str
    kinds: tuple[type, ...]


@dataclass(frozen=True, slots=True)
class Cursor:
    """The sort keys of the last item of the previous page. All pages show the `recorded` moment of the first."""

    keys: tuple[int | str, ...]
    recorded: Instant

    def text(self, sequence: PageSequence, bound_to: str) -> str:
        """The cursor as text. `bound_to` is the canonical text of `bound_text`."""
        packed = orjson.dumps([_digest(sequence, bound_to), self.recorded, *self.keys])
        return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def read_cursor(text: str, sequence: PageSequence, bound_to: str) -> Cursor:
    """Raises `InvalidInput` for a text that is no cursor, or the cursor of another query."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        digest, recorded, *keys = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, binascii.Error):
        raise _refused("is not a cursor; take it from `next`", text) from None
    if digest != _digest(sequence, bound_to):
        raise _refused("belongs to another query; a cursor goes with the filters and the order it came from", text)
    kinds = sequence.kinds
    fits = len(keys) == len(kinds) and all(type(k) is kind for k, kind in zip(keys, kinds, strict=True))
    numbers = [k for k in keys if isinstance(k, int)]
    if not (fits and type(recorded) is int and 0 <= recorded < FOREVER) or any(
        not SMALLEST <= n <= LARGEST for n in numbers
    ):
        raise _refused("is not a cursor; take it from `next`", text)
    return Cursor(tuple(keys), recorded)


def cursor_of(query: Query, sequence: PageSequence) -> Cursor | None:
    """The cursor of the request, checked against the sequence of pages and the query."""
    text = getattr(query, "cursor", None)
    return None if text is None else read_cursor(text, sequence, bound_text(query))


def bound_text(query: Query) -> str:
    """What a cursor is bound to: the parameters that select and order items, as they were sent."""
    return repr(sorted({pair for pair in query.pairs if pair[0] not in NOT_BOUND}))


def _digest(sequence: PageSequence, bound_to: str) -> str:
    return blake2b(f"{sequence.name} {bound_to}".encode(), digest_size=6).hexdigest()


def _refused(message: str, text: str) -> InvalidInput:
    return InvalidInput([FieldError("cursor", message, text)])
