"""Rows of tables: raw rows of cells become rows of named cells, for all kinds of files."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.ingest.limits import MAX_TORN

MIN_ALIKE = 3
"""Cells that are compared to distinguish two rows from two halves of one row."""
REJECT_COLUMNS = ("refused_line", "refused_because")
"""Extra columns of a file of refused rows; they are not read back."""
TITLE_LINES = 20
"""Lines in which the header is searched: titles and notes may be above it."""
_UNNAMED = re.compile(r"(unnamed: ?[0-9]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its first line, its cells by column, notes on repairs, or why it cannot be read."""

    line: int
    cells: Mapping[str, str]
    repairs: Sequence[str] = ()
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row before its cells are named: its first line, its cells, notes on repairs, or why it cannot be read."""

    line: int
    cells: list[str]
    repairs: tuple[str, ...] = ()
    fault: str | None = None


def as_text(value: Any) -> str:
    """A cell of a workbook or of JSON as text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def column_name(cell: str) -> str:
    """A column's name in lower case; empty if it has none, or is not to be read."""
    name = cell.strip().lstrip("\ufeff").lower()
    return "" if _UNNAMED.fullmatch(name) or name in REJECT_COLUMNS else name


def rows_of(raw_rows: Iterable[RawRow], columns: Sequence[str]) -> Iterator[Row]:
    """Raw rows as rows. A row that was split by a line break is joined again."""
    waiting: RawRow | None = None
    torn, other_header = 0, 0
    for raw in raw_rows:
        if other_header or _is_other_header(raw, columns):
            other_header = other_header or raw.line
            why = f"follows a second header with another order of columns (line {other_header}); split the file there"
            yield Row(raw.line, dict(zip(columns, raw.cells, strict=False)), fault=why)
            continue
        if waiting is not None:
            torn += 1
            joined = _joined(waiting, raw, len(columns)) if torn < MAX_TORN else None
            if joined is None:
                yield _row(waiting, columns)
                torn = 0
            else:
                raw = joined
        else:
            torn = 0
        waiting = raw if raw.fault is None and len(raw.cells) < len(columns) else None
        if waiting is None:
            yield from row_or_header(raw, columns)
    if waiting is not None:
        yield _row(waiting, columns)


def _joined(first: RawRow, second: RawRow, width: int) -> RawRow | None:
    """Two halves of a row joined; `None` if they are not halves."""
    if second.fault or len(second.cells) >= width or len(first.cells) + len(second.cells) - 1 > width:
        return None
    if _are_alike(first.cells, second.cells):
        return None
    middle = f"{first.cells[-1]} {second.cells[0]}".strip()
    cells = [*first.cells[:-1], middle, *second.cells[1:]]
    repairs = tuple(dict.fromkeys((*first.repairs, *second.repairs, "was torn apart by a line break")))
    return RawRow(first.line, cells, repairs)


def _is_other_header(raw: RawRow, columns: Sequence[str]) -> bool:
    """Whether this is the header of a second file that was appended, with the same columns in another order."""
    if raw.fault or not raw.cells or column_name(raw.cells[0]) not in columns:
        return False
    names = [column_name(cell) for cell in raw.cells]
    return names != [*columns] and sorted(names) == sorted(columns)


def _are_alike(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether both start with the same kinds of cells: then they are rows whose empty ends are missing, not halves."""
    pairs = list(zip(first, second, strict=False))
    return len(pairs) >= MIN_ALIKE and all(_kind(one) == _kind(other) for one, other in pairs)


def _kind(cell: str) -> str:
    kinds = (("", r""), ("number", r"[-+]?[0-9.,]+"), ("day", r"[0-9]+([-/. ])[0-9A-Za-z]+\1[0-9]+.{0,40}"))
    return next((kind for kind, pattern in kinds if re.fullmatch(pattern, cell.strip()[:100], re.ASCII)), "text")


def row_or_header(raw: RawRow, columns: Sequence[str]) -> Iterator[Row]:
    """The row, unless it is the row of hashtags below the header, or a repeated header of concatenated files."""
    named = [(cell, name) for cell, name in zip(raw.cells, columns, strict=False) if name and cell]
    is_header = named and all(column_name(cell) == name for cell, name in named)
    if raw.fault or not (is_header or (named and all(cell.startswith("#") for cell, _ in named))):
        yield _row(raw, columns)


def _row(raw: RawRow, columns: Sequence[str]) -> Row:
    fault, cells = raw.fault, raw.cells
    if fault is None and len(cells) < len(columns):
        fault = f"has {len(cells)} cells, but the header has {len(columns)}"
    if fault is None and "".join(cells[len(columns) :]).strip():
        fault = f"has {len(cells)} cells, but the header has {len(columns)}"
        fault += "; a cell that contains a delimiter may lack quotes"
    named = {name: cell for name, cell in zip(columns, cells, strict=False) if name}
    return Row(raw.line, named, raw.repairs, fault)
