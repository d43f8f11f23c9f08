"""SQLAlchemy Core compiled to SQL text for the driver, and what SQLite calls by names of its own."""

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    Select,
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


def compiled(built: ClauseElement) -> str:
    """A statement as text with named places for its values. Constants are written as literals."""
    return str(built.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True}))


def insertion(table: Table, names: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """A statement that appends rows to a table, and the order in which it takes the values of these columns.

    Values are bound by place: to bind them by name takes a third longer for wide rows.
    """
    built = insert(table).values({name: bindparam(name) for name in names}).compile(dialect=_POSITIONAL)
    assert built.positiontup is not None, "values are bound by place"
    return str(built), tuple(built.positiontup)


def limited(built: Select[Any], most: int | None = None) -> Select[Any]:
    """The first `most` rows, or as many as `:limit` says. The offset is written out, since SQLite would bind it."""
    return built.limit(bindparam("limit") if most is None else literal_column(str(most))).offset(literal_column("0"))


def among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether a column's value is in the JSON list `:name`, which may be of any length."""
    listed = func.json_each(bindparam(name)).table_valued("value")
    return column.in_(select(listed.c.value))


def member(document: ColumnElement[Any], path: str) -> ColumnElement[Any]:
    """A member of a JSON text, by its path (`$.region.code`); null where it is not there."""
    return func.json_extract(document, literal_column(f"'{path}'"))


def items(document: ColumnElement[Any], path: str) -> TableValuedAlias:
    """The items of a list in a JSON text, in their order, as rows with a `value`."""
    return func.json_each(document, literal_column(f"'{path}'")).table_valued("value", name="item")


def is_letter(word: str) -> bool:
    """Whether a word is a letter with two cases, or a digit. Too many words begin with it, and there is no index of
    them; in other scripts one character may be a word's beginning that tells much."""
    return len(word) == 1 and (word.isdigit() or word.upper() != word.lower())


def match_expression(where: str, words: str) -> str:
    """FTS5: every word, from its beginning unless it is a single letter or digit, in one column or in any."""
    found = " AND ".join(f'"{word}"' if is_letter(word) else f'"{word}"*' for word in words.split())
    return f"{where} : ({found})" if where else found


def like(text: ColumnElement[Any], pattern: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a text matches a pattern of `glob`, with regard to case, which SQLite's own `LIKE` has none for."""
    return text.op("GLOB", is_comparison=True)(pattern)


def glob(pattern: str) -> str:
    """A pattern of the standard's `LIKE`, with a backslash as its escape, as `GLOB` has it."""
    return re.sub(r"\\.|[%_*?[]", _globbed, pattern, flags=re.DOTALL)


def _globbed(found: re.Match[str]) -> str:
    wildcard = {"%": "*", "_": "?"}.get(found[0])
    character = found[0][-1]
    return wildcard or (f"[{character}]" if character in "*?[" else character)
