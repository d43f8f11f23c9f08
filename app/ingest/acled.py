"""Imports ACLED's export of events, and its list of deleted events."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.domain.dates import Instant
from app.domain.source import MomentText, Record, ReporterDraft, SourceDraft
from app.domain.vocabulary import ReporterKind
from app.domain.written_days import DayOrder
from app.errors import FieldError, InvalidInput
from app.formats.layouts import acled
from app.formats.layouts.cells import Cells
from app.ingest.actor_rows import ActorRows
from app.ingest.data_sets import ListedDraft, ListingBatch, Release, expect_columns, items_of, listed_event
from app.ingest.files import InputTable
from app.ingest.importer import Importer
from app.ingest.pipeline import Batch, Item
from app.ingest.survey import DaySurvey
from app.store.write.releases import DataSet, Releases
from app.store.write.writer import Outcome, Writer


def _report_id(event: str, _: str, at: Instant) -> str:
    return f"acled-{event.lower()}.{at // 1_000_000}"


DATA_SET = DataSet(
    acled.SCHEME,
    ReporterDraft(id="acled", name="Armed Conflict Location & Event Data", kind=ReporterKind.DATASET),
    _report_id,
)


_HINT = (
    ". Without event_id_cnty, a repeated import cannot recognize events: export all columns, or convert the file to "
    "the plain layout (format csv) with your own ids"
)


class DeletedDraft(Record):
    """An event that ACLED deleted."""

    event: str
    deleted_on: MomentText | None


class DeletingBatch(Batch):
    """Withdraws what ACLED deleted."""

    def __init__(self, writer: Writer) -> None:
        self._releases = Releases(writer, DATA_SET)

    def prefetch(self, drafts: Sequence[DeletedDraft]) -> None:
        """Looks up existing incidents."""
        self._releases.prefetch(draft.event for draft in drafts)

    def record(self, draft: DeletedDraft) -> tuple[Outcome, str]:
        """Withdraws an incident of ACLED; retracts ACLED's figures in an incident that others recorded."""
        return self._releases.take_back(draft.event, acled.incident_id(draft.event), draft.deleted_on)


class AcledImport(Importer):
    """One file. Each row has the time of its last change, which is when its figure was reported.

    A missing event has no meaning, since ACLED lists what it deletes.
    """

    def __init__(self, release: Release) -> None:
        self._released_on, self._dates = release.released_on, release.dates
        suffix = release.slug or release.released_on
        named = release.name or (f"as of {release.released_on}" if release.released_on else None)
        self._source = SourceDraft(
            id=f"acled-{suffix}" if suffix else "acled",
            title="ACLED, export of events" + (f", {named}" if named else ""),
            publisher="Armed Conflict Location & Event Data",
            published_on=release.released_on,
            language="en",
            attribution="ACLED, acleddata.com",
        )
        self._deleting = False
        self._actor_rows: ActorRows | None = None

    def begin(self, writer: Writer) -> Batch:
        """The recorder of one batch of the file."""
        return DeletingBatch(writer) if self._deleting else ListingBatch(writer, DATA_SET, self._source)

    def fits(self, columns: Sequence[str]) -> bool:
        """Whether these are columns of an export, or of the list of deleted events."""
        return {*acled.REQUIRED} <= {*columns} or {*acled.DELETED} <= {*columns}

    def survey(self, table: InputTable) -> Mapping[str, DayOrder | None]:
        """Reads the whole file. Raises `InvalidInput` if it is neither an export nor the list of deleted events."""
        self._deleting = {*acled.DELETED} <= {*table.columns} and "event_date" not in table.columns
        if not self._deleting:
            expect_columns(table, acled.REQUIRED, "an ACLED export", _HINT)
            if self._released_on is None and "timestamp" not in table.columns:
                why = "required: the file has no column timestamp; pass the date on which its figures were published"
                raise InvalidInput([FieldError("released_on", why)])
        days = DaySurvey(acled.DAYS, self._dates)
        rows = days.watch(table.rows)
        if "actor2" not in table.columns and not self._deleting:
            self._actor_rows = ActorRows()
            rows = self._actor_rows.watch(rows)
        for _ in rows:
            pass
        return days.orders(table)

    def items(self, table: InputTable) -> Iterator[Item]:
        """The rows of a file."""
        if self._deleting:
            return items_of(table, DeletedDraft, self._read_deleted)
        if self._actor_rows:
            table = replace(table, rows=self._actor_rows.merge(table.rows))
        return items_of(table, ListedDraft, self._read)

    def _read(self, cells: Cells) -> dict[str, Any]:
        incident, figure = acled.read(cells)
        changed = acled.reported_on(cells, incident) or self._released_on
        if changed is None:
            raise ValueError("timestamp: is empty")
        return listed_event(DATA_SET, self._source, incident, figure, changed, cells)

    def _read_deleted(self, cells: Cells) -> dict[str, Any]:
        return {"event": acled.event_of(cells), "deleted_on": acled.changed_at(cells, "deleted_timestamp")}
