"""The pending rows of one transaction, written a table at a time: one fact and a thousand take the same path."""

from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Select, Table, bindparam, exists, select
from sqlmodel import SQLModel

from app.errors import AppError
from app.store.db import sql_text
from app.store.db.transaction import Transaction
from app.store.tables import IncidentSet, IncidentVersion, Retraction, Secret, Withdrawal, search, table_of

NATURAL_KEYS = {
    IncidentSet: "members",
    IncidentVersion: "incident",
    Retraction: "toll_report",
    Secret: "subject",
    Withdrawal: "incident",
}
"""The column of the natural key; `id` in all other tables. Of versions, the newest of an incident is found."""
_WRITE_ORDER = (*SQLModel.metadata.sorted_tables, *search.SEARCH_TABLES)
"""Tables come after those that they refer to."""
_ABSENT: Any = object()


class RowBuffer:
    """Pending rows, found by natural key as if already written."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self._rows: dict[Table, list[dict[str, Any]]] = {}
        self._next_keys: dict[type[SQLModel], int] = {}
        self._known: dict[tuple[type[SQLModel], str | int], dict[str, Any] | None] = {}
        """Rows by natural key; `None` where a lookup found none."""
        self._undo: list[tuple[MutableMapping[Any, Any], Any, Any]] = []

    def __bool__(self) -> bool:
        return any(self._rows.values())

    def find(self, model: type[SQLModel], natural: str | int) -> dict[str, Any] | None:
        """A row by its natural key, pending or stored."""
        known = self._known.get((model, natural), _ABSENT)
        if known is not _ABSENT:
            return known  # type: ignore[no-any-return]
        statement, columns = _by_natural_key(model)
        row = self.transaction.first(statement, {"natural": natural})
        found = self._known[model, natural] = dict(zip(columns, row, strict=True)) if row else None
        return found

    def get(self, model: type[SQLModel], natural: str | int) -> dict[str, Any]:
        """A row that exists."""
        found = self.find(model, natural)
        assert found is not None, f"{natural} is recorded"
        return found

    def prefetch_rows(self, model: type[SQLModel], naturals: Iterable[str | int]) -> list[dict[str, Any]]:
        """Finds many rows with one statement, for later calls of `find`. Returns the stored ones."""
        wanted = [natural for natural in dict.fromkeys(naturals) if (model, natural) not in self._known]
        if not wanted:
            return []
        self._known.update(((model, natural), None) for natural in wanted)
        statement, columns = _by_natural_keys(model)
        rows = self.transaction.rows(statement, {"naturals": orjson.dumps(wanted).decode()})
        found = [dict(zip(columns, row, strict=True)) for row in rows]
        self._known.update(((model, row[NATURAL_KEYS.get(model, "id")]), row) for row in found)
        return found

    def add_keyed(self, model: type[SQLModel], natural: str | int, **values: Any) -> dict[str, Any]:
        """Adds a row with a new surrogate key, to be found by its natural key."""
        if model not in self._next_keys:
            self._next_keys[model] = self.transaction.next_key(model)
        row = {"key": self._next_keys[model], **values}
        self._next_keys[model] += 1
        self.set_item(self._known, (model, natural), row)
        self.add_rows(table_of(model), row)
        return row

    def add_natural(self, model: type[SQLModel], natural: str, **values: Any) -> None:
        """Adds a row whose primary key is its natural key."""
        row = {NATURAL_KEYS[model]: natural, **values}
        self.set_item(self._known, (model, natural), row)
        self.add_rows(table_of(model), row)

    def add_rows(self, table: Table, *rows: dict[str, Any]) -> None:
        """Adds rows that are never looked up."""
        self._rows.setdefault(table, []).extend(rows)

    def pending(self, model: type[SQLModel]) -> Sequence[dict[str, Any]]:
        """The pending rows of a table."""
        return self._rows.get(table_of(model), ())

    def set_item(self, mapping: MutableMapping[Any, Any], name: Any, value: Any) -> None:
        """Sets an item of a mapping. It is restored where the savepoint is rolled back."""
        self._undo.append((mapping, name, mapping.get(name, _ABSENT)))
        mapping[name] = value

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Rolls back everything inside where an `AppError` is raised."""
        lengths = {table: len(rows) for table, rows in self._rows.items()}
        next_keys = self._next_keys.copy()
        self._undo.clear()
        try:
            yield
        except AppError:
            for table, rows in self._rows.items():
                del rows[lengths.get(table, 0) :]
            self._next_keys = next_keys
            for mapping, name, before in reversed(self._undo):
                if before is _ABSENT:
                    mapping.pop(name, None)
                else:
                    mapping[name] = before
            raise

    def write_rows(self) -> None:
        """Writes all rows."""
        for table in _WRITE_ORDER:
            if rows := self._rows.get(table):
                self.transaction.insert(table, rows)
        self._rows.clear()


@cache
def _by_natural_key(model: type[SQLModel]) -> tuple[Select[Any], tuple[str, ...]]:
    return _rows_where(model, _natural_column(model) == bindparam("natural"))


@cache
def _by_natural_keys(model: type[SQLModel]) -> tuple[Select[Any], tuple[str, ...]]:
    return _rows_where(model, sql_text.among(_natural_column(model), "naturals"))


def _natural_column(model: type[SQLModel]) -> ColumnElement[Any]:
    return table_of(model).c[NATURAL_KEYS.get(model, "id")]


def _rows_where(model: type[SQLModel], condition: ColumnElement[bool]) -> tuple[Select[Any], tuple[str, ...]]:
    """Rows of a table, of versions only the newest, and the names of their columns."""
    table = table_of(model)
    found = select(*table.c).where(condition)
    if model is IncidentVersion:
        newer = table.alias("newer")
        found = found.where(~exists().where(newer.c.incident == table.c.incident, newer.c.number > table.c.number))
    return found, tuple(table.c.keys())
