"""A write transaction on the driver's own connection: a statement's text is made once and kept, rows are tuples."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import ClauseElement, Table, func, select
from sqlmodel import SQLModel

from app.domain.dates import Instant, instant_text
from app.errors import ClockBehind
from app.store.db.history_ends import Endings
from app.store.db.sql_text import compiled, insertion, limited
from app.store.tables import Recording, table_of

Row = tuple[Any, ...]
MAX_AHEAD_SECONDS = 120.0
"""How far the newest recording may be ahead of the clock. Clocks that a network sets differ by less."""
_recording = table_of(Recording).c
_HEAD = limited(
    select(_recording.key, _recording.recorded_at, _recording.log_size, _recording.log_peaks).order_by(
        _recording.recorded_at.desc()
    ),
    1,
)


def now() -> Instant:
    """What the clock says."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Head:
    """The newest recording: its key and instant, and the log's size and peaks after it."""

    key: int = 0
    recorded_at: Instant = 0
    log_size: int = 0
    log_peaks: bytes = b""


class Transaction:
    """What is read and written in one transaction. `now` is later than every recording before it."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        clock: Instant | None = None,
        max_ahead_seconds: float = MAX_AHEAD_SECONDS,
        endings: Endings | None = None,
    ) -> None:
        self.connection = connection
        self.endings = Endings() if endings is None else endings
        """Ends of long histories, as they are after what was recorded so far."""
        self._clock = clock
        self._max_ahead = int(max_ahead_seconds * 1_000_000)

    @cached_property
    def head(self) -> Head:
        """The newest recording before this one."""
        row = self.first(_HEAD)
        return Head(*row) if row else Head()

    @cached_property
    def now(self) -> Instant:
        """When this is recorded: what the clock says, or a microsecond after the newest recording."""
        return max(now() if self._clock is None else self._clock, self.head.recorded_at + 1)

    def expect_clock(self) -> None:
        """Raises `ClockBehind` where a recording made now would be dated further ahead of the clock than it may be."""
        clock = now()
        if self.now > clock + self._max_ahead:
            raise ClockBehind(instant_text(clock), instant_text(self.head.recorded_at))

    @cached_property
    def now_text(self) -> str:
        """The same as it is told."""
        return instant_text(self.now)

    @contextmanager
    def part(self) -> Iterator["Transaction"]:
        """A recording of its own in this transaction: what is refused inside of it is undone, and nothing else."""
        self.connection.execute("SAVEPOINT part")
        endings = Endings(self.endings)
        try:
            yield Transaction(self.connection, max_ahead_seconds=self._max_ahead / 1_000_000, endings=endings)
        except BaseException:
            if self.connection.in_transaction:  # else the database has undone everything
                self.connection.execute("ROLLBACK TO part")
                self.connection.execute("RELEASE part")
            raise
        self.connection.execute("RELEASE part")
        endings.settle()

    def rows(self, statement: ClauseElement, values: Mapping[str, Any] | None = None) -> list[Row]:
        """All rows of a statement, which is a constant of its module: its text is kept."""
        return self.connection.execute(_text(statement), values or {}).fetchall()

    def each(self, statement: ClauseElement) -> Iterator[Row]:
        """Row after row, for what may be long."""
        return iter(self.connection.execute(_text(statement)))

    def first(self, statement: ClauseElement, values: Mapping[str, Any] | None = None) -> Row | None:
        """The first row."""
        return self.connection.execute(_text(statement), values or {}).fetchone()  # type: ignore[no-any-return]

    def change(self, statement: ClauseElement, values: Mapping[str, Any]) -> int:
        """Runs a statement that gives no rows. Returns how many it changed."""
        return self.connection.execute(_text(statement), values).rowcount

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Appends rows, which all have the same columns."""
        if rows:
            statement, values_of = _insertion(table, tuple(rows[0]))
            self.connection.executemany(statement, [values_of(row) for row in rows])

    def next_key(self, model: type[SQLModel]) -> int:
        """The first key of a table that was never given."""
        highest = self.connection.execute(_highest(model)).fetchone()[0]
        return (highest or 0) + 1


@lru_cache(maxsize=256)
def _text(statement: ClauseElement) -> str:
    return compiled(statement)


@cache
def _insertion(table: Table, names: tuple[str, ...]) -> tuple[str, Callable[[Mapping[str, Any]], Row]]:
    """A statement, and what takes its values from a row: two columns at least, as all tables have."""
    statement, order = insertion(table, names)
    return statement, itemgetter(*order)


@cache
def _highest(model: type[SQLModel]) -> str:
    return compiled(select(func.max(table_of(model).c.key)))
