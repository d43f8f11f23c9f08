"""Toll reports as the headline rule needs them: which rows are read, and how a row becomes a `Report`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import BindParameter, ColumnElement, Text, and_, bindparam, literal_column, or_, select, union
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.domain.dates import Instant, Moment
from app.domain.json_text import json_of
from app.domain.report import NEVER_VALID, Report
from app.domain.vocabulary import BOUNDS, MEASURES, REPORTER_KINDS, VICTIMS
from app.store.db.sql_text import AnySelect, among
from app.store.db.statements import Statement
from app.store.read.filters import known_reports
from app.store.tables import Incident, IncidentSet, IncidentSetMember, Reporter, Retraction, Source, TollReport
from app.store.tables.known_report import KnownReport

OWN = aliased(TollReport, name="own")
"""The reports that are wanted, in conditions of `build_reports`."""


@dataclass(frozen=True, slots=True)
class IncidentFacts:
    """All that is recorded about an incident: its newest version, and the reports that cover or supersede."""

    id: str
    version: int
    record: dict[str, Any]
    sources: list[dict[str, Any]]
    reports: list[KnownReport] = field(default_factory=list)


def build_reports_about_incident(key: Any, *, records: bool = False, sources: bool = False) -> AnySelect:
    """`build_reports` that cover the incident of this key."""
    sets = select(col(IncidentSetMember.incident_set)).where(col(IncidentSetMember.incident) == key)
    return build_reports(col(OWN.incident_set).in_(sets), records=records, sources=sources)


def build_reports_about_set(*which: ColumnElement[bool], sources: bool = False) -> AnySelect:
    """`build_reports` about the set of incidents `:set` that also meet conditions on `OWN`."""
    return build_reports(col(OWN.incident_set) == bindparam("set"), *which, sources=sources)


def build_reports(*which: ColumnElement[bool], records: bool = False, sources: bool = False) -> AnySelect:
    """Reports recorded by `:recorded` that meet conditions on `OWN`, and those that supersede one of these.

    With `records` they have their own texts, with `sources` those of their sources, otherwise empty ones. The texts of
    thousands of reports cost as much as the headline rule itself.
    """
    replacing = aliased(TollReport)
    superseding = select(col(replacing.key)).join(OWN, col(replacing.supersedes) == OWN.key).where(*which)
    keys = union(select(col(OWN.key)).where(*which), superseding)
    return report_rows(records=records, sources=sources).where(col(TollReport.key).in_(keys))


def report_rows(*, records: bool = False, sources: bool = False) -> AnySelect:
    """Every report recorded by `:recorded`, in reported order, as `known_report` reads it."""
    old = aliased(TollReport)
    recorded: BindParameter[Any] = bindparam("recorded")
    nothing = literal_column("''", Text)
    rows: AnySelect = (
        select(
            col(TollReport.key),
            col(TollReport.id),
            col(TollReport.measure),
            col(TollReport.victims),
            col(TollReport.low),
            col(TollReport.best),
            col(TollReport.high),
            col(TollReport.bound),
            col(TollReport.reported_on),
            col(TollReport.reported_at),
            col(TollReport.incident_set),
            col(TollReport.record) if records else nothing.label("record"),
            col(IncidentSet.members),
            col(Reporter.id).label("reporter"),
            col(Reporter.kind),
            (col(Source.record) if sources else nothing).label("source"),
            col(old.id).label("supersedes"),
            col(Retraction.reason).label("void_reason"),
            col(Retraction.reported_on).label("void_on"),
            col(Retraction.reported_at).label("void_at"),
            col(Retraction.recorded_at).label("void_recorded_at"),
        )
        .join(IncidentSet, col(IncidentSet.key) == TollReport.incident_set)
        .join(Reporter, col(Reporter.key) == TollReport.reporter)
        .outerjoin(old, col(old.key) == TollReport.supersedes)
        .outerjoin(
            Retraction,
            and_(col(Retraction.toll_report) == TollReport.key, col(Retraction.recorded_at) <= recorded),
        )
        .where(col(TollReport.recorded_at) <= recorded)
        .order_by(col(TollReport.reported_at), col(TollReport.key))
    )
    return rows.join(Source, col(Source.key) == TollReport.source) if sources else rows


@lru_cache(maxsize=4096)
def _members(text: str) -> frozenset[str]:
    return frozenset(orjson.loads(text))


def known_report(row: Sequence[Any]) -> KnownReport:
    """A row of `report_rows`."""
    (
        key, id_, measure, victims, low, best, high, bound, reported_on, reported_at, set_key, record, members,
        reporter, kind, source, supersedes, void_reason, void_on, void_at, void_recorded_at,
    ) = row  # fmt: skip
    void_from = None if void_reason is None else NEVER_VALID if void_at is None else Moment(void_on, void_at)
    return KnownReport(
        Report(
            id=id_,
            order=key,
            measure=MEASURES[measure],
            victims=VICTIMS[victims],
            low=low,
            best=best,
            high=high,
            bound=BOUNDS[bound],
            reporter=reporter,
            reporter_kind=REPORTER_KINDS[kind],
            reported=Moment(reported_on, reported_at),
            incidents=_members(members),
            supersedes=supersedes,
            void_from=void_from,
        ),
        set_key,
        record,
        source,
        None
        if void_reason is None
        else {"reason": void_reason, "reported_on": void_on, "recorded_at": void_recorded_at},
    )


def covering(incident: str, reports: Iterable[KnownReport], at: Instant) -> list[KnownReport]:
    """Those that cover the incident and were given by `at`, oldest first."""
    return [k for k in reports if incident in k.report.incidents and k.report.reported.instant <= at]


def build_reports_of_incidents() -> AnySelect:
    """(incident's id, record, retraction's reason, its reported_on) of reports about `:ids`, oldest first."""
    void = and_(
        col(Retraction.toll_report) == TollReport.key,
        col(Retraction.recorded_at) <= bindparam("recorded"),
        or_(col(Retraction.reported_at).is_(None), col(Retraction.reported_at) <= bindparam("known")),
    )
    return (
        select(col(Incident.id), col(TollReport.record), col(Retraction.reason), col(Retraction.reported_on))
        .join_from(Incident, IncidentSetMember, col(IncidentSetMember.incident) == Incident.key)
        .join(TollReport, col(TollReport.incident_set) == IncidentSetMember.incident_set)
        .outerjoin(Retraction, void)
        .where(among(col(Incident.id), "ids"), *known_reports())
        .order_by(col(TollReport.reported_at), col(TollReport.key))
    )


def select_reports_of_incidents(incident_ids: Sequence[str], recorded: Instant, known: Instant) -> Statement:
    """The reports about some incidents, oldest first."""
    return Statement.of(build_reports_of_incidents, ids=json_of(incident_ids), recorded=recorded, known=known)
