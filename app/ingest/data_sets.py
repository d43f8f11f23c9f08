"""What the importers of released data sets share: from the rows of a table to what a release lists."""

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
from app.ingest.files import Table
from app.ingest.pipeline import Item
from app.ingest.rows import Row
from app.query.value_types import NAME
from app.store import tables
from app.store.write.releases import DataSet, ReleaseRow, Releases
from app.store.write.writer import Outcome, Writer

_SLUG = re.compile(r"[^a-z0-9.]+")


@dataclass(frozen=True, slots=True)
class Release:
    """What a file is, as the one who imports it says: the release's name, and the day on which it came out.

    `dates` says whether its days have the day or the month first, for a file that does not tell by itself.
    """

    name: str | None = None
    released_on: str | None = None
    dates: DayOrder | None = None

    @property
    def slug(self) -> str | None:
        """The name as a part of an id."""
        return (_SLUG.sub("_", self.name.lower()).strip("_.")[:40] or None) if self.name else None

    def check(self) -> None:
        """Raises `InvalidInput` for a day that is none, or has not come yet."""
        try:
            if self.released_on is not None and parse_day(self.released_on) > today() + timedelta(1):
                raise ValueError("lies in the future")
        except ValueError as error:
            raise InvalidInput([FieldError("released_on", str(error), self.released_on)]) from None
        try:
            if self.name is not None:
                NAME.read(self.name)
                if self.slug is None:
                    raise ValueError("has no letter or digit in it")
        except ValueError as error:
            raise InvalidInput([FieldError("release", str(error), self.name)]) from None


class ListedDraft(Record):
    """A row of a release: the incident with its figure, and when the release said so."""

    incident: IncidentDraft
    listed_on: str


_MARKS = {
    "an export of ACLED; import it with the format acled": {"event_id_cnty", "event_date"},
    "a file of UCDP GED; import it with the format ucdp-ged": {"type_of_violence", "side_a", "where_prec"},
    "a table of incidents of our own; import it with the format csv": {"id", "title", "date_start"},
    "a table of toll reports of our own; import it with the format csv": {"incidents", "measure", "reported_on"},
}
"""What a table is that has these columns."""


def expect_columns(table: Table, needed: Sequence[str], what: str, hint: str = "") -> None:
    """Raises `InvalidInput` where a table is not what it is said to be, with what it seems to be instead."""
    if missing := [name for name in needed if name not in table.columns]:
        found = echo(", ".join([name for name in table.columns if name]))
        why = f"is no {what}: it lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)} (has {found})"
        like = next((f". It looks like {is_}" for is_, marks in _MARKS.items() if marks <= {*table.columns}), "")
        raise InvalidInput([FieldError("file", why + (like or hint), table.name, "body")])


def items_of(table: Table, kind: type[Record], read: Callable[[Cells], Any]) -> Iterator[Item]:
    """The rows of a table as items. `read` raises `ValueError` for a row that is not clear."""
    for row in table.rows:
        yield item_of(table, row, kind, read)


def item_of(table: Table, row: Row, kind: type[Record], read: Callable[[Cells], Any]) -> Item:
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


def listed(
    data_set: DataSet,
    source: SourceDraft,
    incident: dict[str, Any],
    figure: dict[str, Any] | None,
    on: str,
    cells: Cells,
) -> dict[str, Any]:
    """An incident and its figure as a `ListedDraft`, with what was put right told beside them.

    Raises `ValueError` where the event lies after the day on which it was reported.
    """
    said = parse_moment(on)
    if is_before_event(said.instant, parse_day(incident["date_start"])):
        raise ValueError(f"date_start: {incident['date_start']} is after the day on which it was reported, {on}")
    event = incident["external_ids"][data_set.scheme]
    if figure is None:
        told: dict[str, Any] = {"sources": [{"id": source.id}]}
    else:
        report = figure | {
            "id": data_set.report_id(event, source.id or "", said.instant),
            "reported_by": {"id": data_set.reporter.id},
            "reported_on": on,
            "source": {"id": source.id},
            "note": f"Repaired on import: {'; '.join(cells.repairs)}." if cells.repairs else None,
        }
        told = {"toll_reports": [report]}
    if cells.repairs:
        incident["attributes"]["repaired"] = "; ".join(cells.repairs)
    return {"incident": incident | told, "listed_on": on}


class ListingBatch:
    """Records what a release lists.

    `speaks_of` names the days that a release says all of where it lists an event; without it, it says so of none.
    """

    def __init__(
        self,
        writer: Writer,
        data_set: DataSet,
        source: SourceDraft,
        speaks_of: Callable[[date], tuple[date, date]] | None = None,
    ) -> None:
        if writer.appender.find(tables.Reporter, data_set.reporter.id or "") is None:
            writer.record_reporter_or_source(data_set.reporter)
        writer.record_reporter_or_source(source)
        self._writer, self._speaks_of = writer, speaks_of
        self._releases, self._source, self._scheme = Releases(writer, data_set), source, data_set.scheme

    def prefetch(self, drafts: Sequence[ListedDraft]) -> None:
        """Reads the incidents that exist."""
        self._writer.prefetch([draft.incident for draft in drafts])
        self._releases.prefetch(draft.incident.external_ids[self._scheme] for draft in drafts)

    def record(self, draft: ListedDraft) -> tuple[Outcome, str]:
        """The incident is made or revised, and its figure recorded where it is new."""
        incident = draft.incident
        days = self._speaks_of(counted_day(vars(incident))) if self._speaks_of else None
        return self._releases.record(ReleaseRow(incident, self._source, draft.listed_on, days))

    def finish(self) -> None:
        """Nothing."""
