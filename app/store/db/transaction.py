"""A write transaction on the driver's own connection: each statement is compiled once, and rows are tuples."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from operator import itemgetter
from typing import Any

from sqlalchemy import ClauseElement, Table, func, select
from sqlmodel import SQLModel, col

from app.domain.dates import Instant, instant_text
from app.errors import ClockBehind
from app.store.db.history_ends import Endings
from app.store.db.sql_text import AnySelect, insertion, limited, sql_of
from app.store.db.statements import Read, Row, T
from app.store.tables import Recording, table_of

MAX_AHEAD_SECONDS = 120.0
"""How far the newest recording may be ahead of the clock. Clocks set over a network differ by less."""
_HEAD = limited(
    select(col(Recording.key), col(Recording.recorded_at), col(Recording.log_size), col(Recording.log_peaks)).order_by(
        col(Recording.recorded_at).desc()
    ),
    1,
)


def now() -> Instant:
    """The time by the clock."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Head:
    """The newest recording: its key and instant, and the log's size and peaks after it."""

    key: int = 0
    recorded_at: Instant = 0
    log_size: int = 0
    log_peaks: bytes = b""


class Transaction:
    """Reads and writes of one transaction. `now` is later than every earlier recording."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        clock: Instant | None = None,
        max_ahead_seconds: float = MAX_AHEAD_SECONDS,
        endings: Endings | None = None,
    ) -> None:
        self.connection = connection
        self.endings = Endings() if endings is None else endings
        """Ends of long histories, including what this transaction has recorded so far."""
        self._clock = clock
        self._max_ahead = int(max_ahead_seconds * 1_000_000)

    @cached_property
    def head(self) -> Head:
        """The newest recording before this one."""
        row = self.first(_HEAD)
        return Head(*row) if row else Head()

    @cached_property
    def now(self) -> Instant:
        """When this is recorded: the time by the clock, or a microsecond after the newest recording."""
        return max(now() if self._clock is None else self._clock, self.head.recorded_at + 1)

    def expect_clock(self) -> None:
        """Raises `ClockBehind` if a recording made now would be dated too far ahead of the clock."""
        clock = now()
        if self.now > clock + self._max_ahead:
            raise ClockBehind(instant_text(clock), instant_text(self.head.recorded_at))

    @cached_property
    def now_text(self) -> str:
        """`now` as text."""
        return instant_text(self.now)

    @contextmanager
    def part(self) -> Iterator["Transaction"]:
        """A recording of its own within this transaction. An error inside it undoes this part and nothing else."""
        self.connection.execute("SAVEPOINT part")
        endings = Endings(self.endings)
        try:
            yield Transaction(self.connection, max_ahead_seconds=self._max_ahead / 1_000_000, endings=endings)
        except BaseException:
            if self.connection.in_transaction:  # otherwise the database has rolled everything back
                self.connection.execute("ROLLBACK TO part")
                self.connection.execute("RELEASE part")
            raise
        self.connection.execute("RELEASE part")
        endings.settle()

    def rows(self, statement: ClauseElement, values: Mapping[str, Any] | None = None) -> list[Row]:
        """All rows of a statement. Its text is cached by identity, so it must be a constant of its module."""
        return self.connection.execute(sql_of(statement), values or {}).fetchall()

    def each(self, statement: ClauseElement) -> Iterator[Row]:
        """One row after the other, for results that may be long."""
        return iter(self.connection.execute(sql_of(statement)))

    def first(self, statement: ClauseElement, values: Mapping[str, Any] | None = None) -> Row | None:
        """The first row."""
        return self.connection.execute(sql_of(statement), values or {}).fetchone()  # type: ignore[no-any-return]

    def run(self, read: Read[T]) -> T:
        """The result of a read in steps, which sees what this transaction has written."""
        try:
            statement = next(read)
            while True:
                statement = read.send(self.connection.execute(statement.sql, statement.values).fetchall())
        except StopIteration as finished:
            result: T = finished.value
            return result

    def change(self, statement: ClauseElement, values: Mapping[str, Any]) -> int:
        """Runs a statement that returns no rows. Returns how many rows it changed."""
        return self.connection.execute(sql_of(statement), values).rowcount

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Appends rows that all have the same columns."""
        if rows:
            statement, values_of = _insertion(table, tuple(rows[0]))
            self.connection.executemany(statement, [values_of(row) for row in rows])

    def next_key(self, model: type[SQLModel]) -> int:
        """The first key of a table that is not used yet."""
        highest = self.connection.execute(sql_of(_highest_key, model)).fetchone()[0]
        return (highest or 0) + 1


@cache
def _insertion(table: Table, names: tuple[str, ...]) -> tuple[str, Callable[[Mapping[str, Any]], Row]]:
    """A statement, and a function that takes its values from a row. Every table has two columns at least."""
    statement, order = insertion(table, names)
    return statement, itemgetter(*order)


def _highest_key(model: type[SQLModel]) -> AnySelect:
    return select(func.max(table_of(model).c.key))
