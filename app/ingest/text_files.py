"""CSV files: separated by comma, semicolon, tab or bar, in UTF-8, Windows-1252 or UTF-16."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from app.errors import echo
from app.ingest.limits import MAX_BLANK_ROWS, MAX_RECORD, BeyondLimit, check_column_count
from app.ingest.rows import TITLE_LINES, RawRow, Row, column_name, rows_of

MARK = b"\xef\xbb\xbf"
"""UTF-8's byte order mark."""
LONGEST_LINE = 4 * 1024 * 1024
LONGEST_CELL = 1024 * 1024
PEEKED = 64 * 1024
"""Bytes in which the header is searched."""
DATA_IN_HEADER = 3
"""A first line with this many numbers or dates is not a header."""
DELIMITERS = ",;\t|"
_TOO_BLANK = f"has more than {MAX_BLANK_ROWS:,} blank rows"
Buffered = Any
"""An `io.BufferedReader` on any file."""
Fits = Callable[[Sequence[str]], bool]
"""Whether these columns are those of the wanted table."""


@dataclass(slots=True)
class _Lines:
    """The lines of a text. Keeps those of the current row."""

    file: Buffered
    number: int = 0
    kept: list[str] = field(default_factory=list)
    length: int = 0
    """Characters of the kept lines."""
    other_encoding: bool = False

    def begin_row(self) -> None:
        """Forgets the previous row."""
        self.kept, self.length, self.other_encoding = [], 0, False

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
            self.kept.append(line)
            self.length += len(line)
            if self.length > MAX_RECORD:
                raise BeyondLimit(f"has a row of more than {MAX_RECORD:,} characters, up to line {self.number}")
            yield line


def table_of_text(file: Buffered, fits: Fits) -> tuple[Sequence[str], Iterator[Row]]:
    """The columns and rows of a text. The header is the first line that fits, else the first line.

    Raises `ValueError` if the first line is data.
    """
    if file.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff"):
        file = _as_utf8(file)
    lines = _Lines(file)
    each = iter(lines)
    for _ in range(_title_lines(file, fits)):
        next(each)
    first = _first_line(lines, each)
    delimiter = _delimiter(first)
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(chain([first], each), delimiter=delimiter)
    header = next(reader, [])
    check_column_count(len(header))
    columns = [column_name(cell) for cell in header]
    if not fits(columns) and sum(map(_is_data, columns)) >= DATA_IN_HEADER:
        raise ValueError(
            f"has no header: the first line is data. Add a line with the column names above it: {echo(first.strip())}"
        )
    return columns, rows_of(_raw_rows(reader, lines), columns)


def _first_line(lines: _Lines, each: Iterator[str]) -> str:
    """The first line that is not blank."""
    for number, line in enumerate(each):
        lines.begin_row()
        if line.strip():
            return line.lstrip("\ufeff")
        if number >= MAX_BLANK_ROWS:
            raise BeyondLimit(_TOO_BLANK)
    return ""


def _title_lines(file: Buffered, fits: Fits) -> int:
    """The number of lines above the header that fits; 0 if none fits."""
    begin = file.peek(PEEKED)[:PEEKED].decode("utf-8", errors="replace").lstrip("\ufeff")
    for number, line in enumerate(begin.split("\n")[:TITLE_LINES]):
        cells = next(csv.reader([line], delimiter=_delimiter(line)), [])
        if fits([column_name(cell) for cell in cells]):
            return number
    return 0


def _delimiter(line: str) -> str:
    return max(DELIMITERS, key=line.count)


def _is_data(name: str) -> bool:
    """Whether the name of a column is a number or a date."""
    return re.fullmatch(r"[-+]?[0-9][-0-9.,:/ ]*", name) is not None


def _as_utf8(file: Buffered) -> Buffered:
    """Converts a file in UTF-16, which spreadsheets write, to UTF-8."""

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


def _raw_rows(reader: Any, lines: _Lines) -> Iterator[RawRow]:
    blank = 0
    while True:
        lines.begin_row()
        begin = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield RawRow(begin, [], fault=f"is not a valid CSV row ({error})")
            continue
        fault = None
        if len(lines.kept) > 1 and sum(line.count('"') for line in lines.kept) % 2:
            fault = f"has an unclosed quote that continues to line {lines.number}"
        repairs = ("was not UTF-8; read as Windows-1252",) if lines.other_encoding else ()
        if lines.other_encoding and any("\udc80" <= c <= "\udcff" for cell in cells for c in cell):
            fault = "has bytes that are neither UTF-8 nor Windows-1252"
        if "".join(cells).strip() or fault:
            yield RawRow(begin, cells, repairs, fault)
        elif (blank := blank + 1) > MAX_BLANK_ROWS:
            raise BeyondLimit(_TOO_BLANK)
