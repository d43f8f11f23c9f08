"""Statements: SQL text with values, compiled once per shape, and how their rows are fetched."""

import sqlite3
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar, TypeVarTuple

from sqlalchemy import ClauseElement

from app.store.db.sql_text import sql_of

FETCHED_AT_ONCE = 8
"""Rows that are fetched before their size is added up: each may have a megabyte."""
MANY_ROWS = 200
"""More rows are read in a thread: on the event loop each row may wait for the interpreter while threads are busy."""
MAX_BYTES = 4 * 1024 * 1024
"""A page ends with the item that reaches this size; the rest is on the next page."""

Row = tuple[Any, ...]
T = TypeVar("T")
Shape = TypeVarTuple("Shape")


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text and the values bound in it."""

    sql: str
    values: Mapping[str, Any]
    long: bool = False
    """Whether it may run for long before it checks its deadline. It then starts in a thread."""

    @classmethod
    def of(
        cls, build: Callable[[*Shape], ClauseElement], *shape: *Shape, long: bool = False, **values: Any
    ) -> "Statement":
        """A query with values. `build` makes the SELECT from its shape, once: the text is cached for each shape."""
        return cls(sql_of(build, *shape), values, long)


Read = Generator[Statement, list[Row], T]
"""A read in steps: it yields statements, is sent all rows of each, and returns its result.

The same read runs on the event loop (`ReadSession.run`) and inside a write transaction (`Transaction.run`).
"""
Fetch = Callable[[sqlite3.Cursor], Any]
"""Fetches the wanted rows from a cursor."""


def every_row(cursor: sqlite3.Cursor) -> list[Row]:
    """All rows."""
    return cursor.fetchall()


class Rows(NamedTuple):
    """The rows of a page, and whether there are more."""

    rows: list[Row]
    more: bool


Size = Callable[[Sequence[Row]], int]
"""How many characters rows have, as far as they count."""


def of_page(limit: int, size: Size) -> Fetch:
    """Fetches a page of at most `limit` rows. It ends early when it reaches `MAX_BYTES`, but has at least one row."""

    def fetch(cursor: sqlite3.Cursor) -> Rows:
        rows: list[Row] = []
        total = 0
        while len(rows) <= limit and (some := cursor.fetchmany(min(FETCHED_AT_ONCE, limit + 1 - len(rows)))):
            rows += some
            total += size(some)
            if total >= MAX_BYTES:
                kept = _up_to(MAX_BYTES, rows, size)
                more = len(kept) < len(rows) or cursor.fetchone() is not None
                return Rows(kept[:limit], more or len(kept) > limit)
        return Rows(rows[:limit], more=len(rows) > limit)

    return fetch


def up_to(size: int) -> Fetch:
    """Fetches rows up to the one whose texts bring the total to this many characters."""
    return lambda cursor: _up_to(size, cursor, size_of)


def _up_to(max_size: int, rows: Iterable[Row], size: Size) -> list[Row]:
    kept: list[Row] = []
    total = 0
    for row in rows:
        kept.append(row)
        total += size([row])
        if total >= max_size:
            break
    return kept


NextStatement = Callable[[Row | None, int], Statement]
"""Makes the statement that reads up to so many rows after a given row, or from the first one."""


def size_of(rows: Sequence[Row]) -> int:
    """Characters of the texts in rows."""
    return sum([len(value) for row in rows for value in row if value.__class__ is str])
