"""Recording: drafts are checked against what is recorded (`checks`), then appended (`appender`) in one transaction."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import orjson

from app.domain.dates import Instant
from app.domain.incident import IncidentDraft, IncidentFields, IncidentSent, merged
from app.domain.source import Reference, ReporterDraft, SourceDraft
from app.domain.toll import REDACTED_IN_REPORTS, TollReportDraft, TollReportRecord
from app.domain.validation import validated, within
from app.domain.vocabulary import ChangeKind
from app.errors import Conflict, FieldError, InvalidInput, NotFound, echo
from app.store.db.database import Database
from app.store.db.transaction import Transaction
from app.store.log import redaction
from app.store.tables import Incident, IncidentVersion, Reporter, Retraction, Secret, Source, TollReport
from app.store.write import checks
from app.store.write.appender import Appender
from app.store.write.confidential_duplicates import ConfidentialDuplicates
from app.store.write.event_dates import EventDates

MAX_SEGMENTS = 250_000
"""Segments of one incident, about 250 MB, from which on a change that rewrites very many of them is rejected.

A fact at the end of a history adds two segments. A fact before its end rewrites all later ones."""
_INCIDENT_MEMBERS = set(IncidentFields.model_fields)
_REPORT_MEMBERS = [name for name in TollReportRecord.model_fields if name in TollReportDraft.model_fields]
"""The members of a report's record that a draft gives, in the order of the record."""


class Outcome(StrEnum):
    """What became of a draft."""

    CREATED = "created"
    REVISED = "revised"
    """Something was added to an existing record."""
    UNCHANGED = "unchanged"
    WITHDRAWN = "withdrawn"
    DEFERRED = "deferred"
    """It waits for a record that it names."""
    REFUSED = "refused"


@contextmanager
def recording(database: Database, by: str, *, can_read_confidential: bool = True) -> Iterator["Writer"]:
    """A write transaction with one recording: all of it is committed at the end, or nothing."""
    with (
        database.writing() as transaction,
        open_writer(transaction, by, can_read_confidential=can_read_confidential) as writer,
    ):
        yield writer


@contextmanager
def open_writer(transaction: Transaction, by: str, *, can_read_confidential: bool = True) -> Iterator["Writer"]:
    """A recording in a transaction. At the end its facts are written and the derived rows rebuilt."""
    writer = Writer(transaction, by, can_read_confidential=can_read_confidential)
    yield writer
    if writer.appender:
        writer.appender.finish(MAX_SEGMENTS)


class Writer:
    """Records drafts. Raises `InvalidInput`, `Conflict` or `NotFound` for drafts that cannot be recorded.

    Drafts of writers who cannot read confidential data are not compared with it: the result would disclose it.
    Raises `ClockBehind` at once where nothing can be recorded until the clock is corrected.
    """

    def __init__(self, transaction: Transaction, by: str, *, can_read_confidential: bool = True) -> None:
        transaction.expect_clock()
        self.can_read_confidential = can_read_confidential
        self.appender = Appender(transaction, by)
        self._now, self._now_text = transaction.now, transaction.now_text
        self._duplicates = ConfidentialDuplicates(self.appender)
        self._event_dates = EventDates(self.appender)
        self._resolved: dict[tuple[Any, ...], tuple[dict[str, Any], dict[str, Any]]] = {}
        """Rows and public records of the reporters and sources of earlier drafts, by all members of the draft."""

    def prefetch(self, drafts: Sequence[IncidentDraft | TollReportDraft]) -> None:
        """Reads what recording these drafts will look up, in a few statements. Optional."""
        incidents = [draft for draft in drafts if isinstance(draft, IncidentDraft)]
        reports = [draft for draft in drafts if isinstance(draft, TollReportDraft)]
        reports += [report for incident in incidents for report in incident.toll_reports]
        sources = [report.source for report in reports]
        sources += [source for incident in incidents for source in incident.sources]
        single = {incident.id for incident in incidents if incident.id}
        shared = [report.incidents for report in reports if report.incidents]
        self.appender.prefetch(
            incidents=single.union(*shared),
            reports={name for report in reports for name in (report.id, report.supersedes) if name},
            sets=[[incident_id] for incident_id in single] + [sorted(set(covered)) for covered in shared],
            reporters={report.reported_by.id for report in reports if report.reported_by.id},
            sources={source.id for source in sources if source.id},
        )

    def record_incident(self, draft: IncidentDraft, *, new: bool = False) -> tuple[Outcome, str]:
        """An incident with its first reports. An existing one must be the same, and must not be `new`."""
        incident_id = draft.id or f"{draft.country.lower()}-{draft.date_start}-{secrets.token_hex(4)}"
        fields = draft.model_dump(mode="json", include=_INCIDENT_MEMBERS)
        sources, outcome = self._sources(draft), Outcome.UNCHANGED
        if known := self.appender.find(Incident, incident_id):
            newest = self.appender.get(IncidentVersion, known["key"])
            recorded = orjson.loads(newest["record"]) | {"sources": orjson.loads(newest["sources"])}
            checks.expect_same(incident_id, recorded, fields | {"sources": sources}, new=new)
        else:
            outcome = Outcome.CREATED
            self.appender.add_incident({"id": incident_id, **fields, "recorded_at": self._now_text}, sources)
        for number, report in enumerate(draft.toll_reports):
            with within("toll_reports", number):
                of_report, _ = self.record_report(report, [incident_id])
            outcome = Outcome.CREATED if of_report is Outcome.CREATED else outcome
        return outcome, incident_id

    def revise_incident(self, incident_id: str, changes: dict[str, Any]) -> Outcome:
        """A new version of an incident's record, where some member changes."""
        key = self.appender.live_incident(incident_id)
        newest = self.appender.get(IncidentVersion, key)
        before, sources_before = orjson.loads(newest["record"]), orjson.loads(newest["sources"])
        sent = validated(IncidentSent, merged(before, changes))
        fields = sent.model_dump(mode="json", include=_INCIDENT_MEMBERS)
        sources = self._sources(sent) if "sources" in changes else sources_before
        if sources == sources_before and all(before[name] == value for name, value in fields.items()):
            return Outcome.UNCHANGED
        if fields["date_start"] > before["date_start"]:
            self._event_dates.expect_before_reports(key, fields["date_start"])
        record = {"id": incident_id, **fields, "recorded_at": self._now_text}
        self.appender.add_version(key, newest["number"] + 1, record, sources)
        return Outcome.CREATED

    def version_of(self, incident_id: str) -> Instant:
        """When the newest version of an incident's record was recorded."""
        key = self.appender.live_incident(incident_id)
        return int(self.appender.get(IncidentVersion, key)["recorded_at"])

    def record_report(
        self, draft: TollReportDraft, incident_ids: list[str], *, new: bool = False, made_id: bool = False
    ) -> tuple[Outcome, str]:
        """A toll report about these incidents, or about those that the draft names.

        An existing one must be the same, and must not be `new`. `made_id`: the id is a digest of the draft. A
        confidential report gets a random one instead, unless the same report is recorded.
        """
        covered = checks.covered_incidents(self.appender, draft, incident_ids)
        record = self._report_record(draft, covered)
        confidential = bool(record["reported_by"].get("confidential") or record["source"].get("confidential"))
        if confidential and made_id:
            if same := self._duplicates.find_report(record, self.can_read_confidential):
                return Outcome.UNCHANGED, same
            record["id"] = _random_report_id(self._now)
        elif known := self.appender.find(TollReport, record["id"]) if draft.id else None:
            checks.expect_same(record["id"], self._disclosed("toll_report", known), record, new=new)
            return Outcome.UNCHANGED, record["id"]
        moment = checks.not_in_future("reported_on", draft.reported_on, self._now)
        self._event_dates.expect_after(covered, moment)
        if draft.supersedes is not None:
            old = self.appender.find(TollReport, draft.supersedes)
            checks.check_superseded(old, draft, covered, moment.instant)
        secret = None
        if confidential:
            self._duplicates.note_report(record)
            record, secret = redaction.redact(record, REDACTED_IN_REPORTS)
        self.appender.add_report(record | {"recorded_at": self._now_text})
        if secret:
            self.appender.add_secret("toll_report", record["id"], secret)
        return Outcome.CREATED, record["id"]

    def retract_report(
        self, report_id: str, reason: str, reported_on: str | None = None, source: SourceDraft | Reference | None = None
    ) -> None:
        """Retracts a report: from `reported_on` on, or at every `as_of` without it."""
        report = self.appender.find(TollReport, report_id)
        if report is None:
            raise NotFound(f'no toll report has the id "{echo(report_id)}"')
        if self.appender.find(Retraction, report["key"]):
            raise Conflict(f'"{report_id}" is already retracted')
        if reported_on:
            checks.check_retracted_on(report, reported_on, self._now)
        published = self._resolve(Source, source, "source")[0] if source else None
        self.appender.add_retraction(report, reason, reported_on, published)

    def withdraw_incident(self, incident_id: str, reason: str, merged_into: str | None = None) -> None:
        """Withdraws an incident from all responses from now on. Its reports stay recorded."""
        self.appender.live_incident(incident_id)
        if merged_into is not None:
            checks.check_merged_into(self.appender, incident_id, merged_into)
        self.appender.add_withdrawal(incident_id, reason, merged_into)

    def record_reporter_or_source(self, draft: ReporterDraft | SourceDraft) -> tuple[Outcome, str]:
        """A reporter or a source. An existing one must be the same."""
        model, draft = _model_of(draft), self.with_id(draft)
        assert draft.id is not None, "it has one now"
        if known := self.appender.find(model, draft.id):
            recorded = self._disclosed(str(model.__tablename__), known)
            if bool(recorded.get("confidential")) != draft.confidential:  # other differences would disclose secrets
                how = "and differs in confidential"
                raise Conflict(f'"{draft.id}" already exists {how}', differs=["confidential"])
            checks.expect_same(known["id"], recorded, draft.record())
            return Outcome.UNCHANGED, draft.id
        if isinstance(draft, SourceDraft) and draft.published_on:
            checks.not_in_future("published_on", draft.published_on, self._now)
        record, secret = draft.record(), None
        if draft.confidential:
            self._duplicates.note(model, record)
            record, secret = redaction.redact(record, draft.REDACTED)
        kind = ChangeKind.REPORTER_CREATED if model is Reporter else ChangeKind.SOURCE_CREATED
        self.appender.add_reporter_or_source(kind, record, secret)
        return Outcome.CREATED, draft.id

    def with_id(self, draft: ReporterDraft | SourceDraft) -> ReporterDraft | SourceDraft:
        """A reporter or source with its id, generated where it has none.

        That of a confidential one is random: a digest would confirm a guess. Writers who can read confidential data
        get the id of a recorded one with the same content.
        """
        if draft.id or not (draft.confidential and self.can_read_confidential):
            return draft.with_id()
        model = _model_of(draft)
        if same := self._duplicates.find(model, draft.record()):
            return draft.model_copy(update={"id": same})
        identified = draft.with_id()
        self._duplicates.note(model, identified.record())
        return identified

    def _report_record(self, draft: TollReportDraft, covered: list[str]) -> dict[str, Any]:
        """The record of a report before redaction."""
        _, reporter = self._resolve(Reporter, draft.reported_by, "reported_by")
        _, source = self._resolve(Source, draft.source, "source")
        low, best, high = draft.numbers
        members = vars(draft) | {
            "id": draft.id or _random_report_id(self._now),
            "incidents": covered,
            "measure": draft.measure.value,
            "victims": draft.victims.value,
            "low": low,
            "best": best,
            "high": high,
            "bound": draft.bound.value,
            "reported_by": reporter,
            "source": source,
            "breakdown": draft.breakdown and draft.breakdown.model_dump(mode="json"),
        }
        return {name: members[name] for name in _REPORT_MEMBERS}

    def _sources(self, sent: IncidentSent) -> list[dict[str, Any]]:
        """The public records of an incident's own sources."""
        found = [self._resolve(Source, source, f"sources.{n}")[1] for n, source in enumerate(sent.sources)]
        return list({source["id"]: source for source in found}.values())

    def _resolve(
        self, model: type[Reporter] | type[Source], sent: ReporterDraft | SourceDraft | Reference, member: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The row and the public record of a reporter or source, recorded on its first use."""
        members = (model, type(sent), *vars(sent).values())
        if resolved := self._resolved.get(members):
            return resolved
        record_id = sent.id
        if not isinstance(sent, Reference):
            with within(member):
                _, record_id = self.record_reporter_or_source(sent)
        row = self.appender.find(model, record_id or "")
        if row is None:
            why = f"is not the id of a recorded {model.__tablename__}; send the full object"
            raise InvalidInput([FieldError(member, why, record_id, "body")])
        resolved = (row, orjson.loads(row["record"]))
        self.appender.set_item(self._resolved, members, resolved)
        return resolved

    def _disclosed(self, kind: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """A record with its redacted members. Raises `Conflict` for writers who cannot read confidential data."""
        record: dict[str, Any] = orjson.loads(row["record"])
        if "commitment" in record:
            if not self.can_read_confidential:
                raise Conflict(f'"{record["id"]}" already exists and is confidential; refer to it by its id alone')
            secret = self.appender.find(Secret, redaction.subject(kind, record["id"]))
            record |= orjson.loads(secret["record"]) if secret else {}
        return record


def _model_of(draft: ReporterDraft | SourceDraft) -> type[Reporter] | type[Source]:
    return Reporter if isinstance(draft, ReporterDraft) else Source


def _random_report_id(now: Instant) -> str:
    return f"tr-{now:x}-{secrets.token_hex(4)}"
