"""What the releases of a data set say of incidents, one release after the other, in whatever order they are loaded.

A figure is recorded where it differs from what the release before it said; a record gets a version where a release says
of it something else than the one before. That a release lists an incident is noted in any case (`listing`): it tells
which figure a release repeats once an earlier one is loaded after it, and what is missing from a release.
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
    Listing,
    ReleaseSpan,
    Reporter,
    Source,
    TollReport,
    Withdrawal,
    table_of,
)
from app.store.write import release_queries
from app.store.write.writer import Outcome, Writer


@dataclass(frozen=True, slots=True)
class DataSet:
    """The name of its ids among `external_ids`, who releases it, and how a figure is called."""

    scheme: str
    reporter: ReporterDraft
    report_id: Callable[[str, str, Instant], str]
    """The id of a figure: of the event's id, the id of the source, and the time at which it was said."""


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """An event as a release lists it: the incident, with one figure of killed or none, the release and its time."""

    incident: IncidentDraft
    source: SourceDraft
    listed_on: str
    days: tuple[date, date] | None = None
    """The first and last day that a release speaks of where it lists this event. `None`: its silence says nothing."""


@dataclass(frozen=True, slots=True)
class _EarlierFigure:
    """A figure that the data set gave before."""

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
    """What is known of an incident from this data set: its figures, and the releases that list it, oldest first."""

    figures: list[_EarlierFigure]
    listings: list[_Listing]


class Releases:
    """Records what a release lists, in one write transaction."""

    def __init__(self, writer: Writer, data_set: DataSet) -> None:
        self._writer, self._data_set = writer, data_set
        self._bearing: dict[str, str | None] = {}
        self._listed: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._spans: dict[tuple[int, str], ReleaseSpan] = {}

    def foresee(self, events: Iterable[str]) -> None:
        """Looks up at once which incidents bear the ids of these events."""
        wanted = list(events)
        self._bearing = dict.fromkeys(wanted)
        if wanted:
            values = {"ids": json_of(wanted), "scheme": self._data_set.scheme}
            for external_id, incident_id in self._writer.transaction.rows(release_queries.BEARING, values):
                self._bearing[external_id] = incident_id

    def record(self, told: ReleaseRow) -> tuple[Outcome, str]:
        """Records an event. Returns the id of its incident too. Raises as a `Writer` does."""
        draft = told.incident
        incident_id = self._incident_of(draft.external_ids[self._data_set.scheme], draft.id or "")
        if incident_id is None:
            outcome, incident_id = self._writer.record_incident(draft)
        else:
            revised = self._revise(incident_id, told)
            outcome = Outcome.REVISED if revised else Outcome.UNCHANGED
        self._note(incident_id, told, new=outcome is Outcome.CREATED)
        return outcome, incident_id

    def finish(self) -> None:
        """Notes what is listed, after the incidents themselves were written."""
        transaction = self._writer.transaction
        transaction.insert(table_of(Listing), list(self._listed.values()))
        wider = [span.model_dump() for span in self._spans.values() if self._is_wider(span)]
        transaction.insert(table_of(ReleaseSpan), wider)
        if self._listed or wider:
            self._writer.mark()

    def take_back(self, event: str, own_id: str, on: str | None) -> tuple[Outcome, str]:
        """An event that the data set deleted: its incident is withdrawn.

        Of an incident that is not the data set's own, its figures are retracted.
        """
        reason = f"deleted by {self._data_set.reporter.name}" + (f" on {on}" if on else "")
        incident_id = self._incident_of(event, own_id)
        own = self._writer.find(Incident, incident_id or "")
        if incident_id is None or own is None or self._writer.find(Withdrawal, own["key"]):
            return Outcome.UNCHANGED, incident_id or own_id
        if incident_id == own_id:
            self._writer.withdraw_incident(incident_id, reason)
            return Outcome.WITHDRAWN, incident_id
        standing = [told.id for told in self._past(incident_id, own["key"]).figures]
        for report_id in standing:
            self._writer.retract_report(report_id, reason, on)
        return Outcome.REVISED if standing else Outcome.UNCHANGED, incident_id

    def _incident_of(self, event: str, own_id: str) -> str | None:
        """The incident that an event is of: its own, the one that it was merged into, or one that bears its id."""
        own = self._writer.find(Incident, own_id)
        if own is None:
            return self._bearing.get(event)
        incident_id = str(own["id"])
        seen = {incident_id}
        while (withdrawn := self._writer.find(Withdrawal, own["key"])) and (into := withdrawn["merged_into"]):
            own = self._writer.find(Incident, into)
            assert own is not None, "what is merged is merged into an incident that is there"
            incident_id = into
            if into in seen:
                break
            seen.add(into)
        return incident_id

    def _revise(self, incident_id: str, told: ReleaseRow) -> bool:
        key = int(self._there(Incident, incident_id)["key"])
        if self._writer.find(Withdrawal, key):
            raise Conflict(f'"{incident_id}" is withdrawn')
        past, at = self._past(incident_id, key), parse_moment(told.listed_on).instant
        event = told.incident.external_ids[self._data_set.scheme]
        revised = False
        if all(listing.at <= at for listing in past.listings):
            changes = self._changes(incident_id, key, told.incident)
            revised = bool(changes) and self._writer.revise_incident(incident_id, changes) is Outcome.CREATED
        for report in told.incident.toll_reports:
            revised = self._add_figure(incident_id, event, report, at, past) or revised
        return revised

    def _add_figure(self, incident_id: str, event: str, report: TollReportDraft, at: Instant, past: _Past) -> bool:
        """Records a figure where the release before says another, and repeats that one where a later release did."""
        if known := self._writer.find(TollReport, report.id or ""):
            record = orjson.loads(known["record"])
            if record["incidents"] != [incident_id]:  # told before the incident was merged
                return False
            if _figure(record, [known[n] for n in ("low", "best", "high")]) == _figure(
                report.model_dump(mode="json"), report.numbers
            ):
                return False  # the same figure of the same instant, however its time and note are written
            return self._writer.record_report(report, [incident_id])[0] is Outcome.CREATED
        before = next((told for told in reversed(past.figures) if told.at <= at), None)
        figure = _figure(report.model_dump(mode="json"), report.numbers)
        if before is not None and before.figure == figure:
            return False
        self._writer.record_report(report, [incident_id])
        following = next((told.at for told in past.figures if told.at > at), FOREVER)
        repeating = next((listing for listing in past.listings if at < listing.at < following), None)
        if before is not None and repeating is not None:
            self._repeat(incident_id, event, before.figure, repeating)
        return True

    def _repeat(self, incident_id: str, event: str, figure: tuple[Any, ...], listing: _Listing) -> None:
        """What a release says that repeats the one before it, which another release now comes between."""
        low, best, high, breakdown = figure
        exact = low == best == high
        told = {
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
        told |= {} if exact else {"low": low, "high": high}
        self._writer.record_report(TollReportDraft.model_validate(told), [incident_id])

    def _changes(self, incident_id: str, key: int, draft: IncidentDraft) -> dict[str, Any]:
        """What this release says of an incident that the release before did not.

        What others changed since stays. An incident that is not of this data set keeps its record; columns that it
        does not have yet are added.
        """
        current = orjson.loads(self._writer.gathered.newest_version(key)["record"])
        told = draft.model_dump(mode="json", include=set(IncidentFields.model_fields))
        if incident_id != draft.id:
            new = {k: v for k, v in told["attributes"].items() if k not in current["attributes"]}
            return {"attributes": new} if new else {}
        base = self._base(key) or current
        changes = {name: value for name, value in told.items() if name not in MERGED and base[name] != value}
        for name in MERGED:
            members = {
                k: told[name].get(k) for k in {*told[name], *base[name]} if told[name].get(k) != base[name].get(k)
            }
            if members:
                changes[name] = members
        return changes

    def _base(self, key: int) -> dict[str, Any] | None:
        """The record as the release before left it: the newest version that was recorded together with a listing."""
        row = self._writer.transaction.first(release_queries.BASE, {"incident": key, "reporter": self._reporter_key()})
        found: dict[str, Any] | None = orjson.loads(row[0]) if row else None
        return found

    def _past(self, incident_id: str, key: int) -> _Past:
        rows, values = self._writer.transaction.rows, {"incident": key, "reporter": self._reporter_key()}
        members = {"members": orjson.dumps([incident_id]).decode()}
        return _Past(
            [
                _EarlierFigure(report_id, at, _figure(orjson.loads(record), told))
                for report_id, at, record, *told in rows(release_queries.FIGURES, values | members)
            ],
            [_Listing(*row) for row in rows(release_queries.LISTINGS, values)],
        )

    def _note(self, incident_id: str, told: ReleaseRow, *, new: bool) -> None:
        source = int(self._there(Source, told.source.id)["key"])
        self._note_span(source, told)
        row = {
            "incident": self._there(Incident, incident_id)["key"],
            "reporter": self._reporter_key(),
            "listed_at": parse_moment(told.listed_on).instant,
            "source": source,
        }
        if new or not self._writer.transaction.first(release_queries.IS_LISTED, row):
            self._listed.setdefault(tuple(row.values()), row | {"recorded_at": self._writer.now})

    def _note_span(self, source: int, told: ReleaseRow) -> None:
        """Widens what a release speaks of by an event that it lists."""
        if told.days is None:
            return
        first, last = (day.toordinal() for day in told.days)
        span = self._spans.get((source, told.incident.country))
        if span is None:
            self._spans[source, told.incident.country] = ReleaseSpan(
                source=source,
                country=told.incident.country,
                recorded_at=self._writer.now,
                reporter=self._reporter_key(),
                listed_at=parse_moment(told.listed_on).instant,
                first_day=first,
                last_day=last,
            )
        else:
            span.first_day, span.last_day = min(span.first_day, first), max(span.last_day, last)

    def _is_wider(self, span: ReleaseSpan) -> bool:
        values = {"source": span.source, "country": span.country}
        first, last = self._writer.transaction.first(release_queries.SPAN, values) or (None, None)
        return first is None or span.first_day < first or span.last_day > last

    def _reporter_key(self) -> int:
        return int(self._there(Reporter, self._data_set.reporter.id)["key"])

    def _there(self, model: Any, natural: str | None) -> dict[str, Any]:
        found = self._writer.find(model, natural or "")
        assert found is not None, f"{natural} is recorded"
        return found


def _figure(record: Mapping[str, Any], numbers: Sequence[int | None]) -> tuple[Any, ...]:
    breakdown = record["breakdown"]
    return (*numbers, orjson.dumps(breakdown, option=orjson.OPT_SORT_KEYS).decode() if breakdown else None)
