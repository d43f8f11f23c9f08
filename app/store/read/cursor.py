"""Cursors: the text that says where a page begins, and which moment the sequence of pages is of."""

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


@dataclass(frozen=True, slots=True)
class PageSequence:
    """A list that has pages: its name, and the types of the keys that order it."""

    name: str
    kinds: tuple[type, ...]


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last item of the page before: its sort keys. All pages of a walk answer as of the first one's `recorded`."""

    keys: tuple[int | str, ...]
    recorded: Instant

    def text(self, walk: PageSequence, asked: str) -> str:
        """The cursor of a walk for the question `asked`, a canonical text of its filters and order."""
        packed = orjson.dumps([_digest(walk, asked), self.recorded, *self.keys])
        return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def read_cursor(text: str, walk: PageSequence, asked: str) -> Cursor:
    """Raises `InvalidInput` for a text that is no cursor, or one of another question."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        digest, recorded, *keys = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, binascii.Error):
        raise _refused("is not a cursor; take it from `next`", text) from None
    if digest != _digest(walk, asked):
        raise _refused("belongs to another question; a cursor goes with the filters and the order it came from", text)
    fits = len(keys) == len(walk.kinds) and all(type(k) is kind for k, kind in zip(keys, walk.kinds, strict=True))
    numbers = [k for k in keys if isinstance(k, int)]
    if not (fits and type(recorded) is int and 0 <= recorded < FOREVER) or any(
        not SMALLEST <= n <= LARGEST for n in numbers
    ):
        raise _refused("is not a cursor; take it from `next`", text)
    return Cursor(tuple(keys), recorded)


def _digest(walk: PageSequence, asked: str) -> str:
    return blake2b(f"{walk.name} {asked}".encode(), digest_size=6).hexdigest()


def _refused(message: str, text: str) -> InvalidInput:
    return InvalidInput([FieldError("cursor", message, text)])


NOT_ASKED = ("cursor", "limit", "total", "fields", "hxl", "bom", "f")
"""Parameters that change the page or its form, not the walk."""


def cursor_of(question: Query, walk: PageSequence) -> Cursor | None:
    """The cursor that was sent, checked against the walk and the question."""
    text = getattr(question, "cursor", None)
    return None if text is None else read_cursor(text, walk, asked_of(question))


def asked_of(question: Query) -> str:
    """What a cursor is bound to: the filters, clocks and order, as they were sent."""
    return repr(sorted(pair for pair in question.pairs if pair[0] not in NOT_ASKED))
