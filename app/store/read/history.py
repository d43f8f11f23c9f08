"""The toll history of an incident, and the versions of its record."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import bindparam, select
from sqlmodel import col

from app.domain.dates import Instant, instant_text
from app.domain.headline import RULE, Look, successors
from app.domain.history import Effect, account, by_set, superseding
from app.domain.json_text import extend_object, json_of, list_object
from app.domain.report import Report
from app.domain.vocabulary import Measure, ReportChange
from app.query.parameters import HistoryQuery
from app.store.db.sql_text import AnySelect
from app.store.db.statements import Row, Statement
from app.store.read import incident_queries
from app.store.read.disclosure import disclosed, disclosed_document
from app.store.read.incidents import absence_error, one_incident
from app.store.read.report_rows import build_reports_about_incident, covering, known_report
from app.store.read.session import MUCH_TEXT, ReadSession
from app.store.read.standing import standing_of
from app.store.tables import Incident, IncidentVersion
from app.store.tables.known_report import KnownReport

MANY_REPORTS = 50
"""Reports of a history that is computed on the event loop. A longer one is computed in a thread."""


def build_versions() -> AnySelect:
    """(number, recorded_at, recorded_by, record, sources) of every version of the incident `:id`, oldest first."""
    version = IncidentVersion
    columns = (version.number, version.recorded_at, version.recorded_by, version.record, version.sources)
    return (
        select(*map(col, columns))
        .join_from(Incident, version, col(version.incident) == Incident.key)
        .where(col(Incident.id) == bindparam("id"), col(version.recorded_at) <= bindparam("recorded"))
        .order_by(col(version.number))
    )


def select_versions(incident_id: str, recorded: Instant) -> Statement:
    """The versions of an incident's record, oldest first."""
    return Statement.of(build_versions, id=incident_id, recorded=recorded)


def build_reports_of_history() -> AnySelect:
    """`build_reports` that cover the incident `:id`, with their texts."""
    key = select(col(Incident.key)).where(col(Incident.id) == bindparam("id")).scalar_subquery()
    return build_reports_about_incident(key, records=True)


def select_reports_about_incident(incident_id: str, recorded: Instant) -> Statement:
    """The reports that cover an incident, and those that supersede them: rows for `known_report`."""
    return Statement.of(build_reports_of_history, id=incident_id, recorded=recorded)


async def history(session: ReadSession, incident_id: str, query: HistoryQuery) -> dict[str, Any]:
    """Every report that covers an incident, oldest first, and the timeline of its headline."""
    text = await history_text(session, incident_id, query)
    document: dict[str, Any]
    document = await session.in_thread(orjson.loads, text) if len(text) > MUCH_TEXT else orjson.loads(text)
    return document


async def history_text(session: ReadSession, incident_id: str, query: HistoryQuery) -> bytes:
    """The same as JSON.

    Raises `ReadTooLong` if the request has no time left. The work ends soon after its client has left.
    """
    await one_incident(session, incident_id, query)
    rows = await session.rows(select_reports_about_incident(incident_id, session.recorded))
    if len(rows) <= MANY_REPORTS:
        found = _history(rows, incident_id, query, session.expect_time)
        return _as_text(found, await disclosed(session, found.reports))
    found = await session.in_thread(_history, rows, incident_id, query, session.expect_time)
    return await session.in_thread(_as_text, found, await disclosed(session, found.reports))


class History(NamedTuple):
    """A toll history: the JSON texts of its reports, and the timelines of its headlines."""

    incident: str
    reports: list[str]
    timeline: list[dict[str, object]]
    shared: list[dict[str, object]]


def _as_text(found: History, reports: Sequence[str]) -> bytes:
    head = json_of({"incident": found.incident, "rule": RULE})
    timelines = {"timeline": found.timeline} | ({"shared": found.shared} if found.shared else {})
    return list_object(head, "reports", reports, json_of(timelines))


def _history(rows: Sequence[Row], incident_id: str, query: HistoryQuery, look: Look) -> History:
    known, at = [known_report(row) for row in rows], query.known
    every = [k.report for k in known]
    measure = query.measure
    shown = [k for k in covering(incident_id, known, at) if measure is None or k.report.measure is measure]
    replacing = superseding(every)
    changes: dict[str, Effect] = {}
    own_timeline: list[dict[str, object]] = []
    shared: list[dict[str, object]] = []
    for toll_set in by_set(k.report for k in shown):
        others = replacing.get(frozenset(toll_set.incidents), ())
        steps = []
        for of in (m for m in Measure if m in toll_set.reports):
            found = account(of, toll_set.reports[of], others, at, look)
            changes |= found.effects
            steps += found.timeline
        if len(toll_set.incidents) == 1:
            own_timeline = steps
        else:
            shared.append({"incidents": toll_set.incidents, "timeline": steps})
    replaced_by = successors(every, at, look)
    reports = [_report_text(k, replaced_by, changes[k.report.id], at) for k in shown]
    return History(incident_id, reports, own_timeline, shared)


def _report_text(one: KnownReport, replaced_by: Mapping[str, Report], effect: Effect, at: Instant) -> str:
    """The JSON text of a report in a history."""
    return extend_object(one.record, json_of(standing_of(one, replaced_by, at)), _effect_text(*effect))


@lru_cache(maxsize=4096)
def _effect_text(change: ReportChange, delta: int | None, source_changed: bool | None) -> str:
    return json_of({"change": change, "delta": delta, "source_changed": source_changed})


async def versions(session: ReadSession, incident_id: str) -> dict[str, Any]:
    """How the record of an incident changed, by whom and when."""
    rows = await session.rows(select_versions(incident_id, session.recorded))
    absent = await session.rows(incident_queries.select_absence(incident_id, session.recorded))
    is_withdrawn = any(reason is not None for _, reason, _, _ in absent)
    if not rows or is_withdrawn:
        raise absence_error(incident_id, absent)
    size = sum(len(record) + len(sources) for _, _, _, record, sources in rows)
    items = await session.in_thread(_versions, session, rows) if size > MUCH_TEXT else _versions(session, rows)
    document: dict[str, Any] = await disclosed_document(session, {"incident": incident_id, "items": items})
    return document


def _versions(session: ReadSession, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Versions of a record from rows of `select_versions`, each with the members that changed."""
    items: list[dict[str, Any]] = []
    before: dict[str, Any] = {}
    for number, recorded_at, recorded_by, text, sources in session.each(rows):
        record = orjson.loads(text) | {"sources": orjson.loads(sources)}
        changed = [m for m, value in record.items() if m not in ("id", "recorded_at") and before.get(m, value) != value]
        items.append(
            {
                "version": number,
                "recorded_at": instant_text(recorded_at),
                "recorded_by": recorded_by,
                "changed": changed,
                "record": record,
            }
        )
        before = record
    return items
