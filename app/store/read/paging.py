"""Where a page begins: opaque to others, checked when it comes back."""

from collections.abc import Callable
from dataclasses import dataclass

from app.query.parameters import ListQuery
from app.query.query import Query
from app.store.db.statements import Statement
from app.store.read.cursor import Cursor, PageSequence, bound_text
from app.store.read.session import ReadSession, built


@dataclass(frozen=True, slots=True)
class Page:
    """JSON texts of the items, where the next page begins, and the number of items where it was asked for."""

    items: list[str]
    cursor: str | None = None
    total: int | None = None


def next_cursor(
    session: ReadSession, walk: PageSequence, question: Query, last: tuple[int | str, ...] | None
) -> str | None:
    """The cursor of the page after the item with the keys `last`; `None` where there are no more."""
    return None if last is None else Cursor(last, session.recorded).text(walk, bound_text(question))


async def total_of(session: ReadSession, question: ListQuery, statement: Callable[[], Statement]) -> int | None:
    """The number of items on all pages, where it was asked for."""
    if not question.total:
        return None
    return int((await session.rows(await built(session, question, statement)))[0][0])
