"""The toll history of an incident, and the versions of its record."""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import bindparam, select

from app.domain.dates import Instant, instant_text
from app.domain.headline import RULE, Look, successors
from app.domain.history import Effect, account, by_set, superseding
from app.domain.report import Report
from app.domain.vocabulary import Measure, ReportChange, Status
from app.query.query import Query
from app.store.db.collector import paused_collector
from app.store.db.sql_text import compiled
from app.store.db.statements import Row, Statement
from app.store.read import incident_queries
from app.store.read.disclosure import disclosed, disclosed_document
from app.store.read.filters import incident, version
from app.store.read.incidents import _absence, one_incident
from app.store.read.report_rows import (
    build_reports_about_incident,
    covering,
    known_report,
)
from app.store.read.session import MUCH_TEXT, ReadSession
from app.store.tables import TABLES
from app.store.tables.known_report import KnownReport


@cache
def _versions_text() -> str:
    return compiled(
        select(version.number, version.recorded_at, version.recorded_by, version.record, version.sources)
        .join_from(TABLES["incident"], TABLES["incident_version"], version.incident == incident.key)
        .where(incident.id == bindparam("id"), version.recorded_at <= bindparam("recorded"))
        .order_by(version.number)
    )


def select_versions(incident_id: str, recorded: Instant) -> Statement:
    """(number, recorded_at, recorded_by, record, sources) of every version, oldest first."""
    return Statement(_versions_text(), {"id": incident_id, "recorded": recorded})


@cache
def _about_incident_text() -> str:
    by_id = select(incident.key).where(incident.id == bindparam("id")).scalar_subquery()
    return compiled(build_reports_about_incident(by_id, records=True))


def select_reports_about_incident(incident_id: str, recorded: Instant) -> Statement:
    """The reports that cover an incident, and those that supersede them: rows for `known_report`."""
    return Statement(_about_incident_text(), {"id": incident_id, "recorded": recorded})


MANY_REPORTS = 50
"""A longer history is put together beside the event loop."""


async def history(session: ReadSession, incident_id: str, question: Query) -> dict[str, Any]:
    """Every report that covers an incident, oldest first, and the timeline of its headline."""
    text = await history_text(session, incident_id, question)
    if len(text) > MUCH_TEXT:
        answer: dict[str, Any] = await session.beside(orjson.loads, text)
        return answer
    return orjson.loads(text)  # type: ignore[no-any-return]


async def history_text(session: ReadSession, incident_id: str, question: Query) -> bytes:
    """The same as JSON.

    Raises `ReadTooLong` where the request has no time left. The work ends soon after its client has left.
    """
    await one_incident(session, incident_id, question)
    rows = await session.rows(select_reports_about_incident(incident_id, session.recorded))
    if len(rows) > MANY_REPORTS:
        told = await session.beside(_history, rows, incident_id, question, session.look)
        reports = await disclosed(session, told.reports)
        return await session.beside(_joined, told, reports)
    told = _history(rows, incident_id, question, session.look)
    return _joined(told, await disclosed(session, told.reports))


class History(NamedTuple):
    """A toll history: JSON texts of its reports, and what comes before and after them."""

    incident: str
    reports: list[str]
    timeline: list[dict[str, object]]
    shared: list[dict[str, object]]


def _joined(told: History, reports: Sequence[str]) -> bytes:
    begin = orjson.dumps({"incident": told.incident, "rule": RULE})[:-1]
    end = orjson.dumps({"timeline": told.timeline} | ({"shared": told.shared} if told.shared else {}))[1:]
    return b"".join((begin, b',"reports":[', ",".join(reports).encode(), b"],", end))


@paused_collector()
def _history(rows: Sequence[Row], incident_id: str, question: Query, look: Look) -> History:
    known, at = [known_report(row) for row in rows], question.known
    every = [k.report for k in known]
    wanted = question.given.get("measure")
    told = [k for k in covering(incident_id, known, at) if wanted is None or k.report.measure is wanted]
    replacing = superseding(every)
    changes: dict[str, Effect] = {}
    own_timeline: list[dict[str, object]] = []
    shared: list[dict[str, object]] = []
    for toll_set in by_set(k.report for k in told):
        others = replacing.get(frozenset(toll_set.incidents), ())
        steps = []
        for measure in (m for m in Measure if m in toll_set.reports):
            found = account(measure, toll_set.reports[measure], others, at, look)
            changes |= found.effects
            steps += found.timeline
        if len(toll_set.incidents) == 1:
            own_timeline = steps
        else:
            shared.append({"incidents": toll_set.incidents, "timeline": steps})
    replaced_by = successors(every, at, look)
    reports = [_told(k, replaced_by, changes[k.report.id], at) for k in told]
    return History(incident_id, reports, own_timeline, shared)


def _told(one: KnownReport, replaced_by: Mapping[str, Report], effect: Effect, at: Instant) -> str:
    """The JSON text of a report in a history."""
    standing = orjson.dumps(standing_of(one, replaced_by, at)).decode()
    return f"{one.record[:-1]},{standing[1:-1]},{_effect_members(*effect)}"


@lru_cache(maxsize=4096)
def _effect_members(change: ReportChange, delta: int | None, source_changed: bool | None) -> str:
    members = {"change": change, "delta": delta, "source_changed": source_changed}
    return orjson.dumps(members).decode()[1:]


def standing_of(one: KnownReport, replaced_by: Mapping[str, Report], at: Instant) -> dict[str, Any]:
    """Whether a report stands at the clocks, and if not, why. `replaced_by`: the `successors` at them."""
    void = one.report.void_at(at)
    by = replaced_by.get(one.report.id)
    status = Status.RETRACTED if void else Status.SUPERSEDED if by else Status.STANDING
    retraction = one.retraction if void else None
    if retraction:
        retraction = retraction | {"recorded_at": instant_text(retraction["recorded_at"])}
    return {"status": status.value, "superseded_by": by.id if by else None, "retraction": retraction}


async def versions(session: ReadSession, incident_id: str) -> dict[str, Any]:
    """How the record of an incident changed, with who and when."""
    rows = await session.rows(select_versions(incident_id, session.recorded))
    absent = await session.rows(incident_queries.select_absence(incident_id, session.recorded))
    if not rows or absent[0][2] is not None:
        raise _absence(incident_id, absent)
    size = sum(len(row[3]) + len(row[4]) for row in rows)
    items = await session.beside(_versions, session, rows) if size > MUCH_TEXT else _versions(session, rows)
    answer: dict[str, Any] = await disclosed_document(session, {"incident": incident_id, "items": items})
    return answer


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
