"""Read connections. They cannot write, and every statement has a deadline.

Short statements run on the event loop, since handing a read of 0.1 ms to a thread costs more than the read. A statement
that exceeds `SHORT_SECONDS` is interrupted and run again in a thread, where it blocks nobody. It may then take the
time that its request has left, `read_seconds` at most.

A read transaction lasts no longer than one statement, however slow the client is. While one is open, SQLite cannot
restart its write-ahead log, which grows with every write.
"""

import queue
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any, NamedTuple

from anyio import get_cancelled_exc_class, to_thread

from app.domain.dates import Instant
from app.errors import DatabaseUnusable, ReadTooLong, TooManyReads
from app.store.db import connections
from app.store.db.budget import Budget
from app.store.db.database import Database
from app.store.db.same_file import SameFile
from app.store.db.slots import Slots
from app.store.db.statements import MANY_ROWS, Fetch, NextStatement, Row, Statement, T, every_row, size_of

SHORT_SECONDS = 0.005
THREADS = 4
THREADS_OF_A_CLIENT = 2
"""Threads that requests of one client address may use at once."""
QUEUE_SECONDS = 1.0
"""How long a request may wait for a thread."""
EXPORT_THREADS = 2
"""Threads for exports. The threads for pages stay free, and only so many slices reach the event loop at once."""
MAX_COUNTS = 1000
SLICE = 100
"""Rows of a slice of an export. Encoding them on the event loop takes some milliseconds."""
SLICE_BYTES = 256 * 1024
"""A slice ends with the row that brings its texts to this size."""
FIRST_ROWS = 400
"""Rows of the first statement of an export."""
CHEAP_SECONDS = 0.05
"""If the first row takes longer, because all rows are sorted or searched, later statements read `MAX_ROWS`."""
MAX_ROWS = 10_000
MAX_ROW_BYTES = 8 * 1024 * 1024
"""A statement of an export ends with the row that brings its texts to this size."""
PATIENT_SECONDS = 60.0
"""How long a statement may take once a response has begun, so that load from other clients does not abort it."""

Opened = tuple[sqlite3.Connection, connections.Deadline]


def _few_rows(cursor: sqlite3.Cursor) -> list[Row]:
    rows = cursor.fetchmany(MANY_ROWS + 1)
    if len(rows) > MANY_ROWS:
        raise ReadTooLong(SHORT_SECONDS)
    return rows


def _too_many_reads(_: int) -> TooManyReads:
    return TooManyReads(THREADS_OF_A_CLIENT)


class Reader:
    """The read connections of one process."""

    def __init__(self, database: Database, read_seconds: float) -> None:
        self.database = database
        self.read_seconds = read_seconds
        self.same_file = SameFile(connections.path_of(database.url))
        self.statements = 0
        """Statements run so far. Tests assert the number that a request needs."""
        self._here: Opened | None = None
        self._idle: queue.SimpleQueue[Opened] = queue.SimpleQueue()
        self.threads = Slots(THREADS, "threads", _too_many_reads, THREADS_OF_A_CLIENT)
        self.export_threads = Slots(EXPORT_THREADS, "threads of exports", _too_many_reads, 1)
        self.extent: tuple[Instant, Any] | None = None
        """The newest recording when the extent of all incidents was read, and the extent."""
        self.counts: dict[tuple[object, ...], int] = {}
        """The number of matching incidents, by query and recorded moment; the newest `MAX_COUNTS`."""

    async def rows(self, statement: Statement, budget: Budget | None = None, fetch: Fetch = every_row) -> Any:
        """The rows that `fetch` takes; all rows by default.

        Raises `ReadTooLong`, `TooManyReads`, or `DatabaseUnusable` if the file cannot be read.
        """
        self.statements += 1
        if self._here is None:
            self._here = self._open(connections.READ_CACHE_KIB)
        self.same_file.expect()
        if budget is not None and budget.is_patient:
            return await self._patiently(budget, _run, statement, PATIENT_SECONDS, fetch)
        if not statement.long:
            try:
                return _run(self._here, statement, SHORT_SECONDS, _few_rows if fetch is every_row else fetch)
            except ReadTooLong:
                pass
        budget = budget or Budget(self.read_seconds)
        return await self.in_thread(budget, self._rows_in_thread, statement, budget, fetch)

    async def in_thread(self, budget: Budget, call: Callable[..., Any], *arguments: Any) -> Any:
        """The result of a call, made in a thread at the client's turn. Raises `ReadTooLong` or `TooManyReads`."""
        if budget.is_patient:
            async with self.export_threads.turn(budget.client, None):
                return await to_thread.run_sync(partial(call, *arguments))
        budget.expect()
        async with self.threads.turn(budget.client, min(QUEUE_SECONDS, budget.left)), budget.watched():
            return await to_thread.run_sync(partial(call, *arguments))

    def _rows_in_thread(self, statement: Statement, budget: Budget, fetch: Fetch) -> Any:
        connection = self._take()
        budget.running = connection[1].use = connections.Use()
        try:
            budget.expect()
            return _run(connection, statement, min(self.read_seconds, budget.left), fetch)
        except ReadTooLong:
            raise ReadTooLong(budget.seconds) from None
        finally:
            budget.running = None
            self._idle.put(connection)

    async def slices(self, following: NextStatement, budget: Budget | None) -> AsyncGenerator[list[Row]]:
        """All rows, some at a time, each statement within its deadline. Memory does not grow with the number of rows.

        Each statement continues after the last row of the previous one. That equals one statement for all rows, since
        nothing changes at a recorded moment.
        """
        budget = budget or Budget.patient(None)
        after, count, seconds = None, FIRST_ROWS, self.read_seconds
        while True:
            self.statements += 1
            self.same_file.expect()
            found = await self._patiently(budget, _sliced, following(after, count), count, seconds)
            for rows in found.slices:
                yield rows
                after = rows[-1]
            if found.is_last:
                return
            if found.seconds > CHEAP_SECONDS:
                count = MAX_ROWS
            seconds = PATIENT_SECONDS

    async def _patiently(self, budget: Budget, run: Callable[..., T], *arguments: Any) -> T:
        async with self.export_threads.turn(budget.client, None):
            opened, use = self._take(), connections.Use()
            opened[1].use = use
            try:
                call = partial(self._with_connection, opened, run, *arguments)
                return await to_thread.run_sync(call, abandon_on_cancel=True)
            except get_cancelled_exc_class():
                use.is_over = True
                raise

    def _with_connection(self, opened: Opened, run: Callable[..., T], *arguments: Any) -> T:
        try:
            return run(opened, *arguments)
        finally:
            self._idle.put(opened)

    def _take(self) -> Opened:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return self._open(connections.THREAD_CACHE_KIB)

    def _open(self, cache_kib: int) -> Opened:
        try:
            return connections.read_connection(self.database.url, cache_kib)
        except sqlite3.Error as error:
            raise DatabaseUnusable(f"the database cannot be opened: {error}") from error

    def close(self) -> None:
        """Closes idle connections."""
        if self._here:
            self._here[0].close()
            self._here = None
        while not self._idle.empty():
            self._idle.get_nowait()[0].close()
        self.same_file.forget()


def _run(opened: Opened, statement: Statement, seconds: float, fetch: Fetch) -> Any:
    connection, deadline = opened
    return _guarded(deadline, seconds, lambda: fetch(connection.execute(statement.sql, statement.values)))


class _Slices(NamedTuple):
    """Rows of one statement in slices, whether they are the last ones, and the time until the first row."""

    slices: list[list[Row]]
    is_last: bool
    seconds: float


def _sliced(opened: Opened, statement: Statement, count: int, seconds: float) -> _Slices:
    connection, deadline = opened

    def fetch() -> _Slices:
        begun = time.monotonic()
        cursor = connection.execute(statement.sql, statement.values)
        try:
            waited, found, total, number = 0.0, list[list[Row]](), 0, 0
            rows, size = list[Row](), 0
            while total < MAX_ROW_BYTES and (row := cursor.fetchone()):
                waited = waited or time.monotonic() - begun
                if not rows:
                    found.append(rows)
                rows.append(row)
                number += 1
                length = size_of([row])
                size, total = size + length, total + length
                if len(rows) >= SLICE or size >= SLICE_BYTES:
                    rows, size = [], 0
            return _Slices(found, total < MAX_ROW_BYTES and number < count, waited)
        finally:
            cursor.close()  # ends its read transaction

    result: _Slices = _guarded(deadline, seconds, fetch)
    return result


def _guarded(deadline: connections.Deadline, seconds: float, call: Any, *arguments: Any) -> Any:
    deadline.at = time.monotonic() + seconds
    try:
        return call(*arguments)
    except sqlite3.OperationalError as error:
        if connections.was_interrupted(error):
            raise ReadTooLong(seconds) from None
        raise DatabaseUnusable(f"the database cannot be read: {error}") from error
    except sqlite3.DatabaseError as error:
        raise DatabaseUnusable(f"the database cannot be read: {error}") from error
    finally:
        deadline.at = float("inf")
