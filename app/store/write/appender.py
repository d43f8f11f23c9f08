"""Appending facts that were checked: their rows, their entries in the log, and what they make out of date.

`writer` comes here from what was sent, `verify` from what the log tells; the same facts give the same rows.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from sqlalchemy import bindparam, select
from sqlmodel import col

from app.domain.dates import Instant, parse_moment
from app.domain.report import NEVER_VALID, Report
from app.domain.vocabulary import BOUNDS, MEASURES, REPORTER_KINDS, VICTIMS, ChangeKind
from app.errors import AppError, Conflict, IncidentNotFound
from app.store.db.transaction import Transaction
from app.store.log import entries as log_entries
from app.store.log import sealing
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
from app.store.write import segments
from app.store.write.history_steps import Steps
from app.store.write.row_buffer import RowBuffer

_MEMBERS = select(IncidentSetMember.incident).where(col(IncidentSetMember.incident_set) == bindparam("set"))
_RECORDED_NOW = select(Recording.key).where(col(Recording.recorded_at) == bindparam("now"))
_CREATED = {Source: ChangeKind.SOURCE_CREATED, Reporter: ChangeKind.REPORTER_CREATED}


class Appender:
    """One recording: what `by` told at one instant."""

    def __init__(self, transaction: Transaction, by: str) -> None:
        self.transaction, self.by, self.now = transaction, by, transaction.now
        self.gathered = RowBuffer(transaction)
        self.find = self.gathered.find
        self._entries: list[log_entries.Entry] = []
        self._touched: dict[int, Instant] = {}
        self._touched_sets: dict[int, Instant] = {}
        """Sets of several incidents: what is said of one alone is told with the incident."""
        self._members: dict[int, list[int]] = {}
        self._new: dict[int, IncidentFacts] = {}
        """Incidents of this recording with all their facts, which need not be read again."""

    def foresee(
        self,
        incidents: Iterable[str],
        reports: Iterable[str],
        sets: Iterable[Sequence[str]],
        reporters: Iterable[str],
        sources: Iterable[str],
    ) -> None:
        """Looks up at once what appending will ask for, by ids; sets by the sorted ids of their incidents."""
        known = [row["key"] for row in self.gathered.foresee(Incident, incidents)]
        self.gathered.foresee(IncidentVersion, known)
        self.gathered.foresee(Withdrawal, known)
        self.gathered.foresee(TollReport, reports)
        self.gathered.foresee(IncidentSet, map(_json, sets))
        self.gathered.foresee(Reporter, reporters)
        self.gathered.foresee(Source, sources)

    def party(
        self, model: type[Reporter] | type[Source], record: dict[str, Any], secret: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """A reporter or a source, and what it keeps to itself."""
        columns = {"id": record["id"], "recorded_at": self.now, "record": _json(record)}
        if model is Reporter:
            columns["kind"] = record["kind"]
        row = self.gathered.add(model, record["id"], **columns)
        self._log(_CREATED[model], row, None, record)
        if secret:
            self.secret(model.__name__.lower(), record["id"], secret)
        return row

    def secret(self, kind: str, of: str, secret: Mapping[str, Any]) -> None:
        """What a confidential record keeps to itself: its salt and its text."""
        self.gathered.put(Secret, sealing.subject(kind, of), recorded_at=self.now, **secret)

    def incident(self, record: dict[str, Any], sources: list[dict[str, Any]]) -> int:
        """An incident with the first version of its record. Returns its key."""
        key = int(self.gathered.add(Incident, record["id"], id=record["id"])["key"])
        version = self.version(key, 1, record, sources)
        self.gathered.set(self._new, key, IncidentFacts(record["id"], version, record, sources))
        return key

    def version(self, incident: int, number: int, record: dict[str, Any], sources: list[dict[str, Any]]) -> int:
        """A version of an incident's record. Returns its key."""
        self._new.pop(incident, None)
        row = self.gathered.add(
            IncidentVersion,
            incident,
            incident=incident,
            number=number,
            recorded_at=self.now,
            recorded_by=self.by,
            record=_json(record),
            sources=_json(sources),
        )
        for table, rows in segments.rows_of_version(row["key"], record).items():
            self.gathered.append(table, *rows)
        self._touch(incident, NEVER_VALID.instant)
        kind = ChangeKind.INCIDENT_CREATED if number == 1 else ChangeKind.INCIDENT_UPDATED
        self._log(kind, row, record["id"], log_entries.version_data(record, number, sources))
        return int(row["key"])

    def report(self, record: dict[str, Any]) -> None:
        """A toll report. Its reporter, source and incidents are there."""
        reporter, source = self._there(Reporter, record["reported_by"]), self._there(Source, record["source"])
        covered: list[str] = record["incidents"]
        set_key, moment = self._set(covered), parse_moment(record["reported_on"])
        replaced = self.find(TollReport, record["supersedes"]) if record["supersedes"] else None
        row = self.gathered.add(
            TollReport,
            record["id"],
            id=record["id"],
            incident_set=set_key,
            measure=record["measure"],
            victims=record["victims"],
            bound=record["bound"],
            low=record["low"],
            best=record["best"],
            high=record["high"],
            reporter=reporter["key"],
            source=source["key"],
            reported_on=record["reported_on"],
            reported_at=moment.instant,
            supersedes=replaced["key"] if replaced else None,
            recorded_at=self.now,
            record=_json(record),
        )
        self._log(ChangeKind.TOLL_REPORTED, row, covered[0] if len(covered) == 1 else None, record)
        self._touch_set(set_key, moment.instant)
        if replaced and replaced["incident_set"] != set_key:
            self._touch_set(replaced["incident_set"], moment.instant)
            self._forget_new(replaced["incident_set"])
        known = KnownReport(_report(record, row), set_key, row["record"], source["record"], None)
        for key in self.members_of(set_key):
            if key in self._new:
                self._new[key].reports.append(known)

    def retraction(
        self, report: dict[str, Any], reason: str, reported_on: str | None, source: dict[str, Any] | None
    ) -> None:
        """A report taken back: from a moment on, or as one that never held."""
        moment = parse_moment(reported_on) if reported_on else NEVER_VALID
        row = self.gathered.add(
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
        covered = record["incidents"]
        told = orjson.loads(source["record"]) if source else None
        self._log(
            ChangeKind.TOLL_RETRACTED,
            row,
            covered[0] if len(covered) == 1 else None,
            log_entries.retraction_data(record, reason, reported_on, told),
        )
        sets = {report["incident_set"]}
        if record["supersedes"]:
            sets.add(self._there(TollReport, {"id": record["supersedes"]})["incident_set"])
        for set_key in sorted(sets):
            self._touch_set(set_key, moment.instant)
            self._forget_new(set_key)

    def withdrawal(self, incident_id: str, reason: str, merged_into: str | None) -> None:
        """An incident taken out of all answers from now on."""
        key = self.live_incident(incident_id)
        row = self.gathered.add(
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

    def live_incident(self, incident_id: str) -> int:
        """The key of an incident. Raises `IncidentNotFound`, or `Conflict` where it is withdrawn."""
        known = self.find(Incident, incident_id)
        if known is None:
            raise IncidentNotFound(incident_id)
        if known["key"] not in self._new and self.find(Withdrawal, known["key"]):
            raise Conflict(f'"{incident_id}" is withdrawn')
        return int(known["key"])

    @contextmanager
    def whole(self) -> Iterator[None]:
        """What is appended inside stays together: where one part is refused, nothing of it is kept."""
        entries = len(self._entries)
        try:
            with self.gathered.whole():
                yield
        except AppError:
            del self._entries[entries:]
            self._new.clear()  # some may have been told of reports that were refused
            raise

    def finish(self, max_segments: int | None = None) -> None:
        """Writes what was gathered, with who recorded it and when, and rebuilds what is derived from it.

        Raises `HistoryTooLong` where too much of an incident that has `max_segments` would be rebuilt.
        """
        if not self.gathered:
            return
        told = log_entries.append(self.transaction, self._entries, self.by)
        self.gathered.add(Recording, self.now, recorded_at=self.now, recorded_by=self.by, **told)
        self.gathered.write()
        steps = Steps(self.transaction)
        segments.rebuild_sets(self.transaction, self._touched_sets, steps)
        segments.rebuild_incidents(self.transaction, self._touched, self._new, self._members, steps, max_segments)

    def mark(self) -> None:
        """Makes a recording without an entry, where there is none yet: for what is noted beside the log.

        Reads are pinned to recordings; without one nobody would see the note, and tags of answers would not change.
        """
        if self.transaction.first(_RECORDED_NOW, {"now": self.now}) is None:
            state = log_entries.append(self.transaction, (), self.by)
            row = {"key": self.transaction.next_key(Recording), "recorded_at": self.now, "recorded_by": self.by}
            self.transaction.insert(table_of(Recording), [row | state])

    def _log(self, kind: ChangeKind, row: Mapping[str, Any], incident: str | None, data: dict[str, Any]) -> None:
        self._entries.append(log_entries.Entry(kind, row["key"], incident, data))

    def _there(self, model: Any, record: Mapping[str, Any]) -> dict[str, Any]:
        found = self.find(model, record["id"])
        assert found is not None, f"{record['id']} is recorded"
        return found

    def _set(self, covered: Sequence[str]) -> int:
        """The key of a set of incidents, made where it is new."""
        keys = [self.live_incident(incident_id) for incident_id in covered]
        members = _json(covered)
        if known := self.find(IncidentSet, members):
            key = int(known["key"])
        else:
            key = int(self.gathered.add(IncidentSet, members, members=members, size=len(covered))["key"])
            rows = [{"incident_set": key, "incident": k} for k in keys]
            self.gathered.append(table_of(IncidentSetMember), *rows)
        self._members[key] = keys
        return key

    def members_of(self, set_key: int) -> list[int]:
        """The keys of the incidents of a set."""
        if set_key not in self._members:
            self._members[set_key] = [row[0] for row in self.transaction.rows(_MEMBERS, {"set": set_key})]
        return self._members[set_key]

    def _touch(self, incident: int, since: Instant) -> None:
        if incident not in self._touched or since < self._touched[incident]:
            self.gathered.set(self._touched, incident, since)

    def _touch_set(self, set_key: int, since: Instant) -> None:
        members = self.members_of(set_key)
        if len(members) > 1:
            self.gathered.set(self._touched_sets, set_key, min(since, self._touched_sets.get(set_key, since)))
        for key in members:
            self._touch(key, since)

    def _forget_new(self, set_key: int) -> None:
        for key in self.members_of(set_key):
            self._new.pop(key, None)


def _report(record: Mapping[str, Any], row: Mapping[str, Any]) -> Report:
    reporter = record["reported_by"]
    return Report(
        id=record["id"],
        order=row["key"],
        measure=MEASURES[record["measure"]],
        victims=VICTIMS[record["victims"]],
        low=record["low"],
        best=record["best"],
        high=record["high"],
        bound=BOUNDS[record["bound"]],
        reporter=reporter["id"],
        reporter_kind=REPORTER_KINDS[reporter["kind"]],
        reported=parse_moment(record["reported_on"]),
        incidents=frozenset(record["incidents"]),
        supersedes=record["supersedes"],
    )


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
