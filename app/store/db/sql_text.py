"""SQLAlchemy Core compiled to SQL text for the driver, and the expressions that are particular to SQLite."""

import re
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    Select,
    SQLColumnExpression,
    Table,
    TableValuedAlias,
    bindparam,
    func,
    insert,
    literal_column,
    select,
)
from sqlalchemy.dialects import sqlite as dialects

_DIALECT = dialects.dialect(paramstyle="named")
_POSITIONAL = dialects.dialect(paramstyle="qmark")
AnySelect = Select[*tuple[Any, ...]]
"""A SELECT of any columns."""
MAX_TEXTS = 2048
"""Texts that are cached, 1 to 10 KB each. Queries with filters have a text for each combination of filters."""


MAX_TEXT = 16_000
"""Characters of a text that is cached. A filter in CQL2 may be compared by SQL of some hundred thousand."""


class _TooLong(Exception):
    """A text that is not cached."""


def sql_of(build: ClauseElement | Callable[..., ClauseElement], *shape: Hashable) -> str:
    """The text of a statement, or of the one that `build` makes from its shape. The only cache of compiled SQL."""
    try:
        return _cached(build, *shape)
    except _TooLong as error:
        text: str = error.args[0]
        return text


@lru_cache(maxsize=MAX_TEXTS)
def _cached(build: ClauseElement | Callable[..., ClauseElement], *shape: Hashable) -> str:
    text = compiled(build if isinstance(build, ClauseElement) else build(*shape))
    if len(text) > MAX_TEXT:
        raise _TooLong(text)
    return text


def compiled(statement: ClauseElement) -> str:
    """A statement as text with named parameters. Constants are written as literals."""
    return str(statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True}))


def insertion(table: Table, names: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """A statement that appends rows to a table, and the order in which it takes the values of these columns.

    Values are bound by position: binding them by name takes a third longer for wide rows.
    """
    built = insert(table).values({name: bindparam(name) for name in names}).compile(dialect=_POSITIONAL)
    assert built.positiontup is not None, "values are bound by position"
    return str(built), tuple(built.positiontup)


def limited(query: AnySelect, count: int | None = None) -> AnySelect:
    """The first `count` rows, or the first `:limit`. The offset is a literal, since SQLite would bind it."""
    return query.limit(bindparam("limit") if count is None else literal_column(str(count))).offset(literal_column("0"))


def among(column: SQLColumnExpression[Any], name: str) -> ColumnElement[bool]:
    """Whether a column's value is in the JSON list `:name`, which may be of any length."""
    values = func.json_each(bindparam(name)).table_valued("value")
    return column.in_(select(values.c.value))


def json_rows(name: str) -> TableValuedAlias:
    """The JSON list of lists `:name` as rows with a `value`, whose columns are `at_index(value, 0)` and so on."""
    return func.json_each(bindparam(name)).table_valued("value", name=name)


def at_index(document: ColumnElement[Any], index: int) -> ColumnElement[Any]:
    """An item of a JSON list."""
    return member(document, f"$[{index}]")


def member(document: ColumnElement[Any], path: str) -> ColumnElement[Any]:
    """A member of a JSON text, by its path (`$.region.code`); null if it is missing."""
    return func.json_extract(document, literal_column(f"'{path}'"))


def items(document: ColumnElement[Any], path: str) -> TableValuedAlias:
    """The items of a list in a JSON text, in their order, as rows with a `value`."""
    return func.json_each(document, literal_column(f"'{path}'")).table_valued("value", name="item")


def is_letter(word: str) -> bool:
    """Whether a word is one letter of a script with two cases, or one digit.

    Too many words begin with it, and no index has them. In other scripts a single character may be distinctive.
    """
    return len(word) == 1 and (word.isdigit() or word.upper() != word.lower())


def match_expression(where: str, words: str) -> str:
    """FTS5: every word as a prefix, or whole if it is one letter or digit, in one column or in any."""
    terms = " AND ".join(f'"{word}"' if is_letter(word) else f'"{word}"*' for word in words.split())
    return f"{where} : ({terms})" if where else terms


def like(text: ColumnElement[Any], pattern: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a text matches a pattern of `glob`. It is case-sensitive, which SQLite's own `LIKE` is not."""
    return text.op("GLOB", is_comparison=True)(pattern)


def glob(pattern: str) -> str:
    """A pattern of standard SQL's `LIKE`, with a backslash as its escape, in the syntax of `GLOB`."""
    return re.sub(r"\\.|[%_*?[]", _glob_part, pattern, flags=re.DOTALL)


def _glob_part(found: re.Match[str]) -> str:
    wildcard = {"%": "*", "_": "?"}.get(found[0])
    character = found[0][-1]
    return wildcard or (f"[{character}]" if character in "*?[" else character)
