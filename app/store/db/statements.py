"""Statements as they are run, and what is taken of their rows."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

STEP = 50
"""Rows that are fetched before their size is looked at."""
MANY_ROWS = 200
"""More are read in a thread: beside busy threads each row may wait for the interpreter."""


MOST_BYTES = 4 * 1024 * 1024
"""A page ends with the item that reaches this; what comes after it is on the next."""


Row = tuple[Any, ...]


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text and what is bound in it."""

    sql: str
    values: Mapping[str, Any]
    long: bool = False
    """Whether it may take long before it looks at its deadline: it begins in a thread."""


Fetch = Callable[[sqlite3.Cursor], Any]
"""Takes the rows that are wanted from a cursor."""


def every_row(cursor: sqlite3.Cursor) -> list[Row]:
    """All rows."""
    return cursor.fetchall()


class Rows(NamedTuple):
    """The rows of a page, and whether there are more."""

    rows: list[Row]
    more: bool


def of_page(limit: int, size: Callable[[Row], int]) -> Fetch:
    """Takes a page of at most `limit` rows. It ends early where it reaches `MOST_BYTES`; one row it always has."""

    def fetch(cursor: sqlite3.Cursor) -> Rows:
        rows: list[Row] = []
        total = 0
        while len(rows) <= limit and (some := cursor.fetchmany(min(STEP, limit + 1 - len(rows)))):
            rows += some
            total += sum(map(size, some))
            if total >= MOST_BYTES:
                kept = _up_to(MOST_BYTES, rows, size)
                more = len(kept) < len(rows) or cursor.fetchone() is not None
                return Rows(kept[:limit], more or len(kept) > limit)
        return Rows(rows[:limit], more=len(rows) > limit)

    return fetch


def up_to(size: int) -> Fetch:
    """Takes rows up to the one with which their texts reach so many characters."""
    return lambda cursor: _up_to(size, cursor, lambda row: size_of([row]))


def _up_to(most: int, rows: Iterable[Row], size: Callable[[Row], int]) -> list[Row]:
    kept: list[Row] = []
    total = 0
    for row in rows:
        kept.append(row)
        total += size(row)
        if total >= most:
            break
    return kept


Following = Callable[[Row | None, int], Statement]
"""The statement for at most so many of the rows after one, or of the first ones."""


def filled_up(values: Sequence[T]) -> list[T]:
    """Values repeated up to a power of two, so that questions about some share the SQL of questions about others."""
    return [*values, *[values[-1]] * ((1 << (len(values) - 1).bit_length()) - len(values))]


def size_of(rows: Sequence[Row]) -> int:
    """Characters of the texts in rows."""
    return sum([len(value) for row in rows for value in row if value.__class__ is str])
