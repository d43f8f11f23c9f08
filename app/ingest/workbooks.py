"""Excel workbooks: the one sheet of a workbook that is a table of what is imported."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from app.errors import echo
from app.ingest.rows import TITLE_LINES, Record, Row, as_text, column_name, row_or_header
from app.ingest.text_files import Buffered, Fits


def table_of_workbook(file: Buffered, fits: Fits) -> tuple[Sequence[str], Iterator[Row]]:
    """The columns and rows of the sheet whose header fits; of the first sheet where none does.

    Raises `ValueError` for what is no workbook, and where several sheets fit: reading one would lose the others.
    """
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(file, read_only=True, data_only=True)
        sheets = book.worksheets
        found = [(sheet, number) for sheet in sheets if (number := _header_of(sheet, fits)) is not None]
    except (InvalidFileException, KeyError, ValueError, IndexError) as error:
        raise ValueError(f"is a workbook that cannot be read ({echo(str(error))})") from None
    if len(found) > 1:
        names = echo(", ".join(sheet.title for sheet, _ in found))
        raise ValueError(f"has {len(found)} sheets that could be read ({names}); save each as a file of its own")
    if not sheets:
        raise ValueError("is a workbook without a sheet")
    sheet, header = found[0] if found else (sheets[0], 0)
    rows = sheet.iter_rows(values_only=True)
    columns = _names(next(islice(rows, header, None), ()))
    return columns, _rows(rows, columns, header + 2)


def _header_of(sheet: Any, fits: Fits) -> int | None:
    """The place of the header among the first rows of a sheet; `None` where none of them fits."""
    rows = sheet.iter_rows(max_row=TITLE_LINES, values_only=True)
    return next((number for number, values in enumerate(rows) if fits(_names(values))), None)


def _names(values: Sequence[Any]) -> list[str]:
    columns = [column_name(as_text(cell)) for cell in values]
    while columns and not columns[-1]:
        columns.pop()
    return columns


def _rows(rows: Iterator[Sequence[Any]], columns: Sequence[str], first_line: int) -> Iterator[Row]:
    for line, values in enumerate(rows, start=first_line):
        cells = [as_text(value) for value in values]
        padded = Record(line, cells + [""] * (len(columns) - len(cells)))
        if any(cell.strip() for cell in padded.cells):
            yield from row_or_header(padded, columns)
