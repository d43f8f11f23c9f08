"""The sheets of an Excel workbook. Rows are read one at a time, so their number is no limit."""

import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from posixpath import join, normpath
from typing import Any, BinaryIO

from app.ingest.limits import MAX_RECORD, BeyondLimit, check_column_count
from app.ingest.xml_parts import Attributes, XmlPart

WORKBOOK = "xl/workbook.xml"
MAX_ROWS = 1_048_576
"""Of a sheet, as in Excel."""
MAX_PARTS = 100_000
"""Sheets, relations, and formats of cells."""
MAX_SHARED_TEXTS = 50_000_000
MAX_CACHED_TEXT = 4096
_PLACE = re.compile("([A-Z]{1,3})[0-9]+", re.ASCII)
OpenPart = Callable[[str], Any]
Cell = tuple[str, str, str]
"""The type, the number of the format, and the text of a cell."""


class _Elements(XmlPart):
    """The attributes of the elements with these names in a small part."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.found: list[tuple[str, Attributes]] = []
        self._wanted = names
        self._inside: list[str] = []

    def begin(self, name: str, attributes: Attributes) -> None:
        """Keeps an element if its name, with that of its parent, is wanted."""
        around = self._inside[-1] if self._inside else ""
        self._inside.append(name)
        if f"{around}/{name}" in self._wanted:
            self.found.append((name, {key.rpartition(":")[2]: value for key, value in attributes.items()}))
            if len(self.found) > MAX_PARTS:
                raise BeyondLimit(f"has more than {MAX_PARTS:,} sheets or formats")

    def end(self, name: str) -> None:
        """Leaves an element."""
        self._inside.pop()


class _SharedTexts(XmlPart):
    """The texts that cells refer to by number, in a temporary file: there may be millions."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._ends = array("Q", [0])
        self._short = lru_cache(maxsize=4096)(self._read)

    def end(self, name: str) -> None:
        """Keeps a text that is complete."""
        if name == "si":
            text = self.take_text().encode("utf-8", "surrogatepass")
            self._file.write(text)
            self._ends.append(self._ends[-1] + len(text))
            if len(self._ends) > MAX_SHARED_TEXTS:
                raise BeyondLimit(f"has more than {MAX_SHARED_TEXTS:,} texts")

    def at(self, number: int) -> str:
        """A text by its number. Raises `ValueError` if it does not exist."""
        if not 0 <= number < len(self._ends) - 1:
            raise ValueError(f"a cell refers to the text {number}, which does not exist")
        size = self._ends[number + 1] - self._ends[number]
        return self._short(number) if size <= MAX_CACHED_TEXT else self._read(number)

    def _read(self, number: int) -> str:
        begin, end = self._ends[number], self._ends[number + 1]
        self._file.seek(begin)
        return self._file.read(end - begin).decode("utf-8", "surrogatepass")


class _Rows(XmlPart):
    """The rows of a sheet. `ready` has the complete ones, as cells by column number from 1."""

    def __init__(self) -> None:
        super().__init__()
        self.ready: list[tuple[int, dict[int, Cell]]] = []
        self._row = self._column = 0
        self._cells: dict[int, Cell] = {}
        self._type = self._format = ""

    def begin(self, name: str, attributes: Attributes) -> None:
        """A row or a cell begins, at its stated position or else after the previous one."""
        if name == "c":
            self.take_text()
            self._column = _column_of(attributes["r"]) if "r" in attributes else self._column + 1
            self._type, self._format = attributes.get("t", "n"), attributes.get("s", "0")
        elif name == "row":
            row = attributes.get("r", "")
            row_number = int(row) if row.isdecimal() and len(row) < 20 else self._row + 1
            if row_number > MAX_ROWS:
                raise BeyondLimit(f"has a row {row_number:,}; a sheet has at most {MAX_ROWS:,}")
            if row_number <= self._row:
                raise BeyondLimit(f"has a row {row_number:,} after row {self._row:,}")
            self._row, self._column, self._cells = row_number, 0, {}

    def end(self, name: str) -> None:
        """A row or a cell ends."""
        if name == "c":
            if text := self.take_text():
                check_column_count(self._column)
                self._cells[self._column] = (self._type, self._format, text)
        elif name == "row" and self._cells:
            self.ready.append((self._row, self._cells))
            self._cells = {}


def _column_of(place: str) -> int:
    found = _PLACE.fullmatch(place)
    if found is None:
        raise ValueError(f"has a cell with the invalid reference {place[:20]}")
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column


class Sheet:
    """A sheet of a workbook. It can be read repeatedly."""

    def __init__(self, name: str, part: str, book: "Book") -> None:
        self.name, self._part, self._book = name, part, book

    def rows(self) -> Iterator[tuple[int, list[Any]]]:
        """The rows that are not empty: their numbers from 1, and their values.

        Raises `BeyondLimit`, `ValueError` or `ExpatError`.
        """
        parser = _Rows()
        with self._book.open_part(self._part) as part:
            for _ in parser.parsed(part):
                for number, cells in parser.ready:
                    yield number, self._book.values_of(cells)
                parser.ready.clear()


class Book:
    """A workbook: its sheets, and the shared texts and formats of their cells.

    `parts` are the names of its parts; `texts` is an empty file for the shared texts.
    """

    def __init__(self, parts: AbstractSet[str], open_part: OpenPart, texts: BinaryIO) -> None:
        from openpyxl.utils import datetime as dates

        self.open_part, self._as_date = open_part, dates.from_excel
        self._parse_date: Callable[[str], Any] = dates.from_ISO8601
        found = self._elements(WORKBOOK, "workbook/workbookPr", "sheets/sheet")
        relations = self._elements("xl/_rels/workbook.xml.rels", "Relationships/Relationship")
        targets = {
            r["Id"]: (r["Type"].rpartition("/")[2], normpath(join("/xl", r["Target"]))[1:]) for _, r in relations
        }
        self.sheets: list[Sheet] = []
        self._epoch = dates.WINDOWS_EPOCH
        for name, attributes in found:
            kind, part = targets.get(attributes.get("id", ""), ("", ""))
            if name == "sheet" and kind == "worksheet" and part in parts:
                self.sheets.append(Sheet(attributes["name"], part, self))
            elif name == "workbookPr" and attributes.get("date1904") in ("1", "true"):
                self._epoch = dates.MAC_EPOCH
        by_kind = {kind: part for kind, part in targets.values() if part in parts}
        self._texts = _SharedTexts(texts)
        if "sharedStrings" in by_kind:
            with open_part(by_kind["sharedStrings"]) as part:
                self._texts.parse(part)
        self._dates = self._date_formats(by_kind["styles"]) if "styles" in by_kind else {}

    def _elements(self, part: str, *names: str) -> Sequence[tuple[str, Attributes]]:
        parser = _Elements(*names)
        with self.open_part(part) as content:
            parser.parse(content)
        return parser.found

    def _date_formats(self, part: str) -> dict[str, bool]:
        """The numbers of formats that show a date; the value is whether the format shows a duration."""
        from openpyxl.styles import numbers

        own: dict[int, str] = dict(numbers.BUILTIN_FORMATS)
        found = self._elements(part, "numFmts/numFmt", "cellXfs/xf")
        own |= {int(a["numFmtId"]): a.get("formatCode", "") for name, a in found if name == "numFmt"}
        used = [own.get(int(a.get("numFmtId", "0")), "") for name, a in found if name == "xf"]
        return {
            str(number): numbers.is_timedelta_format(code)
            for number, code in enumerate(used)
            if numbers.is_date_format(code)
        }

    def values_of(self, cells: dict[int, Cell]) -> list[Any]:
        """The values of a row in the order of its columns; `None` for empty cells."""
        values: list[Any] = [None] * max(cells)
        length = 0
        for column, cell in cells.items():
            value = values[column - 1] = self._value_of(*cell)
            length += len(value) if isinstance(value, str) else 0
            if length > MAX_RECORD:
                raise BeyondLimit(f"has a row of more than {MAX_RECORD:,} characters")
        return values

    def _value_of(self, kind: str, format: str, text: str) -> Any:
        if kind == "s":
            return self._texts.at(int(text))
        try:
            if kind == "n":
                number = float(text) if {*text} & {*".eE"} else int(text)
                return self._as_date(number, self._epoch, self._dates[format]) if format in self._dates else number
            if kind == "b":
                return bool(int(text))
            return self._parse_date(text) if kind == "d" else text
        except (ValueError, OverflowError):
            return text
