"""Rows of one transaction, gathered to be written a table at a time: one fact and a thousand go the same way."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Select, Table, bindparam, select
from sqlmodel import SQLModel

from app.errors import AppError
from app.store import sqlite
from app.store.tables import IncidentSet, IncidentVersion, Retraction, Secret, Withdrawal, table_of
from app.store.transaction import Transaction

NATURAL = {IncidentSet: "members", Retraction: "toll_report", Secret: "subject", Withdrawal: "incident"}
"""What a row is known by outside; of the others it is their `id`."""
_IN_ORDER = (*SQLModel.metadata.sorted_tables, *sqlite.SEARCH_TABLES)
"""Those that others point to come first."""
_ABSENT: Any = object()


class Gathered:
    """Rows that are not written yet, found by what they are known by as if they were."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._rows: dict[Table, list[dict[str, Any]]] = {}
        self._next: dict[type[SQLModel], int] = {}
        self._known: dict[tuple[type[SQLModel], str | int], dict[str, Any]] = {}
        self._undo: list[tuple[MutableMapping[Any, Any], Any, Any]] = []

    def __bool__(self) -> bool:
        return any(self._rows.values())

    def find(self, model: type[SQLModel], natural: str | int) -> dict[str, Any] | None:
        """A row by what it is known by: gathered here, or stored."""
        if known := self._known.get((model, natural)):
            return known
        statement, columns = _by_natural(model)
        row = self._transaction.first(statement, {"natural": natural})
        if row is None:
            return None
        found = self._known[model, natural] = dict(zip(columns, row, strict=True))
        return found

    def newest_version(self, incident: int) -> dict[str, Any]:
        """The newest version of an incident's record."""
        if known := self._known.get((IncidentVersion, incident)):
            return known
        row = self._transaction.first(_NEWEST_VERSION, {"incident": incident})
        assert row is not None, "every incident has a version"
        return dict(zip(_versions.keys(), row, strict=True))

    def add(self, model: type[SQLModel], natural: str | int, **values: Any) -> dict[str, Any]:
        """A row of its own key, known by `natural` from now on."""
        if model not in self._next:
            self._next[model] = self._transaction.next_key(model)
        row = {"key": self._next[model], **values}
        self.set(self._next, model, self._next[model] + 1)
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

    def set(self, mapping: MutableMapping[Any, Any], name: Any, value: Any) -> None:
        """Sets an item of a mapping, which is set back where the whole that it belongs to is refused."""
        self._undo.append((mapping, name, mapping.get(name, _ABSENT)))
        mapping[name] = value

    @contextmanager
    def whole(self) -> Iterator[None]:
        """What is gathered inside stays together: where one part is refused, nothing of it is kept."""
        lengths = {table: len(rows) for table, rows in self._rows.items()}
        self._undo.clear()
        try:
            yield
        except AppError:
            for table, rows in self._rows.items():
                del rows[lengths.get(table, 0) :]
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
    columns = table_of(model).c
    found = select(*columns).where(columns[NATURAL.get(model, "id")] == bindparam("natural"))
    return found, tuple(columns.keys())


_versions = table_of(IncidentVersion).c
_NEWEST_VERSION = sqlite.limited(
    select(*_versions).where(_versions.incident == bindparam("incident")).order_by(_versions.number.desc()), 1
)
