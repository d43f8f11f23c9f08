"""Tables in files: CSV, also compressed, Excel workbooks and JSON, read a row at a time, whatever their length.

What a file is, is told by its content. A row that cannot be read is given with the reason, and reading goes on.
"""

import csv
import gzip
import io
import shutil
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO
from xml.parsers.expat import ExpatError

from app.domain.written_days import DayOrder
from app.errors import FieldError, InvalidInput, echo
from app.ingest.json_rows import table_of_json
from app.ingest.limits import BeyondLimit, Budget, Unpacked
from app.ingest.rows import Row
from app.ingest.sheets import WORKBOOK
from app.ingest.text_files import MARK, PEEKED, Buffered, Fits, table_of_text
from app.ingest.workbooks import table_of_workbook

MOST_TABLES = 50
"""Files of an archive that are looked at."""
READ = 64 * 1024
"""Bytes of a file that are read at a time. Short lines of so many bytes take a tenth of a second: see `told`."""
MAX_DIRECTORY = 1024 * 1024
"""Bytes of an archive's directory: some 10,000 files."""
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_TABLES = (".csv", ".txt", ".tsv", ".xlsx", ".json", ".geojson")
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, csv.Error, UnicodeError, ExpatError)


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
    return InvalidInput([FieldError("file", why, path.name, "body")])


@contextmanager
def opened(
    path: Path,
    told: Callable[[int], None] = lambda read: None,
    fits: Fits = lambda columns: False,
) -> Iterator[Table]:
    """A file as a table. `told` gets how many of its bytes are read, at every read and while a packed file unpacks.

    `fits` knows the header of what is looked for, which may stand below titles, on another sheet of a workbook or in
    one of several files of an archive. Raises `InvalidInput` for what is no table: nothing of it was read then.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            counted = _Counted(file, lambda: told(file.tell()))
            opening = _Opening(fits, Budget(path.stat().st_size, counted.look), stack)
            columns, rows = opening.table(io.BufferedReader(counted, READ))
            _check_columns(columns)
        except _DAMAGED as error:
            told_by_system = error.strerror if isinstance(error, OSError) else None
            raise refused(path, told_by_system or f"cannot be read ({_first_line(error)})") from None
        except (ValueError, BeyondLimit) as error:
            raise refused(path, str(error)) from None
        yield Table(path.name, columns, _until_damaged(path, rows))


def is_packed(begin: bytes) -> bool:
    """Whether a file that begins so is a gzip file, a zip archive or a workbook. Four bytes are enough to see it."""
    return begin.startswith((_GZIP, _ZIP))


def _first_line(error: Exception) -> str:
    return echo(next(iter(str(error).splitlines()), type(error).__name__))


class _Counted(io.RawIOBase):
    """A file whose every read is looked at."""

    def __init__(self, file: BinaryIO, look: Callable[[], None]) -> None:
        self._file, self.look = file, look

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer)  # type: ignore[attr-defined]
        self.look()
        return int(count)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


class _Window(io.BufferedReader):
    """A file of which no more than some is read at once: an archive's directory, which is held in memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Raises `BeyondLimit` for more than `MAX_DIRECTORY` bytes."""
        content = super().read(MAX_DIRECTORY + 1 if size is None or size < 0 else min(size, MAX_DIRECTORY + 1))
        if len(content) > MAX_DIRECTORY:
            raise BeyondLimit("has too many files in it")
        return content


def _until_damaged(path: Path, rows: Iterator[Row]) -> Iterator[Row]:
    """The rows; where the file breaks off, that is a row that cannot be read. Raises `InvalidInput` beyond a limit."""
    line = 1
    try:
        for row in rows:
            line = row.line
            yield row
    except BeyondLimit as error:
        raise refused(path, str(error)) from None
    except (*_DAMAGED, ValueError) as error:
        why = f"the file is damaged from here on ({_first_line(error)}); nothing after it was read"
        yield Row(line + 1, {}, fault=why)


@dataclass(frozen=True, slots=True)
class _Opening:
    """Finds the table in a file, which may be packed: once by gzip and once in a zip archive, but no deeper."""

    fits: Fits
    budget: Budget
    stack: ExitStack
    """Closes what is opened."""
    around: tuple[str, ...] = ()
    """How the file is packed."""

    def table(self, file: Buffered) -> tuple[Sequence[str], Iterator[Row]]:
        """The columns and rows of a file. Raises `ValueError` that says what it is instead of a table."""
        begin = file.peek(4096)[:4096]
        if begin.startswith(_GZIP):
            unpacked = self._unpacked(gzip.GzipFile(fileobj=file))
            return self._inside("gzip file").table(unpacked)
        if begin.startswith(_ZIP):
            return self._archive(self._seekable(file) if self.around else file)
        if begin.removeprefix(MARK).lstrip()[:1] in (b"{", b"["):
            return table_of_json(file)
        if b"\x00" in begin and not begin.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise ValueError("is neither text nor a workbook")
        return table_of_text(file, self.fits)

    def _inside(self, packing: str) -> "_Opening":
        if packing in self.around:
            raise ValueError(f"is a {packing} in a {packing}; unpack it and name what is inside")
        return replace(self, around=(*self.around, packing))

    def _unpacked(self, content: Any) -> io.BufferedReader:
        return io.BufferedReader(Unpacked(content, self.budget), PEEKED)

    def _seekable(self, file: Buffered) -> io.BufferedReader:
        """A copy of what is unpacked: to read an archive, one has to go back and forth."""
        copy = self._scratch_file()
        shutil.copyfileobj(file, copy, PEEKED)
        copy.seek(0)
        return io.BufferedReader(_Counted(copy, self.budget.look), READ)

    def _scratch_file(self) -> BinaryIO:
        """A file without a name: nothing is left of it however the process ends."""
        return self.stack.enter_context(tempfile.TemporaryFile())

    def _archive(self, file: Buffered) -> tuple[Sequence[str], Iterator[Row]]:
        window = _Window(file.detach(), READ)
        window.seek(0)
        archive = self.stack.enter_context(zipfile.ZipFile(window))
        names = [info.filename for info in archive.infolist() if not info.is_dir()]

        def member(name: str) -> io.BufferedReader:
            if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError("is packed in another way than by deflate; unpack it and name what is inside")
            try:
                return self._unpacked(archive.open(name))
            except RuntimeError as error:  # it needs a password
                raise ValueError(f"cannot be read ({echo(str(error))})") from None

        if WORKBOOK in names:
            return table_of_workbook({*names}, member, self._scratch_file(), self.fits)
        inside = self._inside("zip archive")
        tables = [name for name in names if name.lower().endswith(_TABLES) and "__MACOSX" not in name]
        if len(tables) > 1:
            tables = [name for name in tables[:MOST_TABLES] if inside._has_fitting(name, member)] or tables
        if len(tables) != 1:
            raise ValueError(f"has {len(tables)} tables in it ({echo(', '.join(tables))}); unpack it and name one")
        return inside.table(member(tables[0]))

    def _has_fitting(self, name: str, member: Callable[[str], io.BufferedReader]) -> bool:
        """Whether a file of an archive is a table of what is looked for."""
        with ExitStack() as stack:
            try:
                return self.fits(replace(self, stack=stack).table(member(name))[0])
            except (*_DAMAGED, ValueError):
                return False


def _check_columns(columns: Sequence[str]) -> None:
    named = Counter(name for name in columns if name)
    if twice := [name for name, count in named.items() if count > 1]:
        raise ValueError(f"has the column {echo(min(twice))} more than once")
    if not named:
        raise ValueError("is empty")
