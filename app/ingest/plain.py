"""Our own plain layout: incidents with their toll reports, or toll reports by themselves.

A report may name incidents, or a report, that stand further below in the file: it is recorded when the file is read
again, as often as that brings something.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import orjson
from pydantic import Field

from app.domain.columns import COLUMNS
from app.domain.countries import countries
from app.domain.incident import MERGED, IncidentDraft, IncidentFields
from app.domain.source import Id, MomentText, Record, SentSource, SourceDraft, Text
from app.domain.text import fold, nearest
from app.domain.toll import TollReportDraft
from app.domain.written_days import DayOrder
from app.errors import AppError, Conflict, FieldError, InvalidInput, echo
from app.formats.layouts import plain
from app.ingest.data_sets import Release, expect_columns, item_of
from app.ingest.files import Table
from app.ingest.pipeline import Item, Summary
from app.ingest.rows import Row
from app.ingest.survey import DaySurvey
from app.store.db.database import Database
from app.store.tables import Incident, IncidentVersion, Retraction, TollReport
from app.store.write.confidential_duplicates import NEEDS_ID
from app.store.write.writer import Outcome, Writer

LONGEST_ISO = 3
"""Letters of a country's code in ISO 3166-1."""
MOST_IN_A_ROW = 10_000
"""Reports and sources that a row may tell of."""


class Retracted(Record):
    """That a report was taken back."""

    reason: Text
    reported_on: MomentText | None = None


class PlainReport(TollReportDraft):
    """A toll report, and its retraction where it was taken back."""

    retraction: Retracted | None = None
    made_id: bool = Field(False, exclude=True)
    """Whether the id was made of what the row says, which has none."""


class PlainIncident(IncidentDraft):
    """An incident with all its reports, which may be more than one body of a request has."""

    id: Id
    sources: list[SentSource] = Field(default_factory=list, max_length=MOST_IN_A_ROW)
    toll_reports: list[PlainReport] = Field(default_factory=list, max_length=MOST_IN_A_ROW)  # type: ignore[assignment]


class PlainBatch:
    """Records incidents and reports; a record that is there and says something else gets a version."""

    def __init__(self, writer: Writer, reading: "PlainImport") -> None:
        self._writer, self._reading = writer, reading
        self._created = 0
        self._waiting: list[str] = []

    def prefetch(self, drafts: Sequence[PlainIncident | PlainReport]) -> None:
        """Reads what recording these will look up."""
        self._writer.prefetch(drafts)

    def record(self, draft: PlainIncident | PlainReport) -> tuple[Outcome, str]:
        """A row. `DEFERRED` where it is counted when the file is read again, or was counted before."""
        created, waiting = self._created, len(self._waiting)
        try:
            return self._row(draft)
        except AppError:  # nothing of the row is kept
            self._created = created
            del self._waiting[waiting:]
            raise

    def finish(self) -> None:
        """Tells what was recorded, and what waits: now that it was written, since it may be refused until then."""
        self._reading.note(self._created, self._waiting)

    def _row(self, draft: PlainIncident | PlainReport) -> tuple[Outcome, str]:
        if isinstance(draft, PlainReport):
            return self._report(draft, [], draft.id or "")
        draft = self._with_source_ids(draft)
        outcome = Outcome.DEFERRED if self._reading.again else self._incident(draft)
        made = {self._report(report, [draft.id], draft.id)[0] for report in draft.toll_reports}
        added = outcome is Outcome.UNCHANGED and Outcome.CREATED in made
        return Outcome.REVISED if added else outcome, draft.id

    def _incident(self, draft: PlainIncident) -> Outcome:
        known = self._writer.appender.find(Incident, draft.id)
        if known is None:
            alone = draft.model_copy(update={"toll_reports": [], "sources": _own_sources(draft)})
            return self._writer.record_incident(alone)[0]
        newest = self._writer.appender.get(IncidentVersion, known["key"])
        changes = _changes(draft, orjson.loads(newest["record"]), orjson.loads(newest["sources"]))
        changed = changes and self._writer.revise_incident(draft.id, changes) is Outcome.CREATED
        return Outcome.REVISED if changed else Outcome.UNCHANGED

    def _with_source_ids(self, draft: PlainIncident) -> PlainIncident:
        """The same, where a confidential source has no id: with the id that it has, or gets, in the database."""
        if not any(map(_needs_id, [*draft.sources, *(report.source for report in draft.toll_reports)])):
            return draft
        if any(map(_needs_id, draft.sources)) and not self._writer.can_read_confidential:
            raise InvalidInput([FieldError("sources.id", NEEDS_ID, where="body")])
        sources = [self._with_id(source) for source in draft.sources]
        reports = [r.model_copy(update={"source": self._with_id(r.source)}) for r in draft.toll_reports]
        return draft.model_copy(update={"sources": sources, "toll_reports": reports})

    def _with_id(self, source: Any) -> Any:
        return self._writer.with_id(source) if _needs_id(source) else source

    def _report(self, report: PlainReport, about: list[str], row: str) -> tuple[Outcome, str]:
        find = self._writer.appender.find
        named = [find(Incident, incident_id) for incident_id in report.incidents or ()]
        named += [find(TollReport, report.supersedes)] if report.supersedes else []
        if None in named and not self._reading.last:
            self._waiting.append(row)
            return Outcome.DEFERRED, row
        outcome, report_id = self._writer.record_report(report, about, made_id=report.made_id)
        if report.retraction and self._retract(report_id, report.retraction):
            outcome = Outcome.CREATED
        self._created += outcome is Outcome.CREATED
        return outcome, report_id

    def _retract(self, report_id: str, told: Retracted) -> bool:
        report = self._writer.appender.find(TollReport, report_id)
        assert report is not None, "it was recorded just now, or before"
        known = self._writer.appender.find(Retraction, report["key"])
        if known is None:
            self._writer.retract_report(report_id, told.reason, told.reported_on)
        elif (known["reason"], known["reported_on"]) != (told.reason, told.reported_on):
            raise Conflict(f'"{report_id}" is retracted already, for another reason or from another time on')
        return known is None


def _changes(draft: PlainIncident, record: Mapping[str, Any], sources: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a row says that a record does not, as a change of it. Columns that the table has not are left alone."""
    given = draft.model_fields_set & set(IncidentFields.model_fields)
    told = draft.model_dump(mode="json", include=set(given))
    changes = {name: value for name, value in told.items() if record[name] != value}
    for name in MERGED:
        if name in changes:
            changes[name] = dict.fromkeys(record[name]) | told[name]
    if "sources" in draft.model_fields_set:
        own, listed, told_by_reports = {s["id"] for s in sources}, set(_ids(draft.sources)), set(_report_sources(draft))
        if not own <= listed <= own | told_by_reports:
            changes["sources"] = [source.model_dump(mode="json") for source in _own_sources(draft)]
    return changes


def _own_sources(draft: PlainIncident) -> list[Any]:
    """The sources that are the incident's own.

    Those of its reports follow them in the list, as far as they are not among them: the list is as it is answered.
    """
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


class PlainImport:
    """One file, which is read again as long as reports wait for what they name."""

    def __init__(self, release: Release) -> None:
        self._dates = release.dates
        self._named = False
        """Whether some country of the file is given by its name, so that `NA` stands for none."""
        self._created = 0
        self.again, self.last = False, False
        self._waiting: set[str] = set()
        self._waited: set[str] = set()

    def begin(self, writer: Writer) -> PlainBatch:
        """What records a batch of the file."""
        return PlainBatch(writer, self)

    def note(self, created: int, waiting: Iterable[str]) -> None:
        """How many reports a batch recorded, and the ids of its rows with a report that names what is not there yet."""
        self._created += created
        self._waiting.update(waiting)

    def fits(self, columns: Sequence[str]) -> bool:
        """Whether these are columns of incidents, or of toll reports."""
        return {*plain.NEEDED} <= {*columns} or {*plain.NEEDED_OF_REPORTS} <= {*columns}

    def survey(self, table: Table) -> Mapping[str, DayOrder | None]:
        """Reads a file whole. Raises `InvalidInput` where it is neither of incidents nor of toll reports."""
        reports = _of_reports(table)
        needed = plain.NEEDED_OF_REPORTS if reports else plain.NEEDED
        expect_columns(table, needed, "table of toll reports" if reports else "table of incidents")
        known = {*plain.REPORT_COLUMNS} if reports else {*COLUMNS}
        if strange := [name for name in table.columns if name and name not in known]:
            why = f"has the column {echo(strange[0])}, which this layout has not{_hint(strange[0], known)}"
            raise InvalidInput([FieldError("file", why, table.name, "body")])
        days = DaySurvey(plain.DAYS, self._dates)
        for row in days.watched(table.rows):
            country = row.cells.get("country", "").strip()
            self._named = self._named or (len(country) > LONGEST_ISO and country.upper() not in countries())
        return days.settled(table)

    def items(self, table: Table) -> Iterator[Item]:
        """The rows of a file; when it is read again, those alone that had to wait."""
        self._created = 0
        self._waited, self._waiting = self._waiting, set()
        if _of_reports(table):
            items = (item_of(table, _unescaped(row), PlainReport, plain.read_report) for row in table.rows)
        else:
            read = partial(plain.read_incident, countries_are_named=self._named)
            items = (item_of(table, _unescaped(row), PlainIncident, read) for row in table.rows)
        return filter(None, map(self._waited_for, items)) if self.again else items

    def _waited_for(self, item: Item) -> Item | None:
        """An item that waits, with those of its reports alone that name others: the rest is recorded already."""
        if item.fault is not None or item.data["id"] not in self._waited:
            return None
        if item.kind is PlainReport:
            return item
        reports = [
            r for r in item.data["toll_reports"] if isinstance(r, dict) and (r.get("incidents") or r.get("supersedes"))
        ]
        return replace(item, data=item.data | {"toll_reports": reports})

    def read_again(self) -> bool:
        """Whether the file has to be read again; at the last time what still waits is refused."""
        if not self._waiting or self.last:
            return False
        self.last = self.again and not self._created
        self.again = True
        return True

    def finish(self, database: Database, summary: Summary) -> None:
        """Nothing."""


def _of_reports(table: Table) -> bool:
    return "measure" in table.columns


_FIGURE_WORDS = frozenset(
    "killed dead deaths fatalities wounded injured missing captured survived survivors toll".split()
)


def _hint(column: str, known: Iterable[str]) -> str:
    """What somebody who wrote a column that is not ours may have wanted."""
    if _FIGURE_WORDS & {*fold(column).split()}:
        return f". {plain.WHERE_FIGURES_GO}"
    like = nearest(column, known)
    return f"; did you mean {like}?" if like else ""


def _unescaped(row: Row) -> Row:
    """A row without the marks that keep spreadsheets from taking text for a formula, and without words for nothing.

    `NA` in the column of countries stays: it is Namibia.
    """
    cells = {name: cell if name == "country" else plain.read_cell(cell) for name, cell in row.cells.items()}
    return replace(row, cells=cells)
