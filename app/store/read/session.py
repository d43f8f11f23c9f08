"""A read session: one recorded moment, seen through one reader."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Protocol

from sqlalchemy import func, select

from app.domain.dates import Instant
from app.query.query import Query
from app.store.db.budget import Budget
from app.store.db.reader import Reader
from app.store.db.sql_text import compiled
from app.store.db.statements import (
    MANY_ROWS,
    Fetch,
    Following,
    Row,
    Rows,
    Statement,
    T,
    every_row,
    of_page,
    up_to,
)
from app.store.read.cursor import PageSequence, cursor_of
from app.store.tables import TABLES


class Reads(Protocol):
    """What answers statements: a `Reader`, or a write transaction from its inside."""

    async def rows(self, statement: Statement, budget: Budget | None = None, fetch: Fetch = every_row) -> Any:
        """What `fetch` takes of the rows of a statement: all, unless told."""
        ...

    async def beside(self, budget: Budget, call: Callable[..., Any], *arguments: Any) -> Any:
        """Runs what may take long beside the event loop, in the client's turn."""
        ...

    def slices(self, following: Following, budget: Budget | None) -> AsyncGenerator[list[Row]]:
        """All rows of what statement after statement gives, some at a time."""
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
    budget: Budget | None = None
    """The time of the request; without one, as inside of a write, each statement has its own."""

    def lasting(self) -> "ReadSession":
        """The same for an export, which lasts as long as its client reads."""
        return replace(self, budget=Budget.patient(self.budget.client if self.budget else None))

    async def rows(self, statement: Statement) -> list[Row]:
        """All rows of a statement."""
        rows: list[Row] = await self.reader.rows(statement, self.budget)
        return rows

    async def some(self, statement: Statement, size: int) -> list[Row]:
        """Rows of a statement up to the one with which their texts reach so many characters."""
        rows: list[Row] = await self.reader.rows(statement, self.budget, up_to(size))
        return rows

    async def page(self, statement: Statement, limit: int, size: Callable[[Row], int]) -> Rows:
        """A page of the rows of a statement; `size` is that of a row in characters."""
        if limit > MANY_ROWS:
            statement = replace(statement, long=True)
        rows: Rows = await self.reader.rows(statement, self.budget, of_page(limit, size))
        return rows

    async def beside(self, call: Callable[..., T], *arguments: Any) -> T:
        """What a call returns that takes some milliseconds: made beside the event loop for a request."""
        if self.budget is None:
            return call(*arguments)
        made: T = await self.reader.beside(self.budget, call, *arguments)
        return made

    async def pause(self) -> None:
        """Lets others have their turn, between statements that together take long."""
        if self.budget is not None:
            await asyncio.sleep(0)

    def look(self) -> None:
        """Raises `ReadTooLong` where the request has no time left."""
        if self.budget is not None:
            self.budget.expect()

    def each(self, items: Iterable[T]) -> Iterable[T]:
        """The same items, as long as the request has time. Raises `ReadTooLong`."""
        return items if self.budget is None else self.budget.each(items)


@cache
def _head_text() -> str:
    recorded_at = TABLES["recording"].c.recorded_at
    return compiled(select(func.max(recorded_at), select(TABLES["feed"].c.epoch).scalar_subquery()))


def select_head() -> Statement:
    """The instant of the newest recording, and the epoch of the feed."""
    return Statement(_head_text(), {})


MUCH_TEXT = 200_000
"""Characters of stored JSON that are read on the event loop: a millisecond. More are read in a thread."""


MANY_VALUES = 20
"""Values of filters up to which SQL is made on the event loop: a few milliseconds, the first time."""


async def open_session(
    reader: Reader,
    question: Query,
    walk: PageSequence | None = None,
    *,
    confidential: bool = False,
    budget: Budget | None = None,
) -> ReadSession:
    """A session at the recorded moment that the question, or its cursor, asks for; at the newest one otherwise."""
    newest, epoch = (await reader.rows(select_head(), budget))[0]
    newest = newest or 0
    asked = newest if question.recorded is None else question.recorded
    if walk and (cursor := cursor_of(question, walk)):
        asked = cursor.recorded
    return ReadSession(reader, min(asked, newest), confidential, epoch, budget)


async def built(session: ReadSession, question: Query, build: Callable[[], T]) -> T:
    """The statements that `build` makes: in a thread where a question has many values, whose SQL is long."""
    return await session.beside(build) if question.count_values() > MANY_VALUES else build()
