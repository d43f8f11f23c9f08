"""Finds the table in a file that may be packed, by gzip or in a zip archive."""

import csv
import gzip
import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, BinaryIO
from xml.parsers.expat import ExpatError

from app.errors import echo
from app.ingest.json_rows import table_of_json
from app.ingest.limits import BeyondLimit, Budget, Unpacked
from app.ingest.rows import Row
from app.ingest.sheets import WORKBOOK
from app.ingest.text_files import MARK, PEEKED, Buffered, Fits, table_of_text
from app.ingest.workbooks import table_of_workbook

MAX_TABLES = 50
"""Files of an archive that are looked at."""
READ_SIZE = 64 * 1024
"""Bytes that are read from a file at a time. Parsing that many bytes of short lines takes a tenth of a second."""
MAX_DIRECTORY = 1024 * 1024
"""Bytes of an archive's directory: about 10,000 files."""
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_TABLES = (".csv", ".txt", ".tsv", ".xlsx", ".json", ".geojson")
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, csv.Error, UnicodeError, ExpatError)
"""What readers raise for a damaged file."""


def is_packed(begin: bytes) -> bool:
    """Whether a file with these first four bytes is a gzip file, a zip archive or a workbook."""
    return begin.startswith((_GZIP, _ZIP))


class WatchedFile(io.RawIOBase):
    """A file that calls `on_read` at every read."""

    def __init__(self, file: BinaryIO, on_read: Callable[[], None]) -> None:
        self._file, self.on_read = file, on_read

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer)  # type: ignore[attr-defined]
        self.on_read()
        return int(count)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


class _Window(io.BufferedReader):
    """A zip archive whose reads are limited: zipfile holds its directory in memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Raises `BeyondLimit` for more than `MAX_DIRECTORY` bytes."""
        content = super().read(MAX_DIRECTORY + 1 if size is None or size < 0 else min(size, MAX_DIRECTORY + 1))
        if len(content) > MAX_DIRECTORY:
            raise BeyondLimit("has too many files")
        return content


@dataclass(frozen=True, slots=True)
class TableFinder:
    """Finds the table in a file. The file may be packed once by gzip and once in a zip archive, but not deeper."""

    fits: Fits
    budget: Budget
    stack: ExitStack
    """Closes the opened files."""
    packings: tuple[str, ...] = ()
    """How the file is packed, outermost first."""

    def find(self, file: Buffered) -> tuple[Sequence[str], Iterator[Row]]:
        """The columns and rows of a file. Raises `ValueError` if it is not a table."""
        begin = file.peek(4096)[:4096]
        if begin.startswith(_GZIP):
            unpacked = self._unpacked(gzip.GzipFile(fileobj=file))
            return self._inside("gzip file").find(unpacked)
        if begin.startswith(_ZIP):
            return self._archive(self._seekable(file) if self.packings else file)
        if begin.removeprefix(MARK).lstrip()[:1] in (b"{", b"["):
            return table_of_json(file)
        if b"\x00" in begin and not begin.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise ValueError("is neither text nor a workbook")
        return table_of_text(file, self.fits)

    def _inside(self, packing: str) -> "TableFinder":
        if packing in self.packings:
            raise ValueError(f"is a {packing} inside a {packing}; unpack it and import its content")
        return replace(self, packings=(*self.packings, packing))

    def _unpacked(self, content: Any) -> io.BufferedReader:
        return io.BufferedReader(Unpacked(content, self.budget), PEEKED)

    def _seekable(self, file: Buffered) -> io.BufferedReader:
        """An unpacked copy: reading an archive needs seeks."""
        copy = self._scratch_file()
        shutil.copyfileobj(file, copy, PEEKED)
        copy.seek(0)
        return io.BufferedReader(WatchedFile(copy, self.budget.on_read), READ_SIZE)

    def _scratch_file(self) -> BinaryIO:
        """An unnamed file: nothing is left of it however the process ends."""
        return self.stack.enter_context(tempfile.TemporaryFile())

    def _archive(self, file: Buffered) -> tuple[Sequence[str], Iterator[Row]]:
        window = _Window(file.detach(), READ_SIZE)
        window.seek(0)
        archive = self.stack.enter_context(zipfile.ZipFile(window))
        names = [info.filename for info in archive.infolist() if not info.is_dir()]

        def member(name: str) -> io.BufferedReader:
            if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError("uses a compression other than deflate; unpack it and import its content")
            try:
                return self._unpacked(archive.open(name))
            except RuntimeError as error:  # it is encrypted
                raise ValueError(f"cannot be read ({echo(str(error))})") from None

        if WORKBOOK in names:
            return table_of_workbook({*names}, member, self._scratch_file(), self.fits)
        inside = self._inside("zip archive")
        tables = [name for name in names if name.lower().endswith(_TABLES) and "__MACOSX" not in name]
        if len(tables) > 1:
            tables = [name for name in tables[:MAX_TABLES] if inside._has_fitting(name, member)] or tables
        if len(tables) != 1:
            raise ValueError(f"has {len(tables)} tables ({echo(', '.join(tables))}); unpack it and import one")
        return inside.find(member(tables[0]))

    def _has_fitting(self, name: str, member: Callable[[str], io.BufferedReader]) -> bool:
        """Whether a file of an archive has a header that fits."""
        with ExitStack() as stack:
            try:
                return self.fits(replace(self, stack=stack).find(member(name))[0])
            except (*DAMAGED, ValueError):
                return False
