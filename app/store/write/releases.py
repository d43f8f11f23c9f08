"""Releases of a data set, in whatever order they are loaded.

A figure is recorded where it differs from that of the previous release; a record gets a version where a release changes
it. Every incident that a release lists is noted (`listing`). From these notes follow the figures that a release repeats
once an earlier one is loaded after it, and the incidents that a release no longer lists.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson

from app.domain.dates import FOREVER, Instant, moment_text, parse_moment
from app.domain.incident import MERGED, IncidentDraft, IncidentFields
from app.domain.json_text import json_of
from app.domain.source import ReporterDraft, SourceDraft
from app.domain.toll import TollReportDraft
from app.domain.vocabulary import Bound, Measure, Victims
from app.errors import Conflict
from app.store.tables import (
    Incident,
    IncidentVersion,
    Reporter,
    Source,
    TollReport,
    Withdrawal,
)
from app.store.write import release_queries
from app.store.write.release_notes import ReleaseNotes
from app.store.write.writer import Outcome, Writer


@dataclass(frozen=True, slots=True)
class DataSet:
    """The name of its ids in `external_ids`, its reporter, and the ids of its figures."""

    scheme: str
    reporter: ReporterDraft
    report_id: Callable[[str, str, Instant], str]
    """The id of a figure, from the event's id, the id of the source, and the reported time."""


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """An event of a release: the incident with at most one death toll, the source and the time of the release."""

    incident: IncidentDraft
    source: SourceDraft
    listed_on: str
    days: tuple[date, date] | None = None
    """The first and last day that the release covers around this event. `None`: an event it omits is not dropped."""


@dataclass(frozen=True, slots=True)
class _EarlierFigure:
    """A figure of the data set that is recorded already."""

    id: str
    at: Instant
    figure: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Listing:
    """A release that lists an incident: its time, and the id of its source."""

    at: Instant
    source: str


@dataclass(frozen=True, slots=True)
class _Past:
    """The figures of an incident from this data set, and the releases that list it, oldest first."""

    figures: list[_EarlierFigure]
    listings: list[_Listing]


class Releases:
    """Records the events of a release in one write transaction."""

    def __init__(self, writer: Writer, data_set: DataSet) -> None:
        self._writer, self._data_set = writer, data_set
        self._rows, self._transaction = writer.appender, writer.appender.transaction
        self._by_event: dict[str, str | None] = {}
        self._notes = ReleaseNotes(writer.appender)

    def prefetch(self, events: Iterable[str]) -> None:
        """Reads the incidents that have the ids of these events."""
        wanted = list(events)
        self._by_event = dict.fromkeys(wanted)
        if wanted:
            values = {"ids": json_of(wanted), "scheme": self._data_set.scheme}
            self._by_event.update(self._transaction.rows(release_queries.INCIDENTS_OF_EVENTS, values))

    def record(self, row: ReleaseRow) -> tuple[Outcome, str]:
        """Records an event. Returns the id of its incident too. Raises as a `Writer` does."""
        draft = row.incident
        incident_id = self._incident_of(draft.external_ids[self._data_set.scheme], draft.id or "")
        if incident_id is None:
            outcome, incident_id = self._writer.record_incident(draft)
        else:
            revised = self._revise(incident_id, row)
            outcome = Outcome.REVISED if revised else Outcome.UNCHANGED
        listing = {
            "incident": int(self._rows.get(Incident, incident_id)["key"]),
            "reporter": self._reporter_key(),
            "listed_at": parse_moment(row.listed_on).instant,
            "source": int(self._rows.get(Source, row.source.id or "")["key"]),
        }
        self._notes.note_listing(listing, new=outcome is Outcome.CREATED)
        if row.days is not None:
            self._notes.note_days(listing, draft.country, *row.days)
        return outcome, incident_id

    def take_back(self, event: str, own_id: str, on: str | None) -> tuple[Outcome, str]:
        """An event that the data set deleted: its incident is withdrawn.

        Where the incident is not the data set's own, the figures of the data set are retracted instead.
        """
        reason = f"deleted by {self._data_set.reporter.name}" + (f" on {on}" if on else "")
        incident_id = self._incident_of(event, own_id)
        own = self._rows.find(Incident, incident_id or "")
        if incident_id is None or own is None or self._rows.find(Withdrawal, own["key"]):
            return Outcome.UNCHANGED, incident_id or own_id
        if incident_id == own_id:
            self._writer.withdraw_incident(incident_id, reason)
            return Outcome.WITHDRAWN, incident_id
        standing = [figure.id for figure in self._past(incident_id, own["key"]).figures]
        for report_id in standing:
            self._writer.retract_report(report_id, reason, on)
        return Outcome.REVISED if standing else Outcome.UNCHANGED, incident_id

    def _incident_of(self, event: str, own_id: str) -> str | None:
        """The incident of an event: its own, the one that it was merged into, or one that has the event's id."""
        own = self._rows.find(Incident, own_id)
        if own is None:
            return self._by_event.get(event)
        incident_id = str(own["id"])
        seen = {incident_id}
        while (withdrawn := self._rows.find(Withdrawal, own["key"])) and (into := withdrawn["merged_into"]):
            own = self._rows.get(Incident, into)
            incident_id = into
            if into in seen:
                break
            seen.add(into)
        return incident_id

    def _revise(self, incident_id: str, row: ReleaseRow) -> bool:
        key = int(self._rows.get(Incident, incident_id)["key"])
        if self._rows.find(Withdrawal, key):
            raise Conflict(f'"{incident_id}" is withdrawn')
        past, at = self._past(incident_id, key), parse_moment(row.listed_on).instant
        event = row.incident.external_ids[self._data_set.scheme]
        revised = False
        if all(listing.at <= at for listing in past.listings):
            changes = self._changes(incident_id, key, row.incident)
            revised = bool(changes) and self._writer.revise_incident(incident_id, changes) is Outcome.CREATED
        for report in row.incident.toll_reports:
            revised = self._add_figure(incident_id, event, report, at, past) or revised
        return revised

    def _add_figure(self, incident_id: str, event: str, report: TollReportDraft, at: Instant, past: _Past) -> bool:
        """Records a figure that differs from the previous release. Repeats the latter for the following release."""
        if known := self._rows.find(TollReport, report.id or ""):
            record = orjson.loads(known["record"])
            if record["incidents"] != [incident_id]:  # recorded before the incident was merged
                return False
            if _figure(record, [known[n] for n in ("low", "best", "high")]) == _figure(
                report.model_dump(mode="json"), report.numbers
            ):
                return False  # the same figure at the same instant, whatever the form of its time and its note
            return self._writer.record_report(report, [incident_id])[0] is Outcome.CREATED
        before = next((earlier for earlier in reversed(past.figures) if earlier.at <= at), None)
        figure = _figure(report.model_dump(mode="json"), report.numbers)
        if before is not None and before.figure == figure:
            return False
        self._writer.record_report(report, [incident_id])
        following = next((later.at for later in past.figures if later.at > at), FOREVER)
        repeating = next((listing for listing in past.listings if at < listing.at < following), None)
        if before is not None and repeating is not None:
            self._repeat(incident_id, event, before.figure, repeating)
        return True

    def _repeat(self, incident_id: str, event: str, figure: tuple[Any, ...], listing: _Listing) -> None:
        """Records the figure that a release repeats from an earlier one, once another release lies between them."""
        low, best, high, breakdown = figure
        exact = low == best == high
        draft = {
            "id": self._data_set.report_id(event, listing.source, listing.at),
            "measure": Measure.KILLED,
            "victims": Victims.ALL,
            "bound": Bound.EXACT if exact else Bound.RANGE,
            "best": best,
            "breakdown": breakdown and orjson.loads(breakdown),
            "reported_by": {"id": self._data_set.reporter.id},
            "reported_on": moment_text(listing.at),
            "source": {"id": listing.source},
        }
        draft |= {} if exact else {"low": low, "high": high}
        self._writer.record_report(TollReportDraft.model_validate(draft), [incident_id])

    def _changes(self, incident_id: str, key: int, draft: IncidentDraft) -> dict[str, Any]:
        """The members of an incident that this release changes against the previous release.

        Changes by others stay. The incident of another data set keeps its record and gets only new columns.
        """
        current = orjson.loads(self._rows.get(IncidentVersion, key)["record"])
        listed = draft.model_dump(mode="json", include=set(IncidentFields.model_fields))
        if incident_id != draft.id:
            new = {k: v for k, v in listed["attributes"].items() if k not in current["attributes"]}
            return {"attributes": new} if new else {}
        base = self._base(key) or current
        changes = {name: value for name, value in listed.items() if name not in MERGED and base[name] != value}
        for name in MERGED:
            ours, theirs = base[name], listed[name]
            members = {k: theirs.get(k) for k in {*theirs, *ours} if theirs.get(k) != ours.get(k)}
            if members:
                changes[name] = members
        return changes

    def _base(self, key: int) -> dict[str, Any] | None:
        """The record after the previous release: the newest version that was recorded together with a listing."""
        row = self._transaction.first(release_queries.BASE, {"incident": key, "reporter": self._reporter_key()})
        found: dict[str, Any] | None = orjson.loads(row[0]) if row else None
        return found

    def _past(self, incident_id: str, key: int) -> _Past:
        rows, values = self._transaction.rows, {"incident": key, "reporter": self._reporter_key()}
        members = {"members": orjson.dumps([incident_id]).decode()}
        return _Past(
            [
                _EarlierFigure(report_id, at, _figure(orjson.loads(record), numbers))
                for report_id, at, record, *numbers in rows(release_queries.FIGURES, values | members)
            ],
            [_Listing(*row) for row in rows(release_queries.LISTINGS, values)],
        )

    def _reporter_key(self) -> int:
        return int(self._rows.get(Reporter, self._data_set.reporter.id or "")["key"])


def _figure(record: Mapping[str, Any], numbers: Sequence[int | None]) -> tuple[Any, ...]:
    breakdown = record["breakdown"]
    return (*numbers, orjson.dumps(breakdown, option=orjson.OPT_SORT_KEYS).decode() if breakdown else None)
