"""Appends checked facts: their rows, their log entries, and what they make out of date.

`writer` appends facts from drafts, `maintenance.verify` from the log. The same facts give the same rows.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from sqlalchemy import bindparam, select
from sqlmodel import col

from app.domain.dates import Instant, parse_moment
from app.domain.report import NEVER_VALID, report_of
from app.domain.toll import TollReportRecord
from app.domain.vocabulary import ChangeKind
from app.errors import AppError, Conflict, IncidentNotFound
from app.store.db.transaction import Transaction
from app.store.log import entries as log_entries
from app.store.log import redaction
from app.store.read.report_rows import IncidentFacts
from app.store.tables import (
    Incident,
    IncidentSet,
    IncidentSetMember,
    IncidentVersion,
    Recording,
    Reporter,
    Retraction,
    Secret,
    Source,
    TollReport,
    Withdrawal,
    table_of,
)
from app.store.tables.known_report import KnownReport
from app.store.write import search_rows, segments
from app.store.write.history_steps import Steps
from app.store.write.row_buffer import RowBuffer

_MEMBERS = select(col(IncidentSetMember.incident)).where(col(IncidentSetMember.incident_set) == bindparam("set"))
_REPORTERS_AND_SOURCES: dict[ChangeKind, type[Reporter] | type[Source]] = {
    ChangeKind.SOURCE_CREATED: Source,
    ChangeKind.REPORTER_CREATED: Reporter,
    ChangeKind.LEGACY_REPORTER_CREATED: Reporter,
}
_COPIED = [name for name in TollReport.model_fields if name in TollReportRecord.model_fields]
"""Columns of a toll report that are named like members of its record; keys replace its source and `supersedes`."""


class Appender(RowBuffer):
    """The facts of one recording by one writer."""

    def __init__(self, transaction: Transaction, by: str) -> None:
        super().__init__(transaction)
        self.by, self.now = by, transaction.now
        self._entries: list[log_entries.Entry] = []
        self._touched: dict[int, Instant] = {}
        self._touched_sets: dict[int, Instant] = {}
        """Sets of several incidents. The reports about a single incident belong to its own segments."""
        self._members: dict[int, list[int]] = {}
        self._new: dict[int, IncidentFacts] = {}
        """Incidents of this recording with all their facts, which need not be read back."""

    def prefetch(
        self,
        incidents: Iterable[str],
        reports: Iterable[str],
        sets: Iterable[Sequence[str]],
        reporters: Iterable[str],
        sources: Iterable[str],
    ) -> None:
        """Reads the rows that appending will look up, by ids; sets by the sorted ids of their incidents."""
        known = [row["key"] for row in self.prefetch_rows(Incident, incidents)]
        self.prefetch_rows(IncidentVersion, known)
        self.prefetch_rows(Withdrawal, known)
        self.prefetch_rows(TollReport, reports)
        self.prefetch_rows(IncidentSet, map(_json, sets))
        self.prefetch_rows(Reporter, reporters)
        self.prefetch_rows(Source, sources)

    def live_incident(self, incident_id: str) -> int:
        """The key of an incident. Raises `IncidentNotFound`, or `Conflict` where it is withdrawn."""
        known = self.find(Incident, incident_id)
        if known is None:
            raise IncidentNotFound(incident_id)
        if known["key"] not in self._new and self.find(Withdrawal, known["key"]):
            raise Conflict(f'"{incident_id}" is withdrawn')
        return int(known["key"])

    def members_of(self, set_key: int) -> list[int]:
        """The keys of the incidents of a set."""
        if set_key not in self._members:
            self._members[set_key] = [row[0] for row in self.transaction.rows(_MEMBERS, {"set": set_key})]
        return self._members[set_key]

    def add_reporter_or_source(
        self, kind: ChangeKind, record: dict[str, Any], secret: Mapping[str, Any] | None = None
    ) -> None:
        """A reporter or a source, with the secret of a confidential one."""
        model = _REPORTERS_AND_SOURCES[kind]
        columns = {"id": record["id"], "recorded_at": self.now, "record": _json(record)}
        if model is Reporter:
            columns["kind"] = record["kind"]
        row = self.add_keyed(model, record["id"], **columns)
        self._log(kind, row, None, record)
        if secret:
            self.add_secret(str(model.__tablename__), record["id"], secret)

    def add_secret(self, kind: str, record_id: str, secret: Mapping[str, Any]) -> None:
        """The salt and the redacted members of a confidential record."""
        self.add_natural(Secret, redaction.subject(kind, record_id), recorded_at=self.now, **secret)

    def add_incident(self, record: dict[str, Any], sources: list[dict[str, Any]]) -> None:
        """An incident with the first version of its record."""
        key = int(self.add_keyed(Incident, record["id"], id=record["id"])["key"])
        version = self.add_version(key, 1, record, sources)
        self.set_item(self._new, key, IncidentFacts(record["id"], version, record, sources))

    def add_version(self, incident: int, number: int, record: dict[str, Any], sources: list[dict[str, Any]]) -> int:
        """A version of an incident's record. Returns its key."""
        self._new.pop(incident, None)
        row = self.add_keyed(
            IncidentVersion,
            incident,
            incident=incident,
            number=number,
            recorded_at=self.now,
            recorded_by=self.by,
            record=_json(record),
            sources=_json(sources),
        )
        for table, rows in search_rows.rows_of_version(row["key"], record).items():
            self.add_rows(table, *rows)
        self._touch(incident, NEVER_VALID.instant)
        kind = ChangeKind.INCIDENT_CREATED if number == 1 else ChangeKind.INCIDENT_UPDATED
        self._log(kind, row, record["id"], log_entries.version_data(record, number, sources))
        return int(row["key"])

    def add_report(self, record: dict[str, Any]) -> None:
        """A toll report. Its reporter, source and incidents exist."""
        reporter, source = self.get(Reporter, record["reported_by"]["id"]), self.get(Source, record["source"]["id"])
        covered: list[str] = record["incidents"]
        set_key, moment = self._set(covered), parse_moment(record["reported_on"])
        superseded = self.find(TollReport, record["supersedes"]) if record["supersedes"] else None
        columns = {name: record[name] for name in _COPIED} | {
            "incident_set": set_key,
            "reporter": reporter["key"],
            "source": source["key"],
            "reported_at": moment.instant,
            "supersedes": superseded["key"] if superseded else None,
            "record": _json(record),
            "recorded_at": self.now,
        }
        row = self.add_keyed(TollReport, record["id"], **columns)
        self._log(ChangeKind.TOLL_REPORTED, row, _single(covered), record)
        self._touch_set(set_key, moment.instant)
        if superseded and superseded["incident_set"] != set_key:
            self._touch_set(superseded["incident_set"], moment.instant)
            self._forget_new(superseded["incident_set"])
        known = KnownReport(report_of(record, row["key"]), set_key, row["record"], source["record"], None)
        for key in self.members_of(set_key):
            if key in self._new:
                self._new[key].reports.append(known)

    def add_retraction(
        self, report: dict[str, Any], reason: str, reported_on: str | None, source: dict[str, Any] | None
    ) -> None:
        """The retraction of a report: from a moment on, or at every `as_of` where there is none."""
        moment = parse_moment(reported_on) if reported_on else NEVER_VALID
        row = self.add_keyed(
            Retraction,
            report["key"],
            toll_report=report["key"],
            reason=reason,
            reported_on=reported_on,
            reported_at=moment.instant if reported_on else None,
            source=source["key"] if source else None,
            recorded_at=self.now,
            recorded_by=self.by,
        )
        record = orjson.loads(report["record"])
        published = orjson.loads(source["record"]) if source else None
        data = log_entries.retraction_data(record, reason, reported_on, published)
        self._log(ChangeKind.TOLL_RETRACTED, row, _single(record["incidents"]), data)
        sets = {report["incident_set"]}
        if record["supersedes"]:
            sets.add(self.get(TollReport, record["supersedes"])["incident_set"])
        for set_key in sorted(sets):
            self._touch_set(set_key, moment.instant)
            self._forget_new(set_key)

    def add_withdrawal(self, incident_id: str, reason: str, merged_into: str | None) -> None:
        """The withdrawal of an incident, which is absent from all responses from now on."""
        key = self.live_incident(incident_id)
        row = self.add_keyed(
            Withdrawal,
            key,
            incident=key,
            reason=reason,
            merged_into=merged_into,
            recorded_at=self.now,
            recorded_by=self.by,
        )
        self._new.pop(key, None)
        self._touch(key, NEVER_VALID.instant)
        data = log_entries.withdrawal_data(incident_id, reason, merged_into)
        self._log(ChangeKind.INCIDENT_WITHDRAWN, row, incident_id, data)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Rolls back every fact inside where an `AppError` is raised."""
        entries = len(self._entries)
        try:
            with super().savepoint():
                yield
        except AppError:
            del self._entries[entries:]
            self._new.clear()  # some may include reports that were rolled back
            raise

    def finish(self, max_segments: int | None = None) -> None:
        """Writes all rows and log entries as one recording, and rebuilds the derived rows.

        Raises `HistoryTooLong` where too much of an incident that has `max_segments` would be rebuilt.
        """
        state = log_entries.append(self.transaction, self._entries, self.by)
        self.add_keyed(Recording, self.now, recorded_at=self.now, recorded_by=self.by, **state)
        self.write_rows()
        steps = Steps(self.transaction)
        segments.rebuild_sets(self.transaction, self._touched_sets, steps)
        segments.rebuild_incidents(self.transaction, self._touched, self._new, self._members, steps, max_segments)

    def _log(self, kind: ChangeKind, row: Mapping[str, Any], incident: str | None, data: dict[str, Any]) -> None:
        self._entries.append(log_entries.Entry(kind, row["key"], incident, data))

    def _set(self, covered: Sequence[str]) -> int:
        """The key of a set of incidents, added where it is new."""
        keys = [self.live_incident(incident_id) for incident_id in covered]
        members = _json(covered)
        if known := self.find(IncidentSet, members):
            key = int(known["key"])
        else:
            key = int(self.add_keyed(IncidentSet, members, members=members, size=len(covered))["key"])
            self.add_rows(table_of(IncidentSetMember), *({"incident_set": key, "incident": k} for k in keys))
        self._members[key] = keys
        return key

    def _touch(self, incident: int, since: Instant) -> None:
        if incident not in self._touched or since < self._touched[incident]:
            self.set_item(self._touched, incident, since)

    def _touch_set(self, set_key: int, since: Instant) -> None:
        members = self.members_of(set_key)
        if len(members) > 1:
            self.set_item(self._touched_sets, set_key, min(since, self._touched_sets.get(set_key, since)))
        for key in members:
            self._touch(key, since)

    def _forget_new(self, set_key: int) -> None:
        for key in self.members_of(set_key):
            self._new.pop(key, None)


def _single(incidents: Sequence[str]) -> str | None:
    """The incident of a log entry: `None` where there are several."""
    return incidents[0] if len(incidents) == 1 else None


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
