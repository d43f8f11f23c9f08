"""Rows of one transaction, gathered to be written a table at a time: one fact and a thousand go the same way."""

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

NATURAL = {
    IncidentSet: "members",
    IncidentVersion: "incident",
    Retraction: "toll_report",
    Secret: "subject",
    Withdrawal: "incident",
}
"""What a row is known by outside; of the others it is their `id`. Of versions the newest of each incident is known."""
_IN_ORDER = (*SQLModel.metadata.sorted_tables, *search.SEARCH_TABLES)
"""Those that others point to come first."""
_ABSENT: Any = object()


class RowBuffer:
    """Rows that are not written yet, found by what they are known by as if they were."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._rows: dict[Table, list[dict[str, Any]]] = {}
        self._next: dict[type[SQLModel], int] = {}
        self._known: dict[tuple[type[SQLModel], str | int], dict[str, Any] | None] = {}
        """Rows by what they are known by; `None` where it was looked up and there is none."""
        self._undo: list[tuple[MutableMapping[Any, Any], Any, Any]] = []

    def __bool__(self) -> bool:
        return any(self._rows.values())

    def find(self, model: type[SQLModel], natural: str | int) -> dict[str, Any] | None:
        """A row by what it is known by: gathered here, or stored."""
        known = self._known.get((model, natural), _ABSENT)
        if known is not _ABSENT:
            return known  # type: ignore[no-any-return]
        statement, columns = _by_natural(model)
        row = self._transaction.first(statement, {"natural": natural})
        found = self._known[model, natural] = dict(zip(columns, row, strict=True)) if row else None
        return found

    def foresee(self, model: type[SQLModel], naturals: Iterable[str | int]) -> list[dict[str, Any]]:
        """Looks up at once what will be asked for, and remembers also what is not there. Returns what is stored."""
        asked = [natural for natural in dict.fromkeys(naturals) if (model, natural) not in self._known]
        if not asked:
            return []
        self._known.update(((model, natural), None) for natural in asked)
        statement, columns = _by_naturals(model)
        rows = self._transaction.rows(statement, {"naturals": orjson.dumps(asked).decode()})
        found = [dict(zip(columns, row, strict=True)) for row in rows]
        self._known.update(((model, row[NATURAL.get(model, "id")]), row) for row in found)
        return found

    def newest_version(self, incident: int) -> dict[str, Any]:
        """The newest version of an incident's record."""
        found = self.find(IncidentVersion, incident)
        assert found is not None, "every incident has a version"
        return found

    def add(self, model: type[SQLModel], natural: str | int, **values: Any) -> dict[str, Any]:
        """A row of its own key, known by `natural` from now on."""
        if model not in self._next:
            self._next[model] = self._transaction.next_key(model)
        row = {"key": self._next[model], **values}
        self._next[model] += 1
        self.set(self._known, (model, natural), row)
        self.append(table_of(model), row)
        return row

    def put(self, model: type[SQLModel], natural: str, **values: Any) -> None:
        """A row that has no other key than what it is known by."""
        row = {NATURAL[model]: natural, **values}
        self.set(self._known, (model, natural), row)
        self.append(table_of(model), row)

    def append(self, table: Table, *rows: dict[str, Any]) -> None:
        """Rows that nothing asks for."""
        self._rows.setdefault(table, []).extend(rows)

    def unwritten(self, model: type[SQLModel]) -> Sequence[dict[str, Any]]:
        """The rows of a table that are gathered here."""
        return self._rows.get(table_of(model), ())

    def set(self, mapping: MutableMapping[Any, Any], name: Any, value: Any) -> None:
        """Sets an item of a mapping, which is set back where the whole that it belongs to is refused."""
        self._undo.append((mapping, name, mapping.get(name, _ABSENT)))
        mapping[name] = value

    @contextmanager
    def whole(self) -> Iterator[None]:
        """What is gathered inside stays together: where one part is refused, nothing of it is kept."""
        lengths = {table: len(rows) for table, rows in self._rows.items()}
        following = self._next.copy()
        self._undo.clear()
        try:
            yield
        except AppError:
            for table, rows in self._rows.items():
                del rows[lengths.get(table, 0) :]
            self._next = following
            for mapping, name, before in reversed(self._undo):
                if before is _ABSENT:
                    mapping.pop(name, None)
                else:
                    mapping[name] = before
            raise

    def write(self) -> None:
        """Writes all rows, those that others point to first."""
        for table in _IN_ORDER:
            if rows := self._rows.get(table):
                self._transaction.insert(table, rows)
        self._rows.clear()


@cache
def _by_natural(model: type[SQLModel]) -> tuple[Select[Any], tuple[str, ...]]:
    return _rows_where(model, _natural_column(model) == bindparam("natural"))


@cache
def _by_naturals(model: type[SQLModel]) -> tuple[Select[Any], tuple[str, ...]]:
    return _rows_where(model, sql_text.among(_natural_column(model), "naturals"))


def _natural_column(model: type[SQLModel]) -> ColumnElement[Any]:
    return table_of(model).c[NATURAL.get(model, "id")]


def _rows_where(model: type[SQLModel], condition: ColumnElement[bool]) -> tuple[Select[Any], tuple[str, ...]]:
    """Rows of a table, of versions only the newest, and the names of their columns."""
    table = table_of(model)
    found = select(*table.c).where(condition)
    if model is IncidentVersion:
        newer = table.alias("newer")
        found = found.where(~exists().where(newer.c.incident == table.c.incident, newer.c.number > table.c.number))
    return found, tuple(table.c.keys())
