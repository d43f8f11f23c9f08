"""Recording: facts are checked, appended in one transaction, and what is derived from them is rebuilt at its end."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import Connection, Table, func, insert, select
from sqlmodel import SQLModel

from app.domain.dates import DAY_LENGTH, Instant, instant_text, opening, parse_moment
from app.domain.headline import NEVER_VALID
from app.domain.incident import IncidentDraft, IncidentFields
from app.domain.source import Reference
from app.domain.toll import TollReportDraft
from app.errors import AppError, Conflict, Fault, IncidentNotFound, InvalidInput, NotFound, echo
from app.store import derive, sqlite
from app.store.engine import Database
from app.store.tables import (
    Incident,
    IncidentSet,
    IncidentSetMember,
    IncidentVersion,
    Recording,
    Reporter,
    Retraction,
    Source,
    TollReport,
    Withdrawal,
    table_of,
)


class Outcome(StrEnum):
    """What became of a fact that was sent."""

    CREATED = "created"
    UNCHANGED = "unchanged"


@contextmanager
def recording(database: Database, by: str) -> Iterator["Writer"]:
    """One write transaction: everything recorded in it is committed at its end, or nothing is."""
    with database.writing() as (connection, now):
        writer = Writer(connection, now, by)
        yield writer
        writer.finish()


class Writer:
    """Appends facts. Rows are gathered and written a table at a time: one fact and a thousand go the same way."""

    def __init__(self, connection: Connection, now: Instant, by: str) -> None:
        self.connection, self.now, self.by = connection, now, by
        self._rows: dict[Table, list[dict[str, Any]]] = {}
        self._next: dict[type[SQLModel], int] = {}
        self._gathered: dict[tuple[type[SQLModel], str], dict[str, Any]] = {}
        self._touched: dict[int, Instant] = {}
        self._touched_sets: dict[int, Instant] = {}

    def record_incident(self, draft: IncidentDraft) -> tuple[Outcome, str]:
        """An incident with its first reports. One that exists must be the same, else `Conflict`."""
        incident_id = draft.id or f"{draft.country.lower()}-{draft.date_start}-{secrets.token_hex(4)}"
        sources = [self._party(Source, source)["record"] for source in draft.sources]
        fields = draft.model_dump(mode="json", include=set(IncidentFields.model_fields))
        outcome = Outcome.UNCHANGED
        if known := self._find(Incident, incident_id):
            self._expect_same(
                incident_id, orjson.loads(self._newest_version(incident_id, known["key"])["record"]), fields
            )
        else:
            outcome = Outcome.CREATED
            key = self._add(Incident, incident_id, id=incident_id)["key"]
            self._add_version(key, incident_id, 1, fields, sources)
        for report in draft.toll_reports:
            made, _ = self.record_report(report, [incident_id])
            outcome = Outcome.CREATED if made is Outcome.CREATED else outcome
        return outcome, incident_id

    def revise_incident(self, incident_id: str, changed: IncidentFields) -> int:
        """A new version of an incident's record. Returns its number; versions before it stay."""
        key = self._live_incident(incident_id)
        newest = self._newest_version(incident_id, key)
        number = int(newest["number"]) + 1
        fields = changed.model_dump(mode="json", include=set(IncidentFields.model_fields))
        self._add_version(key, incident_id, number, fields, orjson.loads(newest["sources"]))
        return number

    def record_report(self, draft: TollReportDraft, incident_ids: list[str]) -> tuple[Outcome, str]:
        """A toll report about these incidents, or about those that it names itself."""
        covered = sorted(set(draft.incidents or incident_ids))
        if not covered:
            raise InvalidInput([Fault("incidents", "names no incident", where="body")])
        if not set(incident_ids) <= set(covered):
            raise InvalidInput([Fault("incidents", "leaves out the incident that it is sent with", where="body")])
        reporter, source = self._party(Reporter, draft.reported_by), self._party(Source, draft.source)
        low, best, high = draft.numbers
        reported = parse_moment(draft.reported_on)
        report_id = draft.id or f"tr-{self.now:x}-{secrets.token_hex(4)}"
        record = {
            "id": report_id,
            "incidents": covered,
            "measure": draft.measure,
            "victims": draft.victims,
            "low": low,
            "best": best,
            "high": high,
            "bound": draft.bound,
            "reported_by": reporter["record"],
            "reported_on": draft.reported_on,
            "source": source["record"],
            "breakdown": draft.breakdown.model_dump(mode="json") if draft.breakdown else None,
            "locator": draft.locator,
            "note": draft.note,
            "supersedes": draft.supersedes,
        }
        if known := self._find(TollReport, report_id):
            self._expect_same(report_id, orjson.loads(known["record"]), record)
            return Outcome.UNCHANGED, report_id
        if opening(reported) > self.now + DAY_LENGTH:
            raise InvalidInput([Fault("reported_on", "lies in the future", draft.reported_on, "body")])
        replaced = self._replaced(draft, covered, reported.instant)
        set_key = self._set(covered)
        self._add(
            TollReport,
            report_id,
            id=report_id,
            incident_set=set_key,
            measure=draft.measure,
            victims=draft.victims,
            bound=draft.bound,
            low=low,
            best=best,
            high=high,
            reporter=reporter["key"],
            source=source["key"],
            reported_on=draft.reported_on,
            reported_at=reported.instant,
            supersedes=replaced["key"] if replaced else None,
            recorded_at=self.now,
            record=orjson.dumps(record | {"recorded_at": instant_text(self.now)}).decode(),
        )
        self._touch_set(set_key, reported.instant)
        if replaced:
            self._touch_set(replaced["incident_set"], reported.instant)
        return Outcome.CREATED, report_id

    def retract_report(
        self, report_id: str, reason: str, reported_on: str | None = None, source: Source | Reference | None = None
    ) -> None:
        """Takes a report back: from `reported_on` on, or as one that never held where no such time is given."""
        report = self._find(TollReport, report_id)
        if report is None:
            raise NotFound(f'no toll report has the id "{echo(report_id)}"')
        if self._find(Retraction, report["key"]):
            raise Conflict(f'"{report_id}" is retracted already')
        moment = parse_moment(reported_on) if reported_on else NEVER_VALID
        self._add(
            Retraction,
            report["key"],
            toll_report=report["key"],
            reason=reason,
            reported_on=reported_on,
            reported_at=moment.instant if reported_on else None,
            source=self._party(Source, source)["key"] if source else None,
            recorded_at=self.now,
            recorded_by=self.by,
        )
        self._touch_set(report["incident_set"], moment.instant)
        if report["supersedes"] is not None:
            revived = self._find(TollReport, orjson.loads(report["record"])["supersedes"])
            assert revived is not None, "a foreign key holds it"
            self._touch_set(revived["incident_set"], moment.instant)

    def withdraw_incident(self, incident_id: str, reason: str, merged_into: str | None = None) -> None:
        """Takes an incident out of all answers from now on. Its reports stay where they are."""
        key = self._live_incident(incident_id)
        if merged_into is not None:
            self._live_incident(merged_into)
        self._add(
            Withdrawal,
            key,
            incident=key,
            reason=reason,
            merged_into=merged_into,
            recorded_at=self.now,
            recorded_by=self.by,
        )
        self._touched[key] = NEVER_VALID.instant

    @contextmanager
    def whole(self) -> Iterator[None]:
        """What is recorded inside stays together: where one part is refused, nothing of it is kept."""
        lengths = {table: len(rows) for table, rows in self._rows.items()}
        gathered, touched, touched_sets = dict(self._gathered), dict(self._touched), dict(self._touched_sets)
        try:
            yield
        except AppError:
            for table, rows in self._rows.items():
                del rows[lengths.get(table, 0) :]
            self._gathered, self._touched, self._touched_sets = gathered, touched, touched_sets
            raise

    def finish(self) -> None:
        """Writes what was gathered, with who recorded it and when, and rebuilds what is derived from it."""
        if not any(self._rows.values()):
            return
        self._add(Recording, self.now, recorded_at=self.now, recorded_by=self.by)
        self._flush()
        derive.rebuild_sets(self.connection, self._touched_sets, self.now)
        derive.rebuild_incidents(self.connection, self._touched, self.now)
        self._touched, self._touched_sets = {}, {}

    def _add_version(
        self, key: int, incident_id: str, number: int, fields: Mapping[str, Any], sources: list[dict[str, Any]]
    ) -> None:
        record = {"id": incident_id, **fields, "recorded_at": instant_text(self.now)}
        row = self._add(
            IncidentVersion,
            incident_id,
            incident=key,
            number=number,
            recorded_at=self.now,
            recorded_by=self.by,
            record=orjson.dumps(record).decode(),
            sources=orjson.dumps(sources).decode(),
        )
        for table, rows in derive.rows_of_version(row["key"], record).items():
            self._rows.setdefault(table, []).extend(rows)
        self._touched[key] = NEVER_VALID.instant

    def _newest_version(self, incident_id: str, key: int) -> dict[str, Any]:
        if gathered := self._gathered.get((IncidentVersion, incident_id)):
            return gathered
        versions = table_of(IncidentVersion)
        newest = select(versions).where(versions.c.incident == key).order_by(versions.c.number.desc()).limit(1)
        return dict(self.connection.execute(newest).mappings().one())

    def _replaced(self, draft: TollReportDraft, covered: list[str], reported: Instant) -> dict[str, Any] | None:
        """The report that `supersedes` names: of the same measure, with a common incident, not reported later."""
        if draft.supersedes is None:
            return None
        old = self._find(TollReport, draft.supersedes)
        why = "is not the id of a toll report"
        if old:
            if old["measure"] != draft.measure:
                why = "is a report of another measure"
            elif not set(covered) & set(orjson.loads(old["record"])["incidents"]):
                why = "is a report about other incidents"
            elif old["reported_at"] > reported:
                why = "was reported later than this one"
            else:
                return old
        raise InvalidInput([Fault("supersedes", why, draft.supersedes, "body")])

    def _set(self, covered: list[str]) -> int:
        """The key of a set of incidents, made where it is new."""
        keys = [self._live_incident(incident_id) for incident_id in covered]
        members = orjson.dumps(covered).decode()
        if known := self._find(IncidentSet, members):
            return int(known["key"])
        key = int(self._add(IncidentSet, members, members=members, size=len(covered))["key"])
        self._rows.setdefault(table_of(IncidentSetMember), []).extend(
            {"incident_set": key, "incident": k} for k in keys
        )
        return key

    def _touch_set(self, set_key: int, since: Instant) -> None:
        self._touched_sets[set_key] = min(since, self._touched_sets.get(set_key, since))
        gathered = [
            r["incident"] for r in self._rows.get(table_of(IncidentSetMember), ()) if r["incident_set"] == set_key
        ]
        members = gathered or self.connection.scalars(
            select(IncidentSetMember.incident).where(IncidentSetMember.incident_set == set_key)
        )
        for key in members:
            self._touched[key] = min(since, self._touched.get(key, since))

    def _live_incident(self, incident_id: str) -> int:
        known = self._find(Incident, incident_id)
        if known is None:
            raise IncidentNotFound(incident_id)
        if self._find(Withdrawal, known["key"]):
            raise Conflict(f'"{incident_id}" is withdrawn')
        return int(known["key"])

    def _party(self, table: type[Reporter] | type[Source], sent: Any) -> dict[str, Any]:
        """The row of a reporter or source, made on its first use. `record` comes back as an object."""
        known = self._find(table, sent.id)
        if known:
            record = orjson.loads(known["record"])
            if not isinstance(sent, Reference):
                self._expect_same(sent.id, record, sent.model_dump(mode="json"))
            return {"key": known["key"], "record": record}
        if isinstance(sent, Reference):
            name = "reported_by" if table is Reporter else "source"
            raise InvalidInput([Fault(name, "is not the id of one that is recorded; send it whole", sent.id, "body")])
        record = sent.model_dump(mode="json")
        row = {"id": sent.id, "recorded_at": self.now, "record": orjson.dumps(record).decode()}
        added = self._add(table, sent.id, **row | ({"kind": sent.kind} if table is Reporter else {}))
        return {"key": added["key"], "record": record}

    @staticmethod
    def _expect_same(name: str, recorded: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
        different = [member for member, value in sent.items() if recorded.get(member) != value]
        if different:
            raise Conflict(f'"{name}" is recorded already, with another {", ".join(different)}', differs=different)

    def _find(self, table: type[SQLModel], natural: str | int) -> dict[str, Any] | None:
        """A row by what it is known by outside: gathered in this transaction, or stored."""
        if gathered := self._gathered.get((table, str(natural))):
            return gathered
        columns = table_of(table).c
        by = {IncidentSet: "members", Withdrawal: "incident", Retraction: "toll_report"}.get(table, "id")
        row = self.connection.execute(select(*columns).where(columns[by] == natural)).mappings().first()
        return dict(row) if row else None

    def _add(self, table: type[SQLModel], natural: str | int, **values: Any) -> dict[str, Any]:
        if table not in self._next:
            highest = self.connection.scalar(select(func.max(table_of(table).c.key)))
            self._next[table] = (highest or 0) + 1
        row = {"key": self._next[table], **values}
        self._next[table] += 1
        self._rows.setdefault(table_of(table), []).append(row)
        self._gathered[table, str(natural)] = row
        return row

    def _flush(self) -> None:
        for table in (*SQLModel.metadata.sorted_tables, *sqlite.SEARCH_TABLES):
            if rows := self._rows.get(table):
                self.connection.execute(insert(table), rows)
        self._rows.clear()
