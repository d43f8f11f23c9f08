"""Recording: what is sent is checked against what is recorded, and appended in one transaction."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from typing import Any

import orjson
from sqlmodel import SQLModel

from app.domain.dates import Instant, Moment, is_in_future, opening, parse_moment
from app.domain.incident import IncidentDraft, IncidentFields, IncidentSent, merged
from app.domain.source import Party, Reference, ReporterDraft, SourceDraft
from app.domain.toll import TollReportDraft
from app.domain.validation import validated, within
from app.errors import Conflict, FieldError, IncidentNotFound, InvalidInput, NotFound, echo
from app.store import tables
from app.store.db.database import Database
from app.store.db.transaction import Transaction
from app.store.log import sealing
from app.store.tables import Incident, Retraction, Secret, TollReport
from app.store.write.appender import Appender
from app.store.write.event_dates import EventDates
from app.store.write.same_confidential import SameConfidential

MAX_SEGMENTS = 250_000
"""Segments of one incident, about 250 MB, from which on nothing is recorded that stores very many of them again.

What is added at the end of a history stores two more; what is added before its end, all that come after it again."""
_FIELDS = set(IncidentFields.model_fields)


class Outcome(StrEnum):
    """What became of a fact that was sent."""

    CREATED = "created"
    REVISED = "revised"
    """Something was added to what is recorded of it."""
    UNCHANGED = "unchanged"
    WITHDRAWN = "withdrawn"
    DEFERRED = "deferred"
    """Waits for what it names."""
    REFUSED = "refused"


@contextmanager
def recording(database: Database, by: str, *, insider: bool = True) -> Iterator["Writer"]:
    """One write transaction: everything recorded in it is committed at its end, or nothing is."""
    with database.writing() as transaction:
        writer = Writer(transaction, by, insider=insider)
        yield writer
        writer.finish()


class Writer:
    """Records what is sent. Raises `InvalidInput`, `Conflict` or `NotFound` for what cannot be recorded.

    `insider` may read what is confidential: to others, what they send is not compared with it, since that would tell.
    Raises `ClockBehind` at once where nothing can be recorded before the clock is corrected.
    """

    def __init__(self, transaction: Transaction, by: str, *, insider: bool = True) -> None:
        transaction.expect_clock()
        self.now, self.by, self.insider = transaction.now, by, insider
        self._now_text = transaction.now_text
        self._append = Appender(transaction, by)
        self.transaction, self.gathered, self.find = transaction, self._append.gathered, self._append.find
        self._same = SameConfidential(self._append)
        self._dates = EventDates(self._append)
        self._parties: dict[tuple[Any, ...], tuple[dict[str, Any], dict[str, Any]]] = {}
        """Rows and public records of the reporters and sources that were sent before, by all that was sent of them."""

    def foresee(self, drafts: Sequence[IncidentDraft | TollReportDraft]) -> None:
        """Looks up at once what recording these will ask for; without it each thing is looked up when it comes."""
        incidents = [draft for draft in drafts if isinstance(draft, IncidentDraft)]
        reports = [draft for draft in drafts if isinstance(draft, TollReportDraft)]
        reports += [report for incident in incidents for report in incident.toll_reports]
        sources = [report.source for report in reports]
        sources += [source for incident in incidents for source in incident.sources]
        alone = {incident.id for incident in incidents if incident.id}
        together = [report.incidents for report in reports if report.incidents]
        self._append.foresee(
            incidents=alone.union(*together),
            reports={name for report in reports for name in (report.id, report.supersedes) if name},
            sets=[[incident_id] for incident_id in alone] + [sorted(set(covered)) for covered in together],
            reporters={report.reported_by.id for report in reports if report.reported_by.id},
            sources={source.id for source in sources if source.id},
        )

    def record_incident(self, draft: IncidentDraft, *, new: bool = False) -> tuple[Outcome, str]:
        """An incident with its first reports. One that exists must be the same, and not be `new`, else `Conflict`."""
        incident_id = draft.id or f"{draft.country.lower()}-{draft.date_start}-{secrets.token_hex(4)}"
        fields = draft.model_dump(mode="json", include=_FIELDS)
        sources, outcome = self._sources(draft), Outcome.UNCHANGED
        if known := self.find(Incident, incident_id):
            newest = self._append.gathered.newest_version(known["key"])
            told = orjson.loads(newest["record"]) | {"sources": orjson.loads(newest["sources"])}
            self._expect_same(incident_id, told, fields | {"sources": sources}, new=new)
        else:
            outcome = Outcome.CREATED
            record = {"id": incident_id, **fields, "recorded_at": self._now_text}
            self._append.incident(record, sources)
        for number, report in enumerate(draft.toll_reports):
            with within("toll_reports", number):
                made, _ = self.record_report(report, [incident_id])
            outcome = Outcome.CREATED if made is Outcome.CREATED else outcome
        return outcome, incident_id

    def revise_incident(self, incident_id: str, changes: dict[str, Any]) -> Outcome:
        """A new version of an incident's record, where these members say something else than it does."""
        key = self._append.live_incident(incident_id)
        newest = self._append.gathered.newest_version(key)
        before, sources_before = orjson.loads(newest["record"]), orjson.loads(newest["sources"])
        sent = validated(IncidentSent, merged(before, changes))
        fields = sent.model_dump(mode="json", include=_FIELDS)
        sources = self._sources(sent) if "sources" in changes else sources_before
        if sources == sources_before and all(before[name] == value for name, value in fields.items()):
            return Outcome.UNCHANGED
        if fields["date_start"] > before["date_start"]:
            self._dates.expect_before_reports(key, fields["date_start"])
        record = {"id": incident_id, **fields, "recorded_at": self._now_text}
        self._append.version(key, newest["number"] + 1, record, sources)
        return Outcome.CREATED

    def version_of(self, incident_id: str) -> Instant:
        """When the newest version of an incident's record was recorded."""
        key = self._append.live_incident(incident_id)
        return int(self._append.gathered.newest_version(key)["recorded_at"])

    def record_report(
        self, draft: TollReportDraft, incident_ids: list[str], *, new: bool = False, made_id: bool = False
    ) -> tuple[Outcome, str]:
        """A toll report about these incidents, or about those that it names itself.

        One that exists must be the same, and not be `new`, else `Conflict`. `made_id`: the id is a digest of what the
        report says. Where something of it is confidential it gets a random one, unless the very same is recorded.
        """
        covered = sorted(set(draft.incidents or incident_ids))
        if not covered:
            raise InvalidInput([FieldError("incidents", "names no incident", where="body")])
        if not set(incident_ids) <= set(covered):
            raise InvalidInput([FieldError("incidents", "leaves out the incident that it is sent with", where="body")])
        for incident_id in set(covered) - set(incident_ids):
            if self.find(tables.Incident, incident_id) is None:
                raise InvalidInput([FieldError("incidents", "names no incident that is recorded", incident_id, "body")])
        record = self._report_record(draft, covered)
        sealed = bool(record["reported_by"].get("confidential") or record["source"].get("confidential"))
        if sealed and made_id:
            if same := self._same.report(record, self.insider):
                return Outcome.UNCHANGED, same
            record["id"] = _random_report_id(self.now)
        elif known := self.find(TollReport, record["id"]) if draft.id else None:
            self._expect_same(record["id"], self._opened("toll_report", known), record, new=new)
            return Outcome.UNCHANGED, record["id"]
        moment = self._said_by_now("reported_on", draft.reported_on)
        self._dates.expect_after(covered, moment)
        self._check_replaced(draft, covered, moment.instant)
        secret = None
        if sealed:
            self._same.note_report(record)
            record, secret = sealing.seal(record, sealing.SEALED_IN_REPORTS)
        self._append.report(record | {"recorded_at": self._now_text})
        if secret:
            self._append.secret("toll_report", record["id"], secret)
        return Outcome.CREATED, record["id"]

    def retract_report(
        self, report_id: str, reason: str, reported_on: str | None = None, source: SourceDraft | Reference | None = None
    ) -> None:
        """Takes a report back: from `reported_on` on, or as one that never held where no such time is given."""
        report = self.find(TollReport, report_id)
        if report is None:
            raise NotFound(f'no toll report has the id "{echo(report_id)}"')
        if self.find(Retraction, report["key"]):
            raise Conflict(f'"{report_id}" is retracted already')
        if reported_on:
            self._check_retracted_on(report["reported_on"], reported_on)
        told_in = self._party(tables.Source, source, "source")[0] if source else None
        self._append.retraction(report, reason, reported_on, told_in)

    def withdraw_incident(self, incident_id: str, reason: str, merged_into: str | None = None) -> None:
        """Takes an incident out of all answers from now on. Its reports stay where they are."""
        self._append.live_incident(incident_id)
        if merged_into is not None:
            self._check_merged_into(incident_id, merged_into)
        self._append.withdrawal(incident_id, reason, merged_into)

    def record_party(self, sent: ReporterDraft | SourceDraft) -> tuple[Outcome, str]:
        """A reporter or a source. One that exists must be the same, else `Conflict`."""
        model = tables.Reporter if isinstance(sent, ReporterDraft) else tables.Source
        sent = self.identified(sent)
        assert sent.id is not None, "it has one now"
        if known := self.find(model, sent.id):
            self._expect_same_party(model, known, sent)
            return Outcome.UNCHANGED, sent.id
        if isinstance(sent, SourceDraft) and sent.published_on:
            self._said_by_now("published_on", sent.published_on)
        record, secret = sent.record(), None
        if sent.confidential:
            self._same.note_party(model, record)
            record, secret = sealing.seal(record, sent.SEALED)
        self._append.party(model, record, secret)
        return Outcome.CREATED, sent.id

    def identified(self, sent: ReporterDraft | SourceDraft) -> ReporterDraft | SourceDraft:
        """A reporter or source with its id. A confidential one that has none gets a random one, since an id that is
        made of what it says would confirm a guess; to an `insider` the very same that was recorded before is the same.
        """
        if sent.id or not (sent.confidential and self.insider):
            return sent.with_id()
        model = tables.Reporter if isinstance(sent, ReporterDraft) else tables.Source
        if same := self._same.party(model, sent.record()):
            return sent.model_copy(update={"id": same})
        made = sent.with_id()
        self._same.note_party(model, made.record())
        return made

    def whole(self) -> AbstractContextManager[None]:
        """What is recorded inside stays together: where one part is refused, nothing of it is kept."""
        return self._append.whole()

    def finish(self) -> None:
        """Writes what was recorded and rebuilds what is derived from it."""
        self._append.finish(MAX_SEGMENTS)

    def mark(self) -> None:
        """Makes a recording of this transaction, also where its log got no entry. Comes after `finish`."""
        self._append.mark()

    def _report_record(self, draft: TollReportDraft, covered: list[str]) -> dict[str, Any]:
        """A report as it is recorded, before anything of it is sealed."""
        _, reporter = self._party(tables.Reporter, draft.reported_by, "reported_by")
        _, source = self._party(tables.Source, draft.source, "source")
        low, best, high = draft.numbers
        return {
            "id": draft.id or _random_report_id(self.now),
            "incidents": covered,
            "measure": draft.measure.value,
            "victims": draft.victims.value,
            "low": low,
            "best": best,
            "high": high,
            "bound": draft.bound.value,
            "reported_by": reporter,
            "reported_on": draft.reported_on,
            "source": source,
            "breakdown": draft.breakdown.model_dump(mode="json") if draft.breakdown else None,
            "locator": draft.locator,
            "note": draft.note,
            "supersedes": draft.supersedes,
        }

    def _said_by_now(self, name: str, text: str) -> Moment:
        """When something was said or published. A day may have begun elsewhere already."""
        moment = parse_moment(text)
        if is_in_future(moment, self.now):
            raise InvalidInput([FieldError(name, "lies in the future", text, "body")])
        return moment

    def _check_retracted_on(self, reported_on: str, retracted_on: str) -> None:
        """A report is not retracted before it is given."""
        moment = self._said_by_now("reported_on", retracted_on)
        if moment.instant < opening(parse_moment(reported_on)):
            why = f"is earlier than the report, whose reported_on is {reported_on}"
            raise InvalidInput([FieldError("reported_on", why, retracted_on, "body")])

    def _check_replaced(self, draft: TollReportDraft, covered: list[str], reported: Instant) -> None:
        """`supersedes` names a report of the same measure, with a common incident, that was not reported later."""
        if draft.supersedes is None:
            return
        old = self.find(TollReport, draft.supersedes)
        if old is None:
            why = "is not the id of a toll report"
        elif old["measure"] != draft.measure:
            why = "is a report of another measure"
        elif not set(covered) & set(orjson.loads(old["record"])["incidents"]):
            why = "is a report about other incidents"
        elif old["reported_at"] > reported:
            why = "was reported later than this one"
        else:
            return
        raise InvalidInput([FieldError("supersedes", why, draft.supersedes, "body")])

    def _check_merged_into(self, incident_id: str, into: str) -> None:
        why = "is the incident itself" if into == incident_id else None
        try:
            self._append.live_incident(into)
        except IncidentNotFound:
            why = "is not the id of an incident"
        except Conflict:
            why = "is withdrawn itself"
        if why:
            raise InvalidInput([FieldError("merged_into", why, into, "body")])

    def _sources(self, sent: IncidentSent) -> list[dict[str, Any]]:
        """The public records of the sources that an incident names itself."""
        found = [self._party(tables.Source, source, f"sources.{n}")[1] for n, source in enumerate(sent.sources)]
        return list({source["id"]: source for source in found}.values())

    def _party(
        self,
        model: type[tables.Reporter] | type[tables.Source],
        sent: ReporterDraft | SourceDraft | Reference,
        member: str,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The row of a reporter or source, made on its first use, and its public record."""
        told = (model, type(sent), *vars(sent).values())
        if party := self._parties.get(told):
            return party
        party_id = sent.id
        if not isinstance(sent, Reference):
            with within(member):
                _, party_id = self.record_party(sent)
        row = self.find(model, party_id or "")
        if row is None:
            why = "is not the id of one that is recorded; send it whole"
            raise InvalidInput([FieldError(member, why, party_id, "body")])
        party = (row, orjson.loads(row["record"]))
        self._append.gathered.set(self._parties, told, party)
        return party

    def _expect_same_party(self, model: type[SQLModel], known: Mapping[str, Any], sent: Party) -> None:
        record = self._opened(model.__name__.lower(), known)
        if bool(record.get("confidential")) != sent.confidential:  # what else differs would tell what is kept secret
            raise Conflict(f'"{sent.id}" is recorded already, with another confidential', differs=["confidential"])
        self._expect_same(known["id"], record, sent.record())

    def _opened(self, kind: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """A record with what it keeps to itself. Raises `Conflict` for those who may not know that."""
        record: dict[str, Any] = orjson.loads(row["record"])
        if "commitment" in record:
            if not self.insider:
                raise Conflict(f'"{record["id"]}" is recorded already, and confidential; name it by its id alone')
            secret = self.find(Secret, sealing.subject(kind, record["id"]))
            record |= orjson.loads(secret["record"]) if secret else {}
        return record

    @staticmethod
    def _expect_same(name: str, recorded: Mapping[str, Any], sent: Mapping[str, Any], *, new: bool = False) -> None:
        different = [member for member, value in sent.items() if recorded.get(member) != value]
        if different or new:
            how = f", with another {', '.join(different)}" if different else ""
            raise Conflict(f'"{name}" is recorded already{how}', differs=different)


def _random_report_id(now: Instant) -> str:
    return f"tr-{now:x}-{secrets.token_hex(4)}"
