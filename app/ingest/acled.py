"""ACLED's export of events, and its list of deleted ones."""

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
from app.ingest.data_sets import ListedDraft, ListingBatch, Release, expect_columns, items_of, listed
from app.ingest.files import Table
from app.ingest.pipeline import Batch, Item, Summary
from app.ingest.survey import DaySurvey
from app.store.db.database import Database
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
    ". Without event_id_cnty an event cannot be found again when the file is imported once more: export it with all "
    "columns, or bring it into the plain layout (format csv) with ids of your own"
)


class DeletedDraft(Record):
    """An event that ACLED took back."""

    event: str
    deleted_on: MomentText | None


class DeletingBatch:
    """Takes back what ACLED deleted."""

    def __init__(self, writer: Writer) -> None:
        self._releases = Releases(writer, DATA_SET)

    def prefetch(self, drafts: Sequence[DeletedDraft]) -> None:
        """Reads the incidents that exist."""
        self._releases.prefetch(draft.event for draft in drafts)

    def record(self, draft: DeletedDraft) -> tuple[Outcome, str]:
        """An incident of ACLED's is withdrawn; of one that others recorded, ACLED's figures are retracted."""
        return self._releases.take_back(draft.event, acled.incident_id(draft.event), draft.deleted_on)

    def finish(self) -> None:
        """Nothing."""


class AcledImport:
    """One file. Each row says by itself when it was last changed, which is when its figure was said."""

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
        """What records a batch of the file."""
        return DeletingBatch(writer) if self._deleting else ListingBatch(writer, DATA_SET, self._source)

    def fits(self, columns: Sequence[str]) -> bool:
        """Whether these are columns of an export, or of the list of deletions."""
        return {*acled.NEEDED} <= {*columns} or {*acled.DELETED} <= {*columns}

    def survey(self, table: Table) -> Mapping[str, DayOrder | None]:
        """Reads a file whole. Raises `InvalidInput` where it is neither export nor list of deletions."""
        self._deleting = {*acled.DELETED} <= {*table.columns} and "event_date" not in table.columns
        if not self._deleting:
            expect_columns(table, acled.NEEDED, "export of ACLED", _HINT)
            if self._released_on is None and "timestamp" not in table.columns:
                why = "is missing: the file has no column timestamp, so say on which day its figures came out"
                raise InvalidInput([FieldError("released_on", why)])
        days = DaySurvey(acled.DAYS, self._dates)
        rows = days.watched(table.rows)
        if "actor2" not in table.columns and not self._deleting:
            self._actor_rows = ActorRows()
            rows = self._actor_rows.watched(rows)
        for _ in rows:
            pass
        return days.settled(table)

    def items(self, table: Table) -> Iterator[Item]:
        """The rows of a file."""
        if self._deleting:
            return items_of(table, DeletedDraft, self._read_deleted)
        if self._actor_rows:
            table = replace(table, rows=self._actor_rows.merged(table.rows))
        return items_of(table, ListedDraft, self._read)

    def _read(self, cells: Cells) -> dict[str, Any]:
        incident, figure = acled.read(cells)
        changed = acled.said_on(cells, incident) or self._released_on
        if changed is None:
            raise ValueError("timestamp: is empty")
        return listed(DATA_SET, self._source, incident, figure, changed, cells)

    def _read_deleted(self, cells: Cells) -> dict[str, Any]:
        return {"event": acled.event_of(cells), "deleted_on": acled.changed_at(cells, "deleted_timestamp")}

    def read_again(self) -> bool:
        """Never: rows do not name each other."""
        return False

    def finish(self, database: Database, summary: Summary) -> None:
        """No more: what is missing from an export says nothing, since ACLED tells what it deletes."""
