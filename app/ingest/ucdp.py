"""Imports UCDP's Georeferenced Event Dataset: final and candidate releases, and copies of them."""

import calendar
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from app.domain.dates import Instant, is_before_event, parse_day, parse_moment
from app.domain.source import ReporterDraft, SourceDraft
from app.domain.vocabulary import ReporterKind
from app.domain.written_days import DayOrder
from app.errors import FieldError, InvalidInput
from app.formats.layouts import ucdp
from app.formats.layouts.cells import Cells
from app.ingest.data_sets import ListedDraft, ListingBatch, Release, expect_columns, items_of, listed_event
from app.ingest.files import InputTable
from app.ingest.importer import Importer
from app.ingest.pipeline import Batch, Item, Summary
from app.ingest.survey import DaySurvey
from app.store.db.database import Database
from app.store.write.release_queries import absent
from app.store.write.releases import DataSet
from app.store.write.writer import Writer

_OF_SOURCE = "ucdp-ged-"
_OF_A_MONTH = re.compile(r"(\d{2})\.0\.(\d{1,2})", re.ASCII)
_OF_MONTHS = re.compile(r"(\d{2})\.(\d{2})\.(\d{2})\.(\d{2})", re.ASCII)


def _months_of(release: str) -> tuple[date, date] | None:
    """The first and last day of a candidate release, from its name; `None` for a final release such as 26.1.

    26.0.2 is February 2026, and 25.01.25.03 the first quarter of 2025. Late additions for other months do not count.
    """
    if found := _OF_A_MONTH.fullmatch(release):
        year, month, last_year, last_month = (int(found[n]) for n in (1, 2, 1, 2))
    elif found := _OF_MONTHS.fullmatch(release):
        year, month, last_year, last_month = map(int, found.groups())
    else:
        return None
    try:
        begin, end = date(2000 + year, month, 1), date(2000 + last_year, last_month, 1)
    except ValueError:
        return None
    return begin, end.replace(day=calendar.monthrange(end.year, end.month)[1])


def _its_year(day: date) -> tuple[date, date]:
    return date(day.year, 1, 1), date(day.year, 12, 31)


def _report_id(event: str, source_id: str, _: Instant) -> str:
    return f"ucdp-{event}.{source_id.removeprefix(_OF_SOURCE)}"


DATA_SET = DataSet(
    ucdp.SCHEME,
    ReporterDraft(id="ucdp", name="Uppsala Conflict Data Program", kind=ReporterKind.DATASET),
    _report_id,
)


def _required(columns: Sequence[str]) -> Sequence[str]:
    return ucdp.REQUIRED if "best_est" in columns else (*ucdp.REQUIRED, "best")


class UcdpImport(Importer):
    """One file of one release. All its figures were reported on the date of the release."""

    def __init__(self, release: Release) -> None:
        if release.name is None or release.released_on is None:
            missing = "release" if release.name is None else "released_on"
            why = "required for ucdp-ged: pass the release name and its date"
            raise InvalidInput([FieldError(missing, why)])
        self._released_on, self._dates = release.released_on, release.dates
        self._source = SourceDraft(
            id=f"{_OF_SOURCE}{release.slug}",
            title=f"UCDP Georeferenced Event Dataset (GED), release {release.name}",
            publisher="Uppsala Conflict Data Program, Uppsala University",
            published_on=release.released_on,
            language="en",
            licence="CC BY 4.0",
            attribution="UCDP Georeferenced Event Dataset",
        )
        months = _months_of(release.name)
        self._covers = _its_year if months is None else lambda day: months

    def begin(self, writer: Writer) -> Batch:
        """The recorder of one batch of the file."""
        return ListingBatch(writer, DATA_SET, self._source, self._covers)

    def fits(self, columns: Sequence[str]) -> bool:
        """Whether these are columns of a GED file."""
        return {*_required(columns)} <= {*columns}

    def survey(self, table: InputTable) -> Mapping[str, DayOrder | None]:
        """Reads the whole file. Raises `InvalidInput` if it is not a GED file."""
        expect_columns(table, _required(table.columns), "a UCDP GED file")
        days = DaySurvey(ucdp.DAYS, self._dates)
        for _ in days.watch(table.rows):
            pass
        return days.orders(table)

    def items(self, table: InputTable) -> Iterator[Item]:
        """The rows of a file."""
        return items_of(table, ListedDraft, self._read)

    def _read(self, cells: Cells) -> dict[str, Any]:
        incident, figure = ucdp.read(cells)
        if is_before_event(parse_moment(self._released_on).instant, parse_day(incident["date_end"])):
            raise ValueError(f"date_end: {incident['date_end']} is after the release date {self._released_on}")
        return listed_event(DATA_SET, self._source, incident, figure, self._released_on, cells)

    def finish(self, database: Database, summary: Summary) -> None:
        """Adds the events of an earlier release that this one lacks, for the countries and days that it covers."""
        summary.absent = absent(database, self._source.id or "")
