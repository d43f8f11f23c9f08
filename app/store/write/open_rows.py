"""Open rows of derived tables (`recorded_to` is `FOREVER`): found, closed, and followed by new ones."""

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Select, Update, bindparam, func, select, update
from sqlmodel import SQLModel

from app.domain.dates import FOREVER, Instant
from app.domain.report import NEVER_VALID
from app.store.db import sql_text
from app.store.db.history_ends import LONG_HISTORY
from app.store.db.transaction import Transaction
from app.store.tables import table_of


def held(
    transaction: Transaction, model: type[SQLModel], column: str, key: int, since: Instant
) -> tuple[Instant, bool]:
    """From when new rows are needed: the start of the row that holds at `since`. And whether the history is long."""
    if since == NEVER_VALID.instant:
        return since, False
    values = {"key": key, "since": since, "forever": FOREVER, "limit": LONG_HISTORY}
    row = transaction.first(_holding(model, column), values)
    return (row[0], row[1] >= LONG_HISTORY) if row else (since, False)


def close(transaction: Transaction, model: type[SQLModel], column: str, key: int, begin: Instant) -> int:
    """Closes the open rows that start at `begin` or later. Returns how many there are."""
    values = {"key": key, "begin": begin, "forever": FOREVER, "now": transaction.now}
    return transaction.change(_closing(model, column), values)


def last_open(
    transaction: Transaction, model: type[SQLModel], column: str, key: int, since: Instant
) -> dict[str, Any] | None:
    """The last open row; `None` where it starts after `since`, or where there is none."""
    row = transaction.first(_last(model, column), {"key": key, "forever": FOREVER})
    found = dict(zip(table_of(model).c.keys(), row, strict=True)) if row else None
    return found if found and found["known_from"] <= since else None


def _is_open(model: type[SQLModel], column: str) -> tuple[ColumnElement[bool], ...]:
    table = table_of(model)
    return table.c[column] == bindparam("key"), table.c.recorded_to == bindparam("forever")


@cache
def _last(model: type[SQLModel], column: str) -> Select[Any]:
    table = table_of(model)
    found = select(*table.c).where(*_is_open(model, column)).order_by(table.c.known_from.desc())
    return sql_text.limited(found, 1)


@cache
def _holding(model: type[SQLModel], column: str) -> Select[Any]:
    known_from, is_open = table_of(model).c.known_from, _is_open(model, column)
    some = sql_text.limited(select(known_from).where(*is_open)).subquery()
    count = select(func.count()).select_from(some).scalar_subquery()
    holding = select(known_from, count).where(*is_open, known_from <= bindparam("since"))
    return sql_text.limited(holding.order_by(known_from.desc()), 1)


@cache
def _closing(model: type[SQLModel], column: str) -> Update:
    table = table_of(model)
    closing = update(table).where(*_is_open(model, column), table.c.known_from >= bindparam("begin"))
    return closing.values(recorded_to=bindparam("now"))


def open_spans(starts: Iterable[Instant], begin: Instant, now: Instant) -> Iterator[dict[str, Instant]]:
    """The spans between the starts from `begin` on, open in recorded time."""
    spans = pairwise([*sorted(s for s in starts if s >= begin), FOREVER])
    for start, end in spans:
        yield {"recorded_from": now, "recorded_to": FOREVER, "known_from": start, "known_to": end}


def append(transaction: Transaction, model: type[SQLModel], rows: list[dict[str, Any]]) -> None:
    if rows:
        for key, row in enumerate(rows, start=transaction.next_key(model)):
            row["key"] = key
        transaction.insert(table_of(model), rows)
