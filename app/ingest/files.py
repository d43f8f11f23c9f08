"""Tables in files: CSV, also compressed, Excel workbooks and JSON, read a row at a time, whatever their length.

What a file is, is told by its content. A row that cannot be read is given with the reason, and reading goes on.
"""

import csv
import datetime
import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

from app.errors import Fault, InvalidInput, echo
from app.ingest.json_rows import json_rows
from app.ingest.rows import Record, Row, column_name, row_or_header
from app.ingest.text_files import Buffered, table_of_text

_MARK = b"\xef\xbb\xbf"
"""UTF-8's byte order mark."""
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, csv.Error, UnicodeError, ParseError)


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
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            columns, rows = _table(io.BufferedReader(_Counted(file, told), 1024 * 1024), path)
        except _DAMAGED as error:
            told_by_system = error.strerror if isinstance(error, OSError) else None
            raise refused(path, told_by_system or f"cannot be read ({_first_line(error)})") from None
        _check_columns(columns, path)
        yield Table(path.name, columns, _until_damaged(rows))


def _first_line(error: Exception) -> str:
    return echo(next(iter(str(error).splitlines()), type(error).__name__))


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
        why = f"the file is damaged from here on ({_first_line(error)}); nothing after it was read"
        yield Row(line + 1, {}, fault=why)


def _table(file: Buffered, path: Path) -> tuple[Sequence[str], Iterator[Row]]:
    begin = file.peek(4096)[:4096]
    if begin.startswith(b"\x1f\x8b"):
        return _table(io.BufferedReader(gzip.GzipFile(fileobj=file)), path)
    if begin.startswith(b"PK\x03\x04"):
        return _archive(file, path)
    if begin.removeprefix(_MARK).lstrip()[:1] in (b"{", b"["):
        return _from_json(file, path)
    if b"\x00" in begin and not begin.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise refused(path, "is neither text nor a workbook")
    return table_of_text(file)


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


def _from_workbook(file: Buffered, path: Path) -> tuple[Sequence[str], Iterator[Row]]:
    """The first sheet."""
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(file, read_only=True, data_only=True)
        sheet = book.worksheets[0].iter_rows(values_only=True)
        columns = [column_name(_as_text(cell)) for cell in next(sheet, ())]
    except (InvalidFileException, KeyError, ValueError, IndexError) as error:
        raise refused(path, f"is a workbook that cannot be read ({echo(str(error))})") from None
    while columns and not columns[-1]:
        columns.pop()

    def rows() -> Iterator[Row]:
        for line, values in enumerate(sheet, start=2):
            record = Record(line, [_as_text(value) for value in values])
            padded = Record(line, record.cells + [""] * (len(columns) - len(record.cells)))
            if any(cell.strip() for cell in padded.cells):
                yield from row_or_header(padded, columns)

    return columns, rows()


def _from_json(file: Buffered, path: Path) -> tuple[Sequence[str], Iterator[Row]]:
    """An array of objects. The first tells the columns."""
    objects = json_rows(file)
    first = next(objects, "has no list of objects in it")
    if isinstance(first, str):
        raise refused(path, f"has a first item that {first}" if first.startswith("is ") else first)

    def rows() -> Iterator[Row]:
        for number, value in enumerate(chain([first], objects), start=1):
            if isinstance(value, str):
                yield Row(number, {}, fault=value)
            else:
                yield Row(number, {column_name(name): cell for name, cell in value.items()})

    return [column_name(name) for name in first], rows()


def _as_text(value: Any) -> str:
    """A cell as a text file would have it."""
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    return str(value)
