"""Reads the plain layout: incidents with their toll reports, or toll reports alone.

A report may name incidents, or a report, further below in the file. It is recorded when the file is read again, which
happens as long as it brings something new.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from app.domain.columns import COLUMNS
from app.domain.countries import countries
from app.domain.text import fold, nearest
from app.domain.written_days import DayOrder
from app.errors import FieldError, InvalidInput, echo
from app.formats.layouts import plain_incidents, plain_reports
from app.formats.layouts.plain_cells import read_cell
from app.ingest.data_sets import Release, expect_columns, item_of
from app.ingest.files import InputTable
from app.ingest.importer import Importer
from app.ingest.pipeline import Item
from app.ingest.plain_batch import PlainBatch, PlainIncident, PlainReport, Reading
from app.ingest.rows import Row
from app.ingest.survey import DaySurvey
from app.store.write.writer import Writer

LONGEST_ISO = 3
"""Letters of a country code in ISO 3166-1."""
DAYS = ("date_start", "date_end", "reported_on", "source_published_on", "retraction_reported_on")
"""Columns with dates, or timestamps."""


class PlainImport(Importer):
    """One file. It is read again as long as reports wait for later rows."""

    def __init__(self, release: Release) -> None:
        self._dates = release.dates
        self._countries_are_named = False
        """Whether the file names some country in words, so that `NA` means none."""
        self._reading = Reading()
        self._waited: set[str] = set()
        """Rows that the reading before this one left waiting."""

    def begin(self, writer: Writer) -> PlainBatch:
        """The recorder of one batch of the file."""
        return PlainBatch(writer, self._reading)

    def fits(self, columns: Sequence[str]) -> bool:
        """Whether these are columns of incidents, or of toll reports."""
        return {*plain_incidents.REQUIRED} <= {*columns} or {*plain_reports.REQUIRED} <= {*columns}

    def survey(self, table: InputTable) -> Mapping[str, DayOrder | None]:
        """Reads the whole file. Raises `InvalidInput` if it has neither incidents nor toll reports."""
        if _has_reports(table):
            expect_columns(table, plain_reports.REQUIRED, "a table of toll reports")
        else:
            expect_columns(table, plain_incidents.REQUIRED, "a table of incidents")
        known = {*plain_reports.COLUMNS} if _has_reports(table) else {*COLUMNS}
        if unknown := [name for name in table.columns if name and name not in known]:
            why = f"has the column {echo(unknown[0])}, which this layout does not have{_hint(unknown[0], known)}"
            raise InvalidInput([FieldError("file", why, table.name, "body")])
        days = DaySurvey(DAYS, self._dates)
        for row in days.watch(table.rows):
            country = row.cells.get("country", "").strip()
            self._countries_are_named |= len(country) > LONGEST_ISO and country.upper() not in countries()
        return days.orders(table)

    def items(self, table: InputTable) -> Iterator[Item]:
        """The rows of a file; in a repeated reading only the rows that wait."""
        self._reading.created = 0
        self._waited, self._reading.waiting = self._reading.waiting, set()
        if _has_reports(table):
            items = (item_of(table, _unescaped(row), PlainReport, plain_reports.read) for row in table.rows)
        else:
            read = partial(plain_incidents.read, countries_are_named=self._countries_are_named)
            items = (item_of(table, _unescaped(row), PlainIncident, read) for row in table.rows)
        return filter(None, map(self._waiting_part, items)) if self._reading.again else items

    def _waiting_part(self, item: Item) -> Item | None:
        """An item that waits, with only those of its reports that name others: the rest is recorded."""
        if item.fault is not None or item.data["id"] not in self._waited:
            return None
        if item.kind is PlainReport:
            return item
        reports = [
            r for r in item.data["toll_reports"] if isinstance(r, dict) and (r.get("incidents") or r.get("supersedes"))
        ]
        return replace(item, data=item.data | {"toll_reports": reports})

    def read_again(self) -> bool:
        """Whether the file has to be read again. In the last reading, reports that still wait are refused."""
        if not self._reading.waiting or self._reading.last:
            return False
        self._reading.last = self._reading.again and not self._reading.created
        self._reading.again = True
        return True


def _has_reports(table: InputTable) -> bool:
    return "measure" in table.columns


_FIGURE_WORDS = frozenset(
    "killed dead deaths fatalities wounded injured missing captured survived survivors toll".split()
)


def _hint(column: str, known: Iterable[str]) -> str:
    """Advice for a column that is not ours."""
    if _FIGURE_WORDS & {*fold(column).split()}:
        return f". {plain_incidents.WHERE_FIGURES_GO}"
    like = nearest(column, known)
    return f"; did you mean {like}?" if like else ""


def _unescaped(row: Row) -> Row:
    """A row without the marks that protect text in spreadsheets, and without words for empty cells.

    `NA` in the column of countries stays: it is Namibia.
    """
    cells = {name: cell if name == "country" else read_cell(cell) for name, cell in row.cells.items()}
    return replace(row, cells=cells)
