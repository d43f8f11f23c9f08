"""Rows of tables: records of cells become rows of named cells, whatever kind of file they are from."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.ingest.limits import MAX_TORN

MIN_ALIKE = 3
"""Cells by which two rows are told from two halves of one."""
OURS = ("refused_line", "refused_because")
"""Columns that a file of refused rows has besides; they are not read."""
TITLE_LINES = 20
"""Lines among which the header is looked for: titles and notes may stand above it."""
_UNNAMED = re.compile(r"(unnamed: ?[0-9]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the line that it begins on, its cells by their columns, what was put right, or why it cannot be read."""

    line: int
    cells: Mapping[str, str]
    repairs: Sequence[str] = ()
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a file: its line, its cells, what was put right, or what is wrong with it."""

    line: int
    cells: list[str]
    repairs: tuple[str, ...] = ()
    fault: str | None = None


def as_text(value: Any) -> str:
    """A cell of a workbook or of JSON as a text file would have it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def column_name(cell: str) -> str:
    """A column's name, in small letters; nothing where it has none, or is not to be read."""
    name = cell.strip().lstrip("\ufeff").lower()
    return "" if _UNNAMED.fullmatch(name) or name in OURS else name


def rows_of(records: Iterable[Record], columns: Sequence[str]) -> Iterator[Row]:
    """Records as rows. One that a line break has torn apart is put together again."""
    waiting: Record | None = None
    torn, other_header = 0, 0
    for record in records:
        if other_header or _is_other_header(record, columns):
            other_header = other_header or record.line
            why = f"stands under a header with other places for its columns (line {other_header}); split the file there"
            yield Row(record.line, dict(zip(columns, record.cells, strict=False)), fault=why)
            continue
        if waiting is not None:
            torn += 1
            joined = _joined(waiting, record, len(columns)) if torn < MAX_TORN else None
            if joined is None:
                yield _row(waiting, columns)
                torn = 0
            else:
                record = joined
        else:
            torn = 0
        waiting = record if record.fault is None and len(record.cells) < len(columns) else None
        if waiting is None:
            yield from row_or_header(record, columns)
    if waiting is not None:
        yield _row(waiting, columns)


def _joined(first: Record, second: Record, width: int) -> Record | None:
    """Two halves of a row, or `None` where they are none."""
    if second.fault or len(second.cells) >= width or len(first.cells) + len(second.cells) - 1 > width:
        return None
    if _are_alike(first.cells, second.cells):
        return None
    middle = f"{first.cells[-1]} {second.cells[0]}".strip()
    cells = [*first.cells[:-1], middle, *second.cells[1:]]
    repairs = tuple(dict.fromkeys((*first.repairs, *second.repairs, "was torn apart by a line break")))
    return Record(first.line, cells, repairs)


def _is_other_header(record: Record, columns: Sequence[str]) -> bool:
    """Whether this is the header of a file that was joined to this one, with the same columns in another order."""
    if record.fault or not record.cells or column_name(record.cells[0]) not in columns:
        return False
    names = [column_name(cell) for cell in record.cells]
    return names != [*columns] and sorted(names) == sorted(columns)


def _are_alike(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether the second begins with the same kinds of cells: two rows whose empty ends were cut off, no halves."""
    pairs = list(zip(first, second, strict=False))
    return len(pairs) >= MIN_ALIKE and all(_kind(one) == _kind(other) for one, other in pairs)


def _kind(cell: str) -> str:
    kinds = (("", r""), ("number", r"[-+]?[0-9.,]+"), ("day", r"[0-9]+([-/. ])[0-9A-Za-z]+\1[0-9]+.{0,40}"))
    return next((kind for kind, form in kinds if re.fullmatch(form, cell.strip()[:100], re.ASCII)), "text")


def row_or_header(record: Record, columns: Sequence[str]) -> Iterator[Row]:
    """The row, unless it is the row of hashtags under the header, or the header again where files were joined."""
    named = [(cell, name) for cell, name in zip(record.cells, columns, strict=False) if name and cell]
    is_header = named and all(column_name(cell) == name for cell, name in named)
    if record.fault or not (is_header or (named and all(cell.startswith("#") for cell, _ in named))):
        yield _row(record, columns)


def _row(record: Record, columns: Sequence[str]) -> Row:
    fault, cells = record.fault, record.cells
    if fault is None and len(cells) < len(columns):
        fault = f"has {len(cells)} cells, and the header {len(columns)}"
    if fault is None and "".join(cells[len(columns) :]).strip():
        fault = (
            f"has {len(cells)} cells, and the header {len(columns)}; a cell with a delimiter in it may lack its quotes"
        )
    told = {name: cell for name, cell in zip(columns, cells, strict=False) if name}
    return Row(record.line, told, record.repairs, fault)
