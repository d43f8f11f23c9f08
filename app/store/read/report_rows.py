"""Toll reports as the headline rule needs them: which rows, and how a row becomes a `Report`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    literal_column,
    or_,
    select,
    union,
)
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.domain.dates import Instant, Moment
from app.domain.report import NEVER_VALID, Report
from app.domain.vocabulary import BOUNDS, MEASURES, REPORTER_KINDS, VICTIMS
from app.store.db.sql_text import compiled
from app.store.db.statements import Statement, filled_up
from app.store.read.filters import incident, known_reports, member, report
from app.store.tables import (
    TABLES,
    IncidentSet,
    IncidentSetMember,
    Reporter,
    Retraction,
    Source,
    TollReport,
)
from app.store.tables.known_report import KnownReport

_OWN = TABLES["toll_report"].alias("own")
OWN = _OWN.c
"""The reports that are about what is asked for, in conditions of `build_reports_about_sets`."""


@dataclass(frozen=True, slots=True)
class IncidentFacts:
    """All that is recorded about an incident: its newest version, and the reports that cover or supersede."""

    id: str
    version: int
    record: dict[str, Any]
    sources: list[dict[str, Any]]
    reports: list[KnownReport] = field(default_factory=list)


def build_reports_about_incident(key: Any, *, records: bool = False, sources: bool = False) -> Select[Any]:
    """Reports recorded by `:recorded` that cover the incident of this key, and those that supersede one of these.

    With `records` they have their own texts, with `sources` those of their sources, and empty ones otherwise: of
    thousands of reports the texts cost as much as the rule itself.
    """
    sets = select(IncidentSetMember.incident_set).where(col(IncidentSetMember.incident) == key)
    return _with_superseding([OWN.incident_set.in_(sets)], records, sources)


def build_reports_about_sets(
    count: int, *which: ColumnElement[bool], records: bool = False, sources: bool = False
) -> Select[Any]:
    """The same for the sets of incidents `:set_0`, `:set_1`, …, of these only `which`: conditions on `OWN`."""
    keys = [bindparam(f"set_{n}") for n in range(count)]
    return _with_superseding([OWN.incident_set.in_(keys), *which], records, sources)


def _with_superseding(which: Sequence[ColumnElement[bool]], records: bool, sources: bool) -> Select[Any]:
    replacing = aliased(TollReport)
    superseding = select(replacing.key).join(_OWN, col(replacing.supersedes) == OWN.key).where(*which)
    keys = union(select(OWN.key).where(*which), superseding)
    return report_rows(records=records, sources=sources).where(col(TollReport.key).in_(keys))


def report_rows(*, records: bool = False, sources: bool = False) -> Select[Any]:
    """Every report recorded by `:recorded`, in reported order, as `known_report` takes them."""
    old = aliased(TollReport)
    known, nothing = bindparam("recorded"), literal_column("''", Text)
    built: Select[Any] = (
        select(
            TollReport.key,
            TollReport.id,
            TollReport.measure,
            TollReport.victims,
            TollReport.low,
            TollReport.best,
            TollReport.high,
            TollReport.bound,
            TollReport.reported_on,
            TollReport.reported_at,
            TollReport.incident_set,
            TollReport.record if records else nothing.label("record"),
            IncidentSet.members,
            col(Reporter.id).label("reporter"),
            Reporter.kind,
            (col(Source.record) if sources else nothing).label("source"),
            col(old.id).label("supersedes"),
            col(Retraction.reason).label("void_reason"),
            col(Retraction.reported_on).label("void_on"),
            col(Retraction.reported_at).label("void_at"),
            col(Retraction.recorded_at).label("void_recorded_at"),
        )
        .join(IncidentSet, col(IncidentSet.key) == TollReport.incident_set)
        .join(Reporter, col(Reporter.key) == TollReport.reporter)
        .outerjoin(old, old.key == col(TollReport.supersedes))
        .outerjoin(
            Retraction,
            and_(col(Retraction.toll_report) == TollReport.key, col(Retraction.recorded_at) <= known),
        )
        .where(col(TollReport.recorded_at) <= known)
        .order_by(col(TollReport.reported_at), col(TollReport.key))
    )
    return built.join(Source, col(Source.key) == TollReport.source) if sources else built


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


@lru_cache(maxsize=16)
def _told_of_text(count: int) -> str:
    retraction = TABLES["retraction"].c
    void = and_(
        retraction.toll_report == report.key,
        retraction.recorded_at <= bindparam("recorded"),
        or_(retraction.reported_at.is_(None), retraction.reported_at <= bindparam("known")),
    )
    return compiled(
        select(incident.id, report.record, retraction.reason, retraction.reported_on)
        .join_from(TABLES["incident"], TABLES["incident_set_member"], member.incident == incident.key)
        .join(TABLES["toll_report"], report.incident_set == member.incident_set)
        .outerjoin(TABLES["retraction"], void)
        .where(incident.id.in_([bindparam(f"id_{n}") for n in range(count)]), *known_reports())
        .order_by(report.reported_at, report.key)
    )


def select_reports_of_incidents(incident_ids: Sequence[str], recorded: Instant, known: Instant) -> Statement:
    """(incident's id, record, retraction's reason, its reported_on) of reports about some incidents, oldest first."""
    wanted = filled_up(incident_ids)
    values = {f"id_{n}": incident_id for n, incident_id in enumerate(wanted)}
    return Statement(_told_of_text(len(wanted)), values | {"recorded": recorded, "known": known})
