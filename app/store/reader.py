"""Read connections. They cannot write, every statement has a deadline, and history makes their answers stable.

Short statements run where they are asked for, on the event loop: handing a read of 0.1 ms to a thread costs more than
the read. One that is not done within `SHORT_SECONDS` is broken off and asked again in a thread, where it may take
`read_seconds` and holds up nobody.

No view of the file is held for longer than a statement runs, however slowly somebody reads: behind an open view the
write-ahead log of SQLite cannot begin again from its start, and grows with all that is recorded.
"""

import queue
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

from anyio import CapacityLimiter, fail_after, get_cancelled_exc_class, to_thread

from app.domain.dates import Instant
from app.errors import DatabaseUnusable, ReadTooLong
from app.store import sqlite
from app.store.engine import Database
from app.store.same_file import SameFile

SHORT_SECONDS = 0.010
THREADS = 4
QUEUE_SECONDS = 0.5
"""How long a question may wait for a thread."""
EXPORT_THREADS = 2
"""Threads that exports read in. Those of pages stay free, and no more slices at a time reach the event loop."""
MAX_COUNTS = 1000
SLICE = 100
"""Rows of a slice of an export: what is made of them on the event loop takes some milliseconds."""
SLICE_BYTES = 256 * 1024
"""A slice ends with the row whose texts reach this."""
FIRST_ROWS = 400
"""Rows that the first statement of an export reads."""
CHEAP_SECONDS = 0.05
"""Where that takes longer, because all is sorted or searched before the first row, the others read `MOST_ROWS`."""
MOST_ROWS = 10_000
MOST_ROW_BYTES = 8 * 1024 * 1024
"""A statement of an export ends with the row whose texts reach this."""
PATIENT_SECONDS = 60.0
"""How long a statement may take once a response has begun: other people's load must not break it off."""

Row = tuple[Any, ...]
T = TypeVar("T")
Opened = tuple[sqlite3.Connection, sqlite.Deadline]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text and what is bound in it."""

    sql: str
    values: Mapping[str, Any]
    most_bytes: int | None = None
    """Where set, rows end with the one whose texts reach this."""


Following = Callable[[Row | None, int], Statement]
"""The statement for at most so many of the rows after one, or of the first ones."""


def filled_up(values: Sequence[T]) -> list[T]:
    """Values repeated up to a power of two, so that questions about some share the SQL of questions about others."""
    return [*values, *[values[-1]] * ((1 << (len(values) - 1).bit_length()) - len(values))]


class Reader:
    """The read connections of one process."""

    def __init__(self, database: Database, read_seconds: float) -> None:
        self.database = database
        self.read_seconds = read_seconds
        self.same_file = SameFile(sqlite.path_of(database.url))
        self.statements = 0
        """Statements run so far; tests assert what a question costs."""
        self._here: Opened | None = None
        self._idle: queue.SimpleQueue[Opened] = queue.SimpleQueue()
        self._limiter: CapacityLimiter | None = None
        self._export_limiter: CapacityLimiter | None = None
        self.extent: tuple[Instant, Any] | None = None
        """The extent of what there is, and the newest recording when it was looked up."""
        self.counts: dict[tuple[object, ...], int] = {}
        """How many incidents match, by the query and the recorded moment; the newest `MAX_COUNTS`."""

    async def rows(self, statement: Statement, *, patient: bool = False) -> list[Row]:
        """All rows. Raises `ReadTooLong`, or `DatabaseUnusable` where the file cannot be read.

        `patient` is for what a response consists of that has begun already: it waits for a thread as long as it takes.
        """
        self.statements += 1
        if self._here is None:
            self._here = self._open(sqlite.READ_CACHE_KIB)
        self.same_file.expect()
        if patient:
            return await self._patiently(_run, statement, PATIENT_SECONDS)
        try:
            return _run(self._here, statement, SHORT_SECONDS)
        except ReadTooLong:
            rows: list[Row] = await self.in_thread(self._rows_in_thread, statement, wait=QUEUE_SECONDS)
            return rows

    def _rows_in_thread(self, statement: Statement) -> list[Row]:
        return self._with_connection(self._take(), _run, statement, self.read_seconds)

    async def slices(self, following: Following) -> AsyncGenerator[list[Row]]:
        """All rows, some at a time, each statement within its deadline. Memory does not grow with the answer.

        Each statement goes on after the last row of the one before. That is the same as one statement for all, since
        nothing changes at the recorded moment that it is of.
        """
        after, count, seconds = None, FIRST_ROWS, self.read_seconds
        while True:
            self.statements += 1
            self.same_file.expect()
            found = await self._patiently(_sliced, following(after, count), count, seconds)
            for rows in found.slices:
                yield rows
                after = rows[-1]
            if found.is_last:
                return
            if found.seconds > CHEAP_SECONDS:
                count = MOST_ROWS
            seconds = PATIENT_SECONDS

    async def _patiently(self, run: Callable[..., T], *arguments: Any) -> T:
        if self._export_limiter is None:
            self._export_limiter = CapacityLimiter(EXPORT_THREADS)
        async with self._export_limiter:
            opened = self._take()
            try:
                call = partial(self._with_connection, opened, run, *arguments)
                return await to_thread.run_sync(call, abandon_on_cancel=True)
            except get_cancelled_exc_class():
                opened[1].is_given_up = True
                raise

    def _with_connection(self, opened: Opened, run: Callable[..., T], *arguments: Any) -> T:
        try:
            return run(opened, *arguments)
        finally:
            if opened[1].is_given_up:
                opened[0].close()
            else:
                self._idle.put(opened)

    async def in_thread(self, call: Callable[..., Any], *arguments: Any, wait: float | None = None) -> Any:
        """Runs what may take long beside the event loop, a few at a time.

        Raises `ReadTooLong` where no thread is free within `wait` seconds.
        """
        if self._limiter is None:
            self._limiter = CapacityLimiter(THREADS)
        turn = object()
        try:
            with fail_after(wait):
                await self._limiter.acquire_on_behalf_of(turn)
        except TimeoutError:
            raise ReadTooLong(self.read_seconds) from None
        try:
            return await to_thread.run_sync(partial(call, *arguments))
        finally:
            self._limiter.release_on_behalf_of(turn)

    def _take(self) -> Opened:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return self._open(sqlite.THREAD_CACHE_KIB)

    def check(self) -> None:
        """Raises `DatabaseUnusable` where the database cannot be read, has another schema or is another file by now.

        Reads a few pages, whatever the size of the file.
        """
        self.database.check(small_file=False)
        self.same_file.expect()

    def _open(self, cache_kib: int) -> Opened:
        try:
            return sqlite.read_connection(self.database.url, cache_kib)
        except sqlite3.Error as error:
            raise DatabaseUnusable(f"the database cannot be opened: {error}") from error

    def close(self) -> None:
        """Closes what is idle."""
        if self._here:
            self._here[0].close()
            self._here = None
        while not self._idle.empty():
            self._idle.get_nowait()[0].close()
        self.same_file.forget()


def _run(opened: Opened, statement: Statement, seconds: float) -> list[Row]:
    connection, deadline = opened
    return _guarded(deadline, seconds, partial(_fetched, connection, statement))  # type: ignore[no-any-return]


def _fetched(connection: sqlite3.Connection, statement: Statement) -> list[Row]:
    cursor = connection.execute(statement.sql, statement.values)
    if statement.most_bytes is None:
        return cursor.fetchall()
    rows, size = [], 0
    for row in cursor:
        rows.append(row)
        size += size_of([row])
        if size >= statement.most_bytes:
            cursor.close()
            break
    return rows


class _Slices(NamedTuple):
    """Rows of one statement in slices, whether there are no more after them, and how long the first took to come."""

    slices: list[list[Row]]
    is_last: bool
    seconds: float


def _sliced(opened: Opened, statement: Statement, count: int, seconds: float) -> _Slices:
    connection, deadline = opened

    def fetch() -> _Slices:
        begun = time.monotonic()
        cursor = connection.execute(statement.sql, statement.values)
        try:
            taken, found, whole, number = 0.0, list[list[Row]](), 0, 0
            rows, size = list[Row](), 0
            while whole < MOST_ROW_BYTES and (row := cursor.fetchone()):
                taken = taken or time.monotonic() - begun
                if not rows:
                    found.append(rows)
                rows.append(row)
                number += 1
                length = size_of([row])
                size, whole = size + length, whole + length
                if len(rows) >= SLICE or size >= SLICE_BYTES:
                    rows, size = [], 0
            return _Slices(found, whole < MOST_ROW_BYTES and number < count, taken)
        finally:
            cursor.close()  # which ends its view

    result: _Slices = _guarded(deadline, seconds, fetch)
    return result


def size_of(rows: Sequence[Row]) -> int:
    """Characters of the texts in rows."""
    return sum([len(value) for row in rows for value in row if value.__class__ is str])


def _guarded(deadline: sqlite.Deadline, seconds: float, call: Any, *arguments: Any) -> Any:
    deadline.at = time.monotonic() + seconds
    try:
        return call(*arguments)
    except sqlite3.OperationalError as error:
        if sqlite.was_interrupted(error):
            raise ReadTooLong(seconds) from None
        raise DatabaseUnusable(f"the database cannot be read: {error}") from error
    except sqlite3.DatabaseError as error:
        raise DatabaseUnusable(f"the database cannot be read: {error}") from error
    finally:
        deadline.at = float("inf")


class Reads(Protocol):
    """What answers statements: a `Reader`, or a write transaction from its inside."""

    async def rows(self, statement: Statement, *, patient: bool = False) -> list[Row]:
        """All rows of a statement."""
        ...

    def slices(self, following: Following) -> AsyncGenerator[list[Row]]:
        """All rows of what statement after statement gives, some at a time."""
        ...

    async def in_thread(self, call: Callable[..., Any], *arguments: Any, wait: float | None = None) -> Any:
        """Runs what may take long beside the event loop."""
        ...


@dataclass(frozen=True, slots=True)
class ReadSession:
    """A reader at one moment of recorded time. What was recorded later is not seen, so several statements agree."""

    reader: "Reads"
    recorded: Instant
    confidential: bool = False
    """Whether what is confidential is shown."""
    epoch: str | None = None
    """The life of the feed: another one once a backup was restored."""

    patient: bool = False
    """Whether statements wait for a thread as long as it takes: for responses that may have begun already."""

    async def rows(self, statement: Statement) -> list[Row]:
        """All rows of a statement."""
        return await self.reader.rows(statement, patient=self.patient)
