"""Shared by the importers of released data sets: from the rows of a table to the events that a release lists."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from app.domain.dates import is_before_event, parse_day, parse_moment, today
from app.domain.incident import IncidentDraft, counted_day
from app.domain.source import Record, SourceDraft
from app.domain.written_days import DayOrder
from app.errors import FieldError, InvalidInput, echo
from app.formats.layouts.cells import Cells
from app.ingest.files import InputTable
from app.ingest.pipeline import Batch, Item
from app.ingest.rows import Row
from app.query.value_types import NAME
from app.store import tables
from app.store.write.releases import DataSet, ReleaseRow, Releases
from app.store.write.writer import Outcome, Writer

_SLUG = re.compile(r"[^a-z0-9.]+")


@dataclass(frozen=True, slots=True)
class Release:
    """The release of a file, as stated by whoever imports it: its name and its date.

    `dates` says whether dates have the day or the month first, for a file that does not show it.
    """

    name: str | None = None
    released_on: str | None = None
    dates: DayOrder | None = None

    @property
    def slug(self) -> str | None:
        """The name as a part of an id."""
        return (_SLUG.sub("_", self.name.lower()).strip("_.")[:40] or None) if self.name else None

    def check(self) -> None:
        """Raises `InvalidInput` for an invalid or future date, or an invalid name."""
        try:
            if self.released_on is not None and parse_day(self.released_on) > today() + timedelta(1):
                raise ValueError("is in the future")
        except ValueError as error:
            raise InvalidInput([FieldError("released_on", str(error), self.released_on)]) from None
        try:
            if self.name is not None:
                NAME.read(self.name)
                if self.slug is None:
                    raise ValueError("has no letter or digit")
        except ValueError as error:
            raise InvalidInput([FieldError("release", str(error), self.name)]) from None


class ListedDraft(Record):
    """A row of a release: the incident with its figure, and when it was reported."""

    incident: IncidentDraft
    listed_on: str


_MARKS = {
    "an ACLED export: use the format acled": {"event_id_cnty", "event_date"},
    "a UCDP GED file: use the format ucdp-ged": {"type_of_violence", "side_a", "where_prec"},
    "a table of incidents in the plain layout: use the format csv": {"id", "title", "date_start"},
    "a table of toll reports in the plain layout: use the format csv": {"incidents", "measure", "reported_on"},
}
"""Kinds of tables, by columns that they have."""


def expect_columns(table: InputTable, required: Sequence[str], what: str, hint: str = "") -> None:
    """Raises `InvalidInput` if a table lacks required columns, with what it looks like instead."""
    if missing := [name for name in required if name not in table.columns]:
        found = echo(", ".join([name for name in table.columns if name]))
        plural = "s" if len(missing) > 1 else ""
        why = f"is not {what}: missing column{plural} {', '.join(missing)} (found {found})"
        like = next((f". It looks like {is_}" for is_, marks in _MARKS.items() if marks <= {*table.columns}), "")
        raise InvalidInput([FieldError("file", why + (like or hint), table.name, "body")])


def items_of(table: InputTable, kind: type[Record], read: Callable[[Cells], Any]) -> Iterator[Item]:
    """The rows of a table as items. `read` raises `ValueError` for a row that it rejects."""
    for row in table.rows:
        yield item_of(table, row, kind, read)


def item_of(table: InputTable, row: Row, kind: type[Record], read: Callable[[Cells], Any]) -> Item:
    """A row as an item."""
    where, cells = f"{table.name}, line {row.line}", Cells(row.cells, table.day_orders)
    cells.repairs.extend(row.repairs)
    if row.fault:
        return Item(where, None, kind, row.line, row.cells, fault=row.fault)
    try:
        data = read(cells)
    except ValueError as error:
        return Item(where, None, kind, row.line, row.cells, fault=str(error))
    return Item(where, data, kind, row.line, row.cells, tuple(cells.repairs))


def listed_event(
    data_set: DataSet,
    source: SourceDraft,
    incident: dict[str, Any],
    figure: dict[str, Any] | None,
    on: str,
    cells: Cells,
) -> dict[str, Any]:
    """An incident and its figure as a `ListedDraft`, with notes on repaired values.

    Raises `ValueError` if the event is after the report date.
    """
    reported = parse_moment(on)
    if is_before_event(reported.instant, parse_day(incident["date_start"])):
        raise ValueError(f"date_start: {incident['date_start']} is after the report date {on}")
    event = incident["external_ids"][data_set.scheme]
    if figure is None:
        more: dict[str, Any] = {"sources": [{"id": source.id}]}
    else:
        report = figure | {
            "id": data_set.report_id(event, source.id or "", reported.instant),
            "reported_by": {"id": data_set.reporter.id},
            "reported_on": on,
            "source": {"id": source.id},
            "note": f"Repaired on import: {'; '.join(cells.repairs)}." if cells.repairs else None,
        }
        more = {"toll_reports": [report]}
    if cells.repairs:
        incident["attributes"]["repaired"] = "; ".join(cells.repairs)
    return {"incident": incident | more, "listed_on": on}


class ListingBatch(Batch):
    """Records the events that a release lists.

    `covers` returns the days around an event that the release covers completely. Without it, no days are covered.
    """

    def __init__(
        self,
        writer: Writer,
        data_set: DataSet,
        source: SourceDraft,
        covers: Callable[[date], tuple[date, date]] | None = None,
    ) -> None:
        if writer.appender.find(tables.Reporter, data_set.reporter.id or "") is None:
            writer.record_reporter_or_source(data_set.reporter)
        writer.record_reporter_or_source(source)
        self._writer, self._covers = writer, covers
        self._releases, self._source, self._scheme = Releases(writer, data_set), source, data_set.scheme

    def prefetch(self, drafts: Sequence[ListedDraft]) -> None:
        """Looks up existing incidents."""
        self._writer.prefetch([draft.incident for draft in drafts])
        self._releases.prefetch(draft.incident.external_ids[self._scheme] for draft in drafts)

    def record(self, draft: ListedDraft) -> tuple[Outcome, str]:
        """Creates or revises the incident, and records its figure if it is new."""
        incident = draft.incident
        days = self._covers(counted_day(vars(incident))) if self._covers else None
        return self._releases.record(ReleaseRow(incident, self._source, draft.listed_on, days))
