"""Tables in files: CSV, also compressed, Excel workbooks and JSON, read a row at a time, whatever their length.

What a file is, is told by its content. A row that cannot be read is given with the reason, and reading goes on.
"""

import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

from app.domain.layouts.days import DayOrder
from app.errors import Fault, InvalidInput, echo
from app.ingest.json_rows import table_of_json
from app.ingest.rows import Row
from app.ingest.text_files import MARK, PEEKED, Buffered, Fits, table_of_text
from app.ingest.workbooks import table_of_workbook

MOST_TABLES = 50
"""Files of an archive that are looked at."""
_TABLES = (".csv", ".txt", ".tsv", ".xlsx", ".json", ".geojson")
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, csv.Error, UnicodeError, ParseError)


@dataclass(frozen=True, slots=True)
class Table:
    """A file that is a table: its columns, in small letters, and its rows."""

    name: str
    columns: Sequence[str]
    rows: Iterator[Row]
    day_orders: Mapping[str, DayOrder | None] = field(default_factory=dict)
    """Of columns of days: whether the day or the month comes first. Settled by reading the whole file once before."""


def refused(path: Path, why: str) -> InvalidInput:
    """A file that is refused whole."""
    return InvalidInput([Fault("file", why, path.name, "body")])


@contextmanager
def opened(
    path: Path,
    told: Callable[[int], None] = lambda read: None,
    fits: Fits = lambda columns: False,
) -> Iterator[Table]:
    """A file as a table. `told` hears how many of its bytes are read.

    `fits` knows the header of what is looked for, which may stand below titles, on another sheet of a workbook or in
    one of several files of an archive. Raises `InvalidInput` for what is no table: nothing of it was read then.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            columns, rows = _table(io.BufferedReader(_Counted(file, told), 1024 * 1024), fits)
            _check_columns(columns)
        except _DAMAGED as error:
            told_by_system = error.strerror if isinstance(error, OSError) else None
            raise refused(path, told_by_system or f"cannot be read ({_first_line(error)})") from None
        except ValueError as error:
            raise refused(path, str(error)) from None
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


def _table(file: Buffered, fits: Fits) -> tuple[Sequence[str], Iterator[Row]]:
    """The columns and rows of a file. Raises `ValueError` that says what it is instead of a table."""
    begin = file.peek(4096)[:4096]
    if begin.startswith(b"\x1f\x8b"):
        return _table(io.BufferedReader(gzip.GzipFile(fileobj=file), PEEKED), fits)
    if begin.startswith(b"PK\x03\x04"):
        return _archive(file, fits)
    if begin.removeprefix(MARK).lstrip()[:1] in (b"{", b"["):
        return table_of_json(file)
    if b"\x00" in begin and not begin.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError("is neither text nor a workbook")
    return table_of_text(file, fits)


def _archive(file: Buffered, fits: Fits) -> tuple[Sequence[str], Iterator[Row]]:
    archive = zipfile.ZipFile(file)
    names = [info.filename for info in archive.infolist() if not info.is_dir()]
    if "xl/workbook.xml" in names:
        return table_of_workbook(file, fits)
    tables = [name for name in names if name.lower().endswith(_TABLES) and "__MACOSX" not in name]
    if len(tables) > 1:
        tables = [name for name in tables[:MOST_TABLES] if _fits(archive, name, fits)] or tables
    if len(tables) != 1:
        raise ValueError(f"has {len(tables)} tables in it ({echo(', '.join(tables))}); unpack it and name one")
    try:
        return _table(io.BufferedReader(archive.open(tables[0]), PEEKED), fits)
    except RuntimeError as error:  # it needs a password
        raise ValueError(f"cannot be read ({echo(str(error))})") from None


def _fits(archive: zipfile.ZipFile, name: str, fits: Fits) -> bool:
    """Whether a file of an archive is a table of what is looked for."""
    try:
        with archive.open(name) as file:
            return fits(_table(io.BufferedReader(file, PEEKED), fits)[0])
    except (*_DAMAGED, ValueError, RuntimeError):
        return False


def _check_columns(columns: Sequence[str]) -> None:
    named = [name for name in columns if name]
    if twice := {name for name in named if named.count(name) > 1}:
        raise ValueError(f"has the column {echo(min(twice))} more than once")
    if not named:
        raise ValueError("is empty")
