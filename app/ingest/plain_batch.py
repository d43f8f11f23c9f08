"""Records the rows of the plain layout: incidents with their toll reports, or toll reports alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import Field

from app.domain.incident import MERGED, IncidentDraft, IncidentFields
from app.domain.source import Id, MomentText, Record, SentSource, SourceDraft, Text
from app.domain.toll import TollReportDraft
from app.errors import AppError, Conflict, FieldError, InvalidInput
from app.ingest.pipeline import Batch
from app.store.tables import Incident, IncidentVersion, Retraction, TollReport
from app.store.write.confidential_duplicates import NEEDS_ID
from app.store.write.writer import Outcome, Writer

MAX_IN_ROW = 10_000
"""Reports and sources that one row may have."""


class RetractionDraft(Record):
    """The retraction of a report."""

    reason: Text
    reported_on: MomentText | None = None


class PlainReport(TollReportDraft):
    """A toll report, with its retraction if it has one."""

    retraction: RetractionDraft | None = None
    made_id: bool = Field(False, exclude=True)
    """Whether the id is a hash of the row, which has no id."""


class PlainIncident(IncidentDraft):
    """An incident with all its reports, which may be more than the body of a request may have."""

    id: Id
    sources: list[SentSource] = Field(default_factory=list, max_length=MAX_IN_ROW)
    toll_reports: list[PlainReport] = Field(default_factory=list, max_length=MAX_IN_ROW)  # type: ignore[assignment]


@dataclass(slots=True)
class Reading:
    """The state of one reading of a file. A report that names a later row waits for the next reading."""

    again: bool = False
    """Not the first reading."""
    last: bool = False
    """Reports no longer wait, but are refused."""
    created: int = 0
    """Reports recorded in this reading."""
    waiting: set[str] = field(default_factory=set)
    """Ids of rows with a report that waits."""


class PlainBatch(Batch):
    """Records incidents and reports. An existing record that differs gets a new version."""

    def __init__(self, writer: Writer, reading: Reading) -> None:
        self._writer, self._reading = writer, reading
        self._created = 0
        self._waiting: list[str] = []

    def prefetch(self, drafts: Sequence[PlainIncident | PlainReport]) -> None:
        """Looks up at once what recording these rows will need."""
        self._writer.prefetch(drafts)

    def record(self, draft: PlainIncident | PlainReport) -> tuple[Outcome, str]:
        """Records a row. `DEFERRED` if it is counted in another reading of the file."""
        created, waiting = self._created, len(self._waiting)
        try:
            return self._record_row(draft)
        except AppError:  # nothing of the row is kept
            self._created = created
            del self._waiting[waiting:]
            raise

    def finish(self) -> None:
        """Adds the counts to those of the reading: only now the rows are certain to be written."""
        self._reading.created += self._created
        self._reading.waiting.update(self._waiting)

    def _record_row(self, draft: PlainIncident | PlainReport) -> tuple[Outcome, str]:
        if isinstance(draft, PlainReport):
            return self._record_report(draft, [], draft.id or "")
        draft = self._with_source_ids(draft)
        outcome = Outcome.DEFERRED if self._reading.again else self._record_incident(draft)
        outcomes = {self._record_report(report, [draft.id], draft.id)[0] for report in draft.toll_reports}
        is_revised = outcome is Outcome.UNCHANGED and Outcome.CREATED in outcomes
        return Outcome.REVISED if is_revised else outcome, draft.id

    def _record_incident(self, draft: PlainIncident) -> Outcome:
        known = self._writer.appender.find(Incident, draft.id)
        if known is None:
            alone = draft.model_copy(update={"toll_reports": [], "sources": _own_sources(draft)})
            return self._writer.record_incident(alone)[0]
        newest = self._writer.appender.get(IncidentVersion, known["key"])
        changes = _changes(draft, orjson.loads(newest["record"]), orjson.loads(newest["sources"]))
        changed = changes and self._writer.revise_incident(draft.id, changes) is Outcome.CREATED
        return Outcome.REVISED if changed else Outcome.UNCHANGED

    def _with_source_ids(self, draft: PlainIncident) -> PlainIncident:
        """The draft, with ids for confidential sources without one: their ids in the database, or new ones."""
        if not any(map(_needs_id, [*draft.sources, *(report.source for report in draft.toll_reports)])):
            return draft
        if any(map(_needs_id, draft.sources)) and not self._writer.can_read_confidential:
            raise InvalidInput([FieldError("sources.id", NEEDS_ID, where="body")])
        sources = [self._with_id(source) for source in draft.sources]
        reports = [r.model_copy(update={"source": self._with_id(r.source)}) for r in draft.toll_reports]
        return draft.model_copy(update={"sources": sources, "toll_reports": reports})

    def _with_id(self, source: Any) -> Any:
        return self._writer.with_id(source) if _needs_id(source) else source

    def _record_report(self, report: PlainReport, incidents: list[str], row_id: str) -> tuple[Outcome, str]:
        find = self._writer.appender.find
        named = [find(Incident, incident_id) for incident_id in report.incidents or ()]
        named += [find(TollReport, report.supersedes)] if report.supersedes else []
        if None in named and not self._reading.last:
            self._waiting.append(row_id)
            return Outcome.DEFERRED, row_id
        outcome, report_id = self._writer.record_report(report, incidents, made_id=report.made_id)
        if report.retraction and self._retract(report_id, report.retraction):
            outcome = Outcome.CREATED
        self._created += outcome is Outcome.CREATED
        return outcome, report_id

    def _retract(self, report_id: str, draft: RetractionDraft) -> bool:
        """Retracts a report. Returns whether that is new."""
        report = self._writer.appender.find(TollReport, report_id)
        assert report is not None, "it was recorded just now, or before"
        known = self._writer.appender.find(Retraction, report["key"])
        if known is None:
            self._writer.retract_report(report_id, draft.reason, draft.reported_on)
        elif (known["reason"], known["reported_on"]) != (draft.reason, draft.reported_on):
            raise Conflict(f'"{report_id}" is already retracted, with another reason or time')
        return known is None


def _changes(draft: PlainIncident, record: Mapping[str, Any], sources: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The fields of a row that differ from the record. Columns that the table does not have stay as they are."""
    given = draft.model_fields_set & set(IncidentFields.model_fields)
    values = draft.model_dump(mode="json", include=set(given))
    changes = {name: value for name, value in values.items() if record[name] != value}
    for name in MERGED:
        if name in changes:
            changes[name] = dict.fromkeys(record[name]) | values[name]
    if "sources" in draft.model_fields_set:
        own, listed, reported = {s["id"] for s in sources}, set(_ids(draft.sources)), set(_report_sources(draft))
        if not own <= listed <= own | reported:
            changes["sources"] = [source.model_dump(mode="json") for source in _own_sources(draft)]
    return changes


def _own_sources(draft: PlainIncident) -> list[Any]:
    """The sources of the incident itself. In a response, and so in a row, those of its reports follow them."""
    listed, reported = _ids(draft.sources), _report_sources(draft)
    for count in range(len(listed)):
        if listed[count:] == [source for source in reported if source not in listed[:count]]:
            return draft.sources[:count]
    return draft.sources


def _report_sources(draft: PlainIncident) -> list[str]:
    return list(dict.fromkeys(_ids(report.source for report in draft.toll_reports)))


def _needs_id(source: Any) -> bool:
    return isinstance(source, SourceDraft) and source.confidential and not source.id


def _ids(sources: Iterable[Any]) -> list[str]:
    return [source.id or source.with_id().id for source in sources]
