"""Sessions: one recorded moment, read through a reader, or inside a write transaction."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Concatenate, ParamSpec, Protocol

from sqlalchemy import func, select
from sqlmodel import col

from app.domain.dates import Instant
from app.query.query import Query
from app.store.db.budget import Budget
from app.store.db.reader import Reader
from app.store.db.sql_text import AnySelect
from app.store.db.statements import (
    MANY_ROWS,
    NextStatement,
    Read,
    Row,
    Rows,
    Size,
    Statement,
    T,
    of_page,
    up_to,
)
from app.store.db.transaction import Transaction
from app.store.read.cursor import PageSequence, cursor_of
from app.store.tables import Feed, Recording

P = ParamSpec("P")
MUCH_TEXT = 200_000
"""Characters of stored JSON that are decoded on the event loop, in a millisecond. More are decoded in a thread."""
MANY_VALUES = 20
"""Values of filters up to which SQL is compiled on the event loop, in a few milliseconds the first time."""


class View(Protocol):
    """What a read can see: facts recorded by a moment, with or without what is confidential."""

    @property
    def recorded(self) -> Instant:
        """The recorded moment."""
        ...

    @property
    def confidential(self) -> bool:
        """Whether confidential members are shown."""
        ...


@dataclass(frozen=True, slots=True)
class ReadSession:
    """A reader at one moment of recorded time. It sees nothing recorded later, so several statements agree."""

    reader: Reader
    recorded: Instant
    confidential: bool = False
    """Whether confidential members are shown."""
    epoch: str | None = None
    """The epoch of the log. Restoring a backup begins another one."""
    budget: Budget | None = None
    """The time of the request. Without a budget each statement has its own time, and nothing runs in a thread."""
    sequence: PageSequence | None = None
    """The sequence of pages that is read, and whose cursors are accepted."""
    after: tuple[int | str, ...] | None = None
    """The sort keys of the cursor that was sent: a page begins after them."""

    def lasting(self) -> "ReadSession":
        """The same session for an export, which lasts as long as its client reads."""
        return replace(self, budget=Budget.patient(self.budget.client if self.budget else None))

    async def rows(self, statement: Statement) -> list[Row]:
        """All rows of a statement."""
        rows: list[Row] = await self.reader.rows(statement, self.budget)
        return rows

    async def some(self, statement: Statement, size: int) -> list[Row]:
        """Rows of a statement up to the one whose texts bring the total to this many characters."""
        rows: list[Row] = await self.reader.rows(statement, self.budget, up_to(size))
        return rows

    async def page(self, statement: Statement, limit: int, size: Size) -> Rows:
        """A page of the rows of a statement. `size` gives the characters of a row."""
        if limit > MANY_ROWS:
            statement = replace(statement, long=True)
        rows: Rows = await self.reader.rows(statement, self.budget, of_page(limit, size))
        return rows

    async def run(self, read: Callable[Concatenate[View, P], Read[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a read in steps, which sees what this session sees."""
        steps = read(self, *args, **kwargs)
        try:
            statement = next(steps)
            while True:
                statement = steps.send(await self.reader.rows(statement, self.budget))
        except StopIteration as finished:
            result: T = finished.value
            return result

    def slices(self, following: NextStatement) -> AsyncGenerator[list[Row]]:
        """All rows of successive statements, some at a time."""
        return self.reader.slices(following, self.budget)

    async def in_thread(self, call: Callable[..., T], *arguments: Any) -> T:
        """The result of a call that takes some milliseconds, made in a worker thread."""
        if self.budget is None:
            return call(*arguments)
        result: T = await self.reader.in_thread(self.budget, call, *arguments)
        return result

    async def in_thread_if(self, is_long: bool, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a call, made in a worker thread if it takes long and on the event loop otherwise."""
        return await self.in_thread(partial(call, *args, **kwargs)) if is_long else call(*args, **kwargs)

    async def pause(self) -> None:
        """Lets other requests run, between statements that together take long."""
        if self.budget is not None:
            await asyncio.sleep(0)

    def expect_time(self) -> None:
        """Raises `ReadTooLong` if the request has no time left."""
        if self.budget is not None:
            self.budget.expect()

    def each(self, items: Iterable[T]) -> Iterable[T]:
        """The same items, while the request has time. Raises `ReadTooLong`."""
        return items if self.budget is None else self.budget.each(items)


@dataclass(frozen=True, slots=True)
class WriteSession:
    """Reads inside a write transaction, at the moment it records. They see what it has written."""

    transaction: Transaction
    confidential: bool = False
    """Whether confidential members are shown."""

    @property
    def recorded(self) -> Instant:
        """The moment that the transaction records."""
        return self.transaction.now

    @property
    def epoch(self) -> str | None:
        """The epoch of the log."""
        row = self.transaction.first(_EPOCH)
        return row[0] if row else None

    def run(self, read: Callable[Concatenate[View, P], Read[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a read in steps, which sees what this session sees."""
        return self.transaction.run(read(self, *args, **kwargs))


_EPOCH = select(col(Feed.epoch))


def build_head() -> AnySelect:
    """(instant of the newest recording, epoch of the log)."""
    return select(func.max(col(Recording.recorded_at)), select(col(Feed.epoch)).scalar_subquery())


def select_head() -> Statement:
    """The instant of the newest recording, and the epoch of the log."""
    return Statement.of(build_head)


async def open_session(
    reader: Reader,
    query: Query,
    sequence: PageSequence | None = None,
    *,
    confidential: bool = False,
    budget: Budget | None = None,
) -> ReadSession:
    """A session at the recorded moment of the query or its cursor, otherwise at the newest recording."""
    newest, epoch = (await reader.rows(select_head(), budget))[0]
    newest = newest or 0
    cursor = cursor_of(query, sequence) if sequence else None
    wanted = cursor.recorded if cursor else newest if query.recorded is None else query.recorded
    after = cursor.keys if cursor else None
    return ReadSession(reader, min(wanted, newest), confidential, epoch, budget, sequence, after)


async def prepared(session: ReadSession, query: Query, build: Callable[[], T]) -> T:
    """The statements that `build` makes, in a thread if the query has many values: compiling its SQL takes long."""
    return await session.in_thread(build) if query.count_values() > MANY_VALUES else build()
