"""Pages: their items, the cursor of the next page, and the total."""

from collections.abc import Callable
from dataclasses import dataclass

from app.query.parameters import ListQuery
from app.query.query import Query
from app.store.db.statements import Statement
from app.store.read.cursor import Cursor, bound_text
from app.store.read.session import ReadSession, prepared


@dataclass(frozen=True, slots=True)
class Page:
    """JSON texts of the items, the cursor of the next page, and the number of items on all pages if requested."""

    items: list[str]
    cursor: str | None = None
    total: int | None = None


def next_cursor(session: ReadSession, query: Query, last: tuple[int | str, ...] | None) -> str | None:
    """The cursor of the page after the item with the keys `last`; `None` if there are no more items."""
    if last is None or session.sequence is None:
        return None
    return Cursor(last, session.recorded).text(session.sequence, bound_text(query))


async def total_of(session: ReadSession, query: ListQuery, statement: Callable[[], Statement]) -> int | None:
    """The number of items on all pages, if it was requested."""
    if not query.total:
        return None
    ((total,),) = await session.rows(await prepared(session, query, statement))
    return int(total)
