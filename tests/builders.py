"""Facts for tests: an incident, a toll report, a reporter and a source that are valid without further arguments.

A `_body` is the JSON object that a client sends. A `_draft` is the validated model that the writer takes.
`rule_report` is a report as the headline rule reads it. Keyword arguments replace members.
"""

from itertools import count
from typing import Any

from app.domain.dates import parse_moment
from app.domain.incident import IncidentDraft
from app.domain.report import Report
from app.domain.toll import TollReportDraft, numbers_of
from app.domain.vocabulary import Bound, Measure, ReporterKind, Victims
from app.store.db.database import Database
from app.store.write.writer import recording

Body = dict[str, Any]

SOURCE: Body = {"id": "src-test", "title": "A page", "published_on": "2020-01-01"}
REPORTERS: dict[str, Body] = {
    "gov": {"id": "gov", "name": "A government", "kind": "government"},
    "ministry": {"id": "ministry", "name": "A ministry", "kind": "government"},
    "army": {"id": "army", "name": "An army", "kind": "military"},
    "ngo": {"id": "ngo", "name": "An NGO", "kind": "ngo"},
    "rebels": {"id": "rebels", "name": "An armed group", "kind": "armed_group"},
    "group": {"id": "group", "name": "Another armed group", "kind": "armed_group"},
    "nameless": {"id": "nameless", "name": "Nobody known", "kind": "anonymous"},
}


def reporter_body(reporter: str) -> Body:
    """A reporter of `REPORTERS`, or a newspaper of this id."""
    return REPORTERS.get(reporter) or {"id": reporter, "name": f"Newspaper {reporter}", "kind": "media"}


def incident_body(incident_id: str | None = "attack", day: str = "2020-01-01", **members: Any) -> Body:
    """An incident of one day in Mali."""
    identity = {} if incident_id is None else {"id": incident_id}
    dates = {"date_start": day, "date_end": day, "date_precision": "day"}
    return {"title": "An attack", "country": "ML"} | dates | identity | members


def incident_draft(incident_id: str, day: str = "2020-01-01", **members: Any) -> IncidentDraft:
    return IncidentDraft.model_validate(incident_body(incident_id, day, **members))


def report_body(best: int | None = 49, reporter: str = "gov", reported_on: str = "2020-01-02", **members: Any) -> Body:
    """The number of all killed, exactly, reported by the government on the day after the incident."""
    figure = {"measure": "killed", "victims": "all", "bound": "exact", "best": best}
    return figure | {"reported_by": reporter_body(reporter), "reported_on": reported_on, "source": SOURCE} | members


def report_draft(
    best: int | None = 49, reporter: str = "gov", reported_on: str = "2020-01-02", **members: Any
) -> TollReportDraft:
    return TollReportDraft.model_validate(report_body(best, reporter, reported_on, **members))


_order = count(1)


def rule_report(
    report_id: str, best: int | None, reporter: str = "ministry", reported_on: str = "2019-11-01", **members: Any
) -> Report:
    """A report of killed about incident `x`. Reports are ordered as they are built."""
    bound = Bound(members.pop("bound", "exact"))
    low, best, high = numbers_of(bound, members.pop("low", None), best, members.pop("high", None))
    return Report(
        id=report_id,
        order=members.pop("order", None) or next(_order),
        measure=Measure.KILLED,
        victims=Victims(members.pop("victims", "all")),
        low=low,
        best=best,
        high=high,
        bound=bound,
        reporter=reporter,
        reporter_kind=ReporterKind(members.pop("kind", reporter_body(reporter)["kind"])),
        reported=parse_moment(reported_on),
        incidents=frozenset(members.pop("incidents", ["x"])),
        **members,
    )


def record(database: Database, *drafts: IncidentDraft | TollReportDraft, about: tuple[str, ...] = ()) -> int:
    """Records drafts in one transaction, reports about the incidents `about`. Returns the recorded instant."""
    with recording(database, "tests") as writer:
        for draft in drafts:
            if isinstance(draft, IncidentDraft):
                writer.record_incident(draft)
            else:
                writer.record_report(draft, list(about))
        return writer.appender.now


def record_report(database: Database, incidents: str | list[str], **members: Any) -> str:
    """Records one toll report in its own transaction. Returns its id."""
    covered = [incidents] if isinstance(incidents, str) else incidents
    with recording(database, "tests") as writer:
        _, report_id = writer.record_report(report_draft(**members), covered)
    return report_id


HOSTILE = "</title></script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}{% raw %}&amp;"
NOT_IN_XML = "\x01\x1b\ufffe\uffff"
LEFTWARD = "\u202e\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627"


def hostile_incident() -> Body:
    """An incident whose every text is an attack: markup, templates, quotes, right-to-left marks, great length."""
    long = f"{'N' * 4000}{LEFTWARD}{HOSTILE}".ljust(5000, "M")
    source = {"id": "src-bad", "title": HOSTILE, "publisher": HOSTILE, "published_on": "2021-03-16"}
    source["url"] = "https://a.example/?<script>"
    reporter = {"id": "r-bad", "name": HOSTILE, "kind": "media"}
    return incident_body(
        "bad", title=NOT_IN_XML + HOSTILE + LEFTWARD, summary=long, place=long, district=HOSTILE, claimed_by=HOSTILE,
        actors=[{"name": long, "kind": "unknown", "role": "attacker"}], external_ids={"other": HOSTILE},
        attributes={HOSTILE[:60]: HOSTILE}, latitude=15.9, longitude=2.4, sources=[source],
        toll_reports=[report_body(3, id="tr-bad", source=source, note=HOSTILE, locator=HOSTILE, reported_by=reporter)],
    )  # fmt: skip
