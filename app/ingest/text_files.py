"""Text files of cells: comma, semicolon, tab or bar between them, in UTF-8, Windows-1252 or UTF-16."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from app.ingest.rows import Record, Row, column_name, rows_of

LONGEST_LINE = 4 * 1024 * 1024
LONGEST_CELL = 1024 * 1024
DELIMITERS = ",;\t|"
Buffered = Any
"""An `io.BufferedReader`, whatever lies under it."""


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


def table_of_text(file: Buffered) -> tuple[Sequence[str], Iterator[Row]]:
    """The columns and rows of a text."""
    if file.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff"):
        file = _as_utf8(file)
    lines = _Lines(file)
    each = iter(lines)
    first = next((line for line in each if line.strip()), "").lstrip("\ufeff")
    delimiter = max(DELIMITERS, key=first.count)
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(chain([first], each), delimiter=delimiter)
    columns = [column_name(cell) for cell in next(reader, [])]
    return columns, rows_of(_records(reader, lines), columns)


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


def _records(reader: Any, lines: _Lines) -> Iterator[Record]:
    while True:
        lines.kept, lines.other_encoding = [], False
        begin = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Record(begin, [], fault=f"is no line of a table ({error})")
            continue
        fault = None
        if len(lines.kept) > 1 and sum(line.count('"') for line in lines.kept) % 2:
            fault = f"has a quote that is not closed; it goes on to line {lines.number}"
        repairs = ("was not in UTF-8; read as Windows-1252",) if lines.other_encoding else ()
        if lines.other_encoding and any("\udc80" <= c <= "\udcff" for cell in cells for c in cell):
            fault = "has bytes in it that are neither UTF-8 nor Windows-1252"
        if any(cell.strip() for cell in cells) or fault:
            yield Record(begin, cells, repairs, fault)
