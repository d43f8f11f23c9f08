"""Tables in files: CSV, also compressed, Excel workbooks and JSON, read a row at a time, whatever their length.

What a file is, is told by its content. A row that cannot be read is given with the reason, and reading goes on.
"""

import csv
import datetime
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

import ijson  # type: ignore[import-untyped]

from app.errors import Fault, InvalidInput, echo

LONGEST_LINE = 4 * 1024 * 1024
LONGEST_CELL = 1024 * 1024
DELIMITERS = ",;\t|"
OURS = ("refused_line", "refused_because")
"""Columns that a file of refused rows has besides; they are not read."""
_UNNAMED = re.compile(r"(unnamed: ?[0-9]+)?", re.ASCII)
Buffered = Any
"""An `io.BufferedReader`, whatever lies under it."""
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ijson.JSONError, csv.Error, UnicodeError, ParseError)


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the line that it begins on, its cells by their columns, what was put right, or why it cannot be read."""

    line: int
    cells: Mapping[str, str]
    repairs: Sequence[str] = ()
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A file that is a table: its columns, in small letters, and its rows."""

    name: str
    columns: Sequence[str]
    rows: Iterator[Row]


def refused(path: Path, why: str) -> InvalidInput:
    """A file that is refused whole."""
    return InvalidInput([Fault("file", why, path.name, "body")])


@contextmanager
def opened(path: Path, told: Callable[[int], None] = lambda read: None) -> Iterator[Table]:
    """A file as a table. `told` hears how many of its bytes are read.

    Raises `InvalidInput` for what is no table: nothing of it was read then.
    """
    try:
        with path.open("rb") as file:
            counted = io.BufferedReader(_Counted(file, told), 1024 * 1024)
            columns, rows = _table(counted, path)
            _check_columns(columns, path)
            yield Table(path.name, columns, _until_damaged(rows))
    except _DAMAGED as error:
        why = (
            error.strerror if isinstance(error, OSError) and error.strerror else f"cannot be read ({echo(str(error))})"
        )
        raise refused(path, why) from None


class _Counted(io.RawIOBase):
    """A file that tells how far it is read."""

    def __init__(self, file: BinaryIO, told: Callable[[int], None]) -> None:
        self._file, self._told = file, told

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer)  # type: ignore[attr-defined]
        self._told(self._file.tell())
        return int(count)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _until_damaged(rows: Iterator[Row]) -> Iterator[Row]:
    """The rows; where the file breaks off, that is a row that cannot be read."""
    line = 1
    try:
        for row in rows:
            line = row.line
            yield row
    except _DAMAGED as error:
        yield Row(
            line + 1, {}, fault=f"the file is damaged from here on ({echo(str(error))}); nothing after it was read"
        )


def _table(file: Buffered, path: Path) -> tuple[Sequence[str], Iterator[Row]]:
    begin = file.peek(4096)[:4096]
    if begin.startswith(b"\x1f\x8b"):
        return _table(io.BufferedReader(gzip.GzipFile(fileobj=file)), path)
    if begin.startswith(b"PK\x03\x04"):
        return _archive(file, path)
    if begin.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        return _from_json(file, path)
    if b"\x00" in begin and not begin.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise refused(path, "is neither text nor a workbook")
    return _from_text(file, path)


def _archive(file: Buffered, path: Path) -> tuple[Sequence[str], Iterator[Row]]:
    archive = zipfile.ZipFile(file)
    names = [info.filename for info in archive.infolist() if not info.is_dir()]
    if "xl/workbook.xml" in names:
        return _from_workbook(file, path)
    tables = [
        n for n in names if n.lower().endswith((".csv", ".txt", ".tsv", ".xlsx", ".json")) and "__MACOSX" not in n
    ]
    if len(tables) != 1:
        raise refused(path, f"has {len(tables)} tables in it ({echo(', '.join(tables))}); unpack it and name one")
    try:
        return _table(io.BufferedReader(archive.open(tables[0])), path)
    except RuntimeError as error:  # it needs a password
        raise refused(path, f"cannot be read ({echo(str(error))})") from None


def _check_columns(columns: Sequence[str], path: Path) -> None:
    named = [name for name in columns if name]
    if twice := {name for name in named if named.count(name) > 1}:
        raise refused(path, f"has the column {echo(min(twice))} more than once")
    if not named:
        raise refused(path, "is empty")


def _name(cell: str) -> str:
    name = cell.strip().lstrip("\ufeff").lower()
    return "" if _UNNAMED.fullmatch(name) or name in OURS else name


# Text


@dataclass(slots=True)
class _Lines:
    """The lines of a text, those of the record that is being read kept."""

    file: Buffered
    number: int = 0
    kept: list[str] | None = None
    other_encoding: bool = False

    def __iter__(self) -> Iterator[str]:
        while raw := self.file.readline(LONGEST_LINE + 1):
            if len(raw) > LONGEST_LINE:
                raise EOFError(f"a line of more than {LONGEST_LINE} bytes")
            self.number += 1
            try:
                line = raw.decode("utf-8")
            except UnicodeDecodeError:
                line = raw.decode("cp1252", errors="surrogateescape")
                self.other_encoding = True
            if self.kept is not None:
                self.kept.append(line)
            yield line


def _from_text(file: Buffered, path: Path) -> tuple[Sequence[str], Iterator[Row]]:
    if file.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff"):
        file = _as_utf8(file)
    lines = _Lines(file)
    each = iter(lines)
    first = next((line for line in each if line.strip()), "").lstrip("\ufeff")
    delimiter = max(DELIMITERS, key=first.count)
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(chain([first], each), delimiter=delimiter)
    columns = [_name(cell) for cell in next(reader, [])]
    return columns, _rows_of(reader, lines, columns)


def _as_utf8(file: Buffered) -> Buffered:
    """A file in UTF-16, which spreadsheets write, in UTF-8."""

    class Recoded(io.RawIOBase):
        text = io.TextIOWrapper(file, encoding="utf-16", newline="")
        left = b""

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            self.left = self.left or self.text.read(65536).encode()
            count = min(len(buffer), len(self.left))
            buffer[:count], self.left = self.left[:count], self.left[count:]
            return count

    return io.BufferedReader(Recoded())


@dataclass(frozen=True, slots=True)
class _Record:
    """A record as the CSV reader gives it: its line, its cells, what is wrong or was put right."""

    line: int
    cells: list[str]
    repairs: tuple[str, ...] = ()
    fault: str | None = None


def _records(reader: Any, lines: _Lines) -> Iterator[_Record]:
    while True:
        lines.kept, lines.other_encoding = [], False
        begin = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _Record(begin, [], fault=f"is no line of a table ({error})")
            continue
        fault = None
        if len(lines.kept) > 1 and sum(line.count('"') for line in lines.kept) % 2:
            fault = f"has a quote that is not closed; it goes on to line {lines.number}"
        repairs = ("was not in UTF-8; read as Windows-1252",) if lines.other_encoding else ()
        if lines.other_encoding and any("\udc80" <= c <= "\udcff" for cell in cells for c in cell):
            fault = "has bytes in it that are neither UTF-8 nor Windows-1252"
        if any(cell.strip() for cell in cells) or fault:
            yield _Record(begin, cells, repairs, fault)


def _rows_of(reader: Any, lines: _Lines, columns: Sequence[str]) -> Iterator[Row]:
    """Records as rows. One that a line break has torn apart is put together again."""
    waiting: _Record | None = None
    for record in _records(reader, lines):
        if waiting is not None:
            joined = _joined(waiting, record, len(columns))
            if joined is None:
                yield _row(waiting, columns)
            else:
                record = joined
        waiting = record if record.fault is None and len(record.cells) < len(columns) else None
        if waiting is None:
            yield from _row_or_header(record, columns)
    if waiting is not None:
        yield _row(waiting, columns)


def _joined(first: _Record, second: _Record, width: int) -> _Record | None:
    """Two halves of a row, or `None` where they are none."""
    if second.fault or len(second.cells) >= width or len(first.cells) + len(second.cells) - 1 > width:
        return None
    middle = f"{first.cells[-1]} {second.cells[0]}".strip()
    cells = [*first.cells[:-1], middle, *second.cells[1:]]
    repairs = tuple(dict.fromkeys((*first.repairs, *second.repairs, "was torn apart by a line break")))
    return _Record(first.line, cells, repairs)


def _row_or_header(record: _Record, columns: Sequence[str]) -> Iterator[Row]:
    """The row, unless it is the row of hashtags under the header, or the header again where files were joined."""
    named = [(cell, name) for cell, name in zip(record.cells, columns, strict=False) if name and cell]
    if not (all(_name(cell) == name for cell, name in named) or all(cell.startswith("#") for cell, _ in named)):
        yield _row(record, columns)


def _row(record: _Record, columns: Sequence[str]) -> Row:
    fault, cells = record.fault, record.cells
    if fault is None and len(cells) < len(columns):
        fault = f"has {len(cells)} cells, and the header {len(columns)}"
    if fault is None and any(cell.strip() for cell in cells[len(columns) :]):
        fault = (
            f"has {len(cells)} cells, and the header {len(columns)}; a cell with a delimiter in it may lack its quotes"
        )
    told = {name: cell for name, cell in zip(columns, cells, strict=False) if name}
    return Row(record.line, told, record.repairs, fault)


# Workbooks and JSON


def _from_workbook(file: Buffered, path: Path) -> tuple[Sequence[str], Iterator[Row]]:
    """The first sheet."""
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(file, read_only=True, data_only=True)
        sheet = book.worksheets[0].iter_rows(values_only=True)
        columns = [_name(_as_text(cell)) for cell in next(sheet, ())]
    except (InvalidFileException, KeyError, ValueError, IndexError) as error:
        raise refused(path, f"is a workbook that cannot be read ({echo(str(error))})") from None
    while columns and not columns[-1]:
        columns.pop()

    def rows() -> Iterator[Row]:
        for line, values in enumerate(sheet, start=2):
            record = _Record(line, [_as_text(value) for value in values])
            padded = _Record(line, record.cells + [""] * (len(columns) - len(record.cells)))
            if any(cell.strip() for cell in padded.cells):
                yield from _row_or_header(padded, columns)

    return columns, rows()


def _from_json(file: Buffered, path: Path) -> tuple[Sequence[str], Iterator[Row]]:
    """An array of objects, or the first array in an object, as answers of an API have it."""
    begin = file.peek(65536)[:65536].removeprefix(b"\xef\xbb\xbf").lstrip()
    prefix = "item"
    if begin.startswith(b"{"):
        found = re.search(rb'"(\w+)"\s*:\s*\[', begin)
        if not found:
            raise refused(path, "has no list of objects in it")
        prefix = f"{found[1].decode()}.item"
    objects = ijson.items(file, prefix, use_float=True)
    first = next(objects, None)
    if not isinstance(first, Mapping):
        raise refused(path, "has no list of objects in it")

    def rows() -> Iterator[Row]:
        for number, value in enumerate(chain([first], objects), start=1):
            if isinstance(value, Mapping):
                yield Row(number, {_name(str(name)): _as_text(inner) for name, inner in value.items()})
            else:
                yield Row(number, {}, fault="is no object")

    return [_name(str(name)) for name in first], rows()


def _as_text(value: Any) -> str:
    """A cell as a text file would have it."""
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    return str(value)
