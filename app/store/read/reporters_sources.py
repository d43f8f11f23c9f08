"""Reading reporters and sources, with the number of their reports and of the incidents that these cover."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, bindparam, func, literal_column, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.domain.dates import Instant
from app.domain.json_text import extend_object, json_of
from app.domain.vocabulary import Measure
from app.errors import NotFound, echo
from app.query.parameters import ClockQuery, ListQuery
from app.store.db.sql_text import AnySelect, limited
from app.store.db.statements import Read, Row, Statement
from app.store.read.cursor import PageSequence
from app.store.read.disclosure import disclosed, disclosed_texts
from app.store.read.filters import at_clocks, known_reports
from app.store.read.paging import Page, next_cursor, total_of
from app.store.read.session import ReadSession, View
from app.store.tables import IncidentSet, IncidentSetMember, Reporter, Segment, Source, TollReport

_MODELS: dict[str, tuple[type[Reporter] | type[Source], Any]] = {
    "reporter": (Reporter, col(TollReport.reporter)),
    "source": (Source, col(TollReport.source)),
}
"""The table of each kind, and the column of a toll report that refers to it."""
REPORTERS_OR_SOURCES = {kind: PageSequence(kind, (str,)) for kind in _MODELS}


def build_reporters_or_sources(kind: str, after: bool, one: bool) -> AnySelect:
    """(record, reports, incidents, id) of reporters or sources, by id."""
    model, reference = _MODELS[kind]
    where = [col(model.recorded_at) <= bindparam("recorded")]
    if one:
        where.append(col(model.id) == bindparam("id"))
    if after:
        where.append(col(model.id) > bindparam("after_id"))
    reports = select(func.count()).select_from(TollReport).where(reference == model.key, *known_reports())
    incidents = (
        select(func.count(func.distinct(col(IncidentSetMember.incident))))
        .join_from(TollReport, IncidentSetMember, col(IncidentSetMember.incident_set) == TollReport.incident_set)
        .where(reference == model.key, *known_reports())
    )
    counts = (count.correlate(model).scalar_subquery() for count in (reports, incidents))
    return limited(select(col(model.record), *counts, col(model.id)).where(*where).order_by(col(model.id)))


def select_reporters_or_sources(
    kind: str, query: ListQuery, recorded: Instant, after: Sequence[int | str] | None = None, *, one: str | None = None
) -> Statement:
    """A page of reporters or sources with one row more than its limit, or one of them."""
    values: dict[str, Any] = {"recorded": recorded, "known": query.known, "limit": query.limit + 1}
    if after:
        values["after_id"] = after[0]
    if one is not None:
        values["id"] = one
    return Statement.of(build_reporters_or_sources, kind, after is not None, one is not None, **values)


def build_number_of(kind: str) -> AnySelect:
    """The number of reporters or sources."""
    model, _ = _MODELS[kind]
    return select(func.count()).select_from(model).where(col(model.recorded_at) <= bindparam("recorded"))


async def reporters_or_sources(session: ReadSession, kind: str, query: ListQuery) -> Page:
    """A page of reporters or sources, by id, with the number of their reports and incidents."""
    statement = select_reporters_or_sources(kind, query, session.recorded, session.after)
    rows, more = await session.page(statement, query.limit, lambda rows: sum(len(row[0]) for row in rows))
    items = await disclosed(session, list(map(_text, rows)))
    total = await total_of(session, query, lambda: Statement.of(build_number_of, kind, recorded=session.recorded))
    following = next_cursor(session, query, rows[-1][3:] if more else None)
    return Page(items, following, total)


def _text(row: Row) -> str:
    record, reports, incidents, _ = row
    return extend_object(record, json_of({"reports": reports, "incidents": incidents}))


def find_reporter_or_source(view: View, kind: str, wanted_id: str) -> Read[str]:
    """One reporter or source, as a read in steps. Raises `NotFound`."""
    rows = yield select_reporters_or_sources(kind, ListQuery(), view.recorded, one=wanted_id)
    if not rows:
        raise NotFound(f'no {kind} has the id "{echo(wanted_id)}"')
    (text,) = yield from disclosed_texts(view, list(map(_text, rows)))
    return text


def build_revised() -> AnySelect:
    """(set, best, headline's best at the clocks) of the newest figures of killed by the reporter `:id`.

    Only of figures that were the headline when they were reported.
    """
    figures = (
        select(col(TollReport.key), col(TollReport.incident_set), col(TollReport.reported_at), col(TollReport.best))
        .join_from(TollReport, Reporter, col(Reporter.key) == TollReport.reporter)
        .where(
            col(Reporter.id) == bindparam("id"),
            col(TollReport.measure) == bindparam("measure"),
            col(TollReport.best).is_not(None),
            *known_reports(),
        )
        .order_by(col(TollReport.reported_at).desc())
    )
    some = limited(figures).subquery()
    newest = some.c
    then = aliased(Segment)
    return (
        select(newest.incident_set, newest.best, col(Segment.killed_best))
        .join_from(some, IncidentSet, col(IncidentSet.key) == newest.incident_set)
        .join(IncidentSetMember, col(IncidentSetMember.incident_set) == newest.incident_set)
        .join(Segment, col(Segment.incident) == IncidentSetMember.incident)
        .join(then, col(then.incident) == IncidentSetMember.incident)
        .where(
            col(IncidentSet.size) == literal_column("1", Integer),
            *at_clocks(Segment),
            col(then.recorded_from) <= bindparam("recorded"),
            col(then.recorded_to) > bindparam("recorded"),
            col(then.known_from) <= newest.reported_at,
            col(then.known_to) > newest.reported_at,
            col(then.killed_best) == newest.best,
        )
        .order_by(newest.incident_set, newest.reported_at, newest.key)
    )


def select_revised(reporter_id: str, recorded: Instant, known: Instant, max_figures: int) -> Statement:
    """(set, best, headline's best at the clocks) of figures of killed that were the headline when reported.

    By incident, oldest first. Only the newest `max_figures` figures of the reporter are considered.
    """
    values: dict[str, Any] = {"id": reporter_id, "measure": Measure.KILLED.value, "limit": max_figures}
    return Statement.of(build_revised, recorded=recorded, known=known, **values)


async def revised_figures(session: ReadSession, reporter_id: str, query: ClockQuery, max_figures: int) -> list[Row]:
    """The rows of `select_revised` for one reporter."""
    return await session.rows(select_revised(reporter_id, session.recorded, query.known, max_figures))
