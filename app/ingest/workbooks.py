"""Excel workbooks: finds the one sheet that is the wanted table."""

from collections.abc import Iterator, Sequence, Set
from typing import Any, BinaryIO
from xml.parsers.expat import ExpatError

from app.errors import echo
from app.ingest.rows import TITLE_LINES, RawRow, Row, as_text, column_name, row_or_header
from app.ingest.sheets import Book, OpenPart, Sheet
from app.ingest.text_files import Fits


def table_of_workbook(
    parts: Set[str], open_part: OpenPart, texts: BinaryIO, fits: Fits
) -> tuple[Sequence[str], Iterator[Row]]:
    """The columns and rows of the sheet whose header fits; of the first sheet if none fits.

    The arguments are those of `Book`. Raises `ValueError` for a file that is not a workbook, and if several sheets fit:
    reading one would lose the others.
    """
    try:
        book = Book(parts, open_part, texts)
        found = [(sheet, number) for sheet in book.sheets if (number := _header_of(sheet, fits)) is not None]
    except (KeyError, ValueError, ExpatError) as error:
        raise ValueError(f"is not a readable workbook ({echo(str(error))})") from None
    if len(found) > 1:
        names = echo(", ".join(sheet.name for sheet, _ in found))
        raise ValueError(f"has {len(found)} sheets that match ({names}); save each as its own file")
    if not book.sheets:
        raise ValueError("is a workbook without sheets")
    sheet, header = found[0] if found else (book.sheets[0], 1)
    rows = ((number, values) for number, values in sheet.rows() if number >= header)
    _, values = next(rows, (header, ()))
    columns = _names(values)
    return columns, _rows(rows, columns)


def _header_of(sheet: Sheet, fits: Fits) -> int | None:
    """The number of the header among the first rows of a sheet; `None` if none fits."""
    for number, values in sheet.rows():
        if number > TITLE_LINES:
            break
        if fits(_names(values)):
            return number
    return None


def _names(values: Sequence[Any]) -> list[str]:
    columns = [column_name(as_text(cell)) for cell in values]
    while columns and not columns[-1]:
        columns.pop()
    return columns


def _rows(rows: Iterator[tuple[int, Sequence[Any]]], columns: Sequence[str]) -> Iterator[Row]:
    for line, values in rows:
        cells = [as_text(value) for value in values]
        padded = RawRow(line, cells + [""] * (len(columns) - len(cells)))
        if any(cell.strip() for cell in padded.cells):
            yield from row_or_header(padded, columns)
