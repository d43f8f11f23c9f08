"""What the releases of a data set say of incidents, one release after the other, in whatever order they are loaded.

A figure is recorded where it differs from what the release before it said; a record gets a version where a release says
of it something else than the one before. That a release lists an incident is noted in any case (`listing`): it tells
which figure a release repeats once an earlier one is loaded after it, and what is missing from a release.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from sqlalchemy import Select, bindparam, exists, literal_column, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.domain.dates import FOREVER, Instant, moment_text, parse_moment
from app.domain.incident import MERGED, IncidentDraft, IncidentFields
from app.domain.source import ReporterDraft, SourceDraft
from app.domain.toll import TollReportDraft
from app.domain.vocabulary import Bound, Measure, Victims
from app.errors import Conflict
from app.store.engine import Database
from app.store.reader import filled_up
from app.store.sqlite import EXPORT_CACHE_KIB, compiled, limited, read_connection
from app.store.tables import (
    Incident,
    IncidentExternalId,
    IncidentSet,
    IncidentVersion,
    Listing,
    Reporter,
    Retraction,
    Segment,
    Source,
    TollReport,
    Withdrawal,
    table_of,
)
from app.store.write import Outcome, Writer


@dataclass(frozen=True, slots=True)
class DataSet:
    """The name of its ids among `external_ids`, who releases it, and how a figure is called."""

    scheme: str
    reporter: ReporterDraft
    report_id: Callable[[str, str, Instant], str]
    """The id of a figure: of the event's id, the id of the source, and the time at which it was said."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An event as a release lists it: the incident, with one figure of killed or none, the release and its time."""

    incident: IncidentDraft
    source: SourceDraft
    listed_on: str


@dataclass(frozen=True, slots=True)
class _Told:
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

    figures: list[_Told]
    listings: list[_Listing]


class Releases:
    """Records what a release lists, in one write transaction."""

    def __init__(self, writer: Writer, data_set: DataSet) -> None:
        self._writer, self._data_set = writer, data_set
        self._bearing: dict[str, str | None] = {}
        self._listed: dict[tuple[Any, ...], dict[str, Any]] = {}

    def foresee(self, events: Iterable[str]) -> None:
        """Looks up at once which incidents bear the ids of these events."""
        wanted = list(events)
        self._bearing = dict.fromkeys(wanted)
        if wanted:
            some = filled_up(wanted)
            values = {f"id_{n}": external_id for n, external_id in enumerate(some)}
            statement = _bearing(len(some))
            for external_id, incident_id in self._writer.transaction.rows(
                statement, values | {"scheme": self._data_set.scheme}
            ):
                self._bearing[external_id] = incident_id

    def record(self, listed: Listed) -> tuple[Outcome, str]:
        """Records an event. Returns the id of its incident too. Raises as a `Writer` does."""
        draft = listed.incident
        incident_id = self._incident_of(draft.external_ids[self._data_set.scheme], draft.id or "")
        if incident_id is None:
            outcome, incident_id = self._writer.record_incident(draft)
        else:
            revised = self._revise(incident_id, listed)
            outcome = Outcome.REVISED if revised else Outcome.UNCHANGED
        self._note(incident_id, listed, new=outcome is Outcome.CREATED)
        return outcome, incident_id

    def finish(self) -> None:
        """Notes what is listed, after the incidents themselves were written."""
        self._writer.transaction.insert(table_of(Listing), list(self._listed.values()))

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

    def _revise(self, incident_id: str, listed: Listed) -> bool:
        key = int(self._there(Incident, incident_id)["key"])
        if self._writer.find(Withdrawal, key):
            raise Conflict(f'"{incident_id}" is withdrawn')
        past, at = self._past(incident_id, key), parse_moment(listed.listed_on).instant
        event = listed.incident.external_ids[self._data_set.scheme]
        revised = False
        if all(listing.at <= at for listing in past.listings):
            changes = self._changes(incident_id, key, listed.incident)
            revised = bool(changes) and self._writer.revise_incident(incident_id, changes) is Outcome.CREATED
        for report in listed.incident.toll_reports:
            revised = self._add_figure(incident_id, event, report, at, past) or revised
        return revised

    def _add_figure(self, incident_id: str, event: str, report: TollReportDraft, at: Instant, past: _Past) -> bool:
        """Records a figure where the release before says another, and repeats that one where a later release did."""
        if self._writer.find(TollReport, report.id or ""):
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
        row = self._writer.transaction.first(_BASE, {"incident": key, "reporter": self._reporter_key()})
        found: dict[str, Any] | None = orjson.loads(row[0]) if row else None
        return found

    def _past(self, incident_id: str, key: int) -> _Past:
        rows, values = self._writer.transaction.rows, {"incident": key, "reporter": self._reporter_key()}
        members = {"members": orjson.dumps([incident_id]).decode()}
        return _Past(
            [
                _Told(report_id, at, _figure(orjson.loads(record), told))
                for report_id, at, record, *told in rows(_FIGURES, values | members)
            ],
            [_Listing(*row) for row in rows(_LISTINGS, values)],
        )

    def _note(self, incident_id: str, listed: Listed, *, new: bool) -> None:
        row = {
            "incident": self._there(Incident, incident_id)["key"],
            "reporter": self._reporter_key(),
            "listed_at": parse_moment(listed.listed_on).instant,
            "source": self._there(Source, listed.source.id)["key"],
        }
        if new or not self._writer.transaction.first(_IS_LISTED, row):
            self._listed.setdefault(tuple(row.values()), row | {"recorded_at": self._writer.now})

    def _reporter_key(self) -> int:
        return int(self._there(Reporter, self._data_set.reporter.id)["key"])

    def _there(self, model: Any, natural: str | None) -> dict[str, Any]:
        found = self._writer.find(model, natural or "")
        assert found is not None, f"{natural} is recorded"
        return found


def _figure(record: Mapping[str, Any], numbers: Sequence[int | None]) -> tuple[Any, ...]:
    breakdown = record["breakdown"]
    return (*numbers, orjson.dumps(breakdown, option=orjson.OPT_SORT_KEYS).decode() if breakdown else None)


_listing, _version, _report = table_of(Listing).c, table_of(IncidentVersion).c, table_of(TollReport).c
_OF_INCIDENT = (_listing.incident == bindparam("incident"), _listing.reporter == bindparam("reporter"))
_IS_LISTED = select(_listing.incident).where(
    *_OF_INCIDENT, _listing.listed_at == bindparam("listed_at"), _listing.source == bindparam("source")
)
_LISTINGS = (
    select(_listing.listed_at, Source.id)
    .join(Source, col(Source.key) == _listing.source)
    .where(*_OF_INCIDENT)
    .order_by(_listing.listed_at)
)
_BASE = limited(
    select(_version.record)
    .where(
        _version.incident == bindparam("incident"),
        exists().where(*_OF_INCIDENT, _listing.recorded_at == _version.recorded_at),
    )
    .order_by(_version.number.desc()),
    1,
)
_FIGURES = (
    select(_report.id, _report.reported_at, _report.record, _report.low, _report.best, _report.high)
    .join(IncidentSet, col(IncidentSet.key) == _report.incident_set)
    .outerjoin(Retraction, col(Retraction.toll_report) == _report.key)
    .where(
        col(IncidentSet.members) == bindparam("members"),
        _report.reporter == bindparam("reporter"),
        _report.measure == literal_column(f"'{Measure.KILLED}'"),
        col(Retraction.key).is_(None),
    )
    .order_by(_report.reported_at, _report.key)
)


@cache
def _bearing(count: int) -> Select[Any]:
    """(external id, incident) of the incidents whose newest version bears one of some ids."""
    external, newer = table_of(IncidentExternalId).c, aliased(IncidentVersion)
    built: Select[Any] = (
        select(external.id, Incident.id)
        .join(IncidentVersion, _version.key == external.version)
        .join(Incident, col(Incident.key) == _version.incident)
        .outerjoin(Withdrawal, col(Withdrawal.incident) == Incident.key)
        .where(
            external.scheme == bindparam("scheme"),
            external.id.in_([bindparam(f"id_{n}") for n in range(count)]),
            col(Withdrawal.key).is_(None),
            ~exists().where(col(newer.incident) == _version.incident, col(newer.number) > _version.number),
        )
        .order_by(col(Incident.key).desc())
    )
    return built


def absent(database: Database, reporter: str, source: str, listed_on: str, years: tuple[int, int]) -> list[str]:
    """The ids of incidents of some years that an earlier release listed and this one does not, in their order."""
    values = {"reporter": reporter, "source": source, "at": parse_moment(listed_on).instant}
    values |= {"first": years[0] * 100, "last": years[1] * 100 + 99, "forever": FOREVER}
    connection, _ = read_connection(database.url, EXPORT_CACHE_KIB)
    with closing(connection):
        return [row[0] for row in connection.execute(_absent_text(), values)]


@cache
def _absent_text() -> str:
    segment, here = table_of(Segment).c, aliased(Listing)
    of_release = select(Source.key).where(col(Source.id) == bindparam("source")).scalar_subquery()
    return compiled(
        select(segment.incident_id)
        .join(Listing, _listing.incident == segment.incident)
        .join(Reporter, col(Reporter.key) == _listing.reporter)
        .where(
            col(Reporter.id) == bindparam("reporter"),
            _listing.listed_at < bindparam("at"),
            segment.month.between(bindparam("first"), bindparam("last")),
            segment.recorded_to == bindparam("forever"),
            segment.known_to == bindparam("forever"),
            ~exists().where(col(here.source) == of_release, col(here.incident) == _listing.incident),
        )
        .distinct()
        .order_by(segment.incident_id)
    )
