"""Reading toll reports across incidents: pages, exports, and single reports with whether they stand."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from sqlalchemy import bindparam, func, literal_column, select, tuple_
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.domain.dates import LAST_INSTANT, Instant
from app.domain.headline import successors
from app.domain.report import Report
from app.domain.vocabulary import Victims
from app.errors import NotFound, echo
from app.query.parameters import ReportQuery
from app.query.query import Filter, Query
from app.store.db.sql_text import AnySelect, limited
from app.store.db.statements import Read, Row, Statement
from app.store.read.cursor import PageSequence
from app.store.read.disclosure import disclosed, disclosed_texts
from app.store.read.filters import compared_value, condition_on_report, known_reports
from app.store.read.paging import Page, next_cursor, total_of
from app.store.read.report_rows import OWN, build_reports_about_set, known_report
from app.store.read.session import ReadSession, View
from app.store.read.standing import StandingReports
from app.store.tables import TollReport

REPORTS = PageSequence("toll-reports", (int, int))
MANY_REPORTS = 100
"""Related reports that are compared on the event loop, in some milliseconds. More are compared in a thread."""


async def toll_reports(session: ReadSession, query: ReportQuery) -> Page:
    """A page of toll reports, newest first, each with whether it stands."""
    statement = select_toll_reports(query, session.recorded, session.after)
    rows, more = await session.page(statement, query.limit, lambda rows: sum(len(row[2]) for row in rows))
    items = await _texts(session, rows, StandingReports(query.known, session.recorded))
    total = await total_of(session, query, lambda: select_toll_reports(query, session.recorded, counted=True))
    following = next_cursor(session, query, rows[-1][3:] if more else None)
    return Page(items, following, total)


async def every_toll_report(session: ReadSession, query: ReportQuery) -> AsyncGenerator[list[str]]:
    """All toll reports that match, newest first, some at a time."""
    standing = StandingReports(query.known, session.recorded, exports=True)

    def following(after: Row | None, count: int) -> Statement:
        some = query.but(limit=count - 1)  # a page reads one row more
        return select_toll_reports(some, session.recorded, after and after[3:])

    session = session.lasting()
    async with aclosing(session.slices(following)) as slices:
        async for rows in slices:
            yield await _texts(session, rows, standing)


async def _texts(session: ReadSession, rows: Sequence[Row], standing: StandingReports) -> list[str]:
    """The JSON texts of rows of `select_toll_reports`, each with whether it stands."""
    if not rows:
        return []
    related = await session.rows(standing.select_related(rows))

    def build() -> list[str]:
        return standing.texts(rows, map(known_report, session.each(related)))

    return await disclosed(session, await session.in_thread(build) if len(related) > MANY_REPORTS else build())


def find_report(view: View, report_id: str, query: Query) -> Read[str]:
    """One toll report, as a read in steps. Raises `NotFound`."""
    rows = yield select_toll_report(report_id, view.recorded, query.known)
    if not rows:
        raise NotFound(f'no toll report with the id "{echo(report_id)}" is known at the requested time')
    text, _ = yield from _with_related(view, rows, query.known)
    return text


def find_recorded_report(view: View, report_id: str) -> Read[tuple[str, list[str]]]:
    """A report that was just recorded, and the reports on all victims by its reporter that still stand.

    A report on a group of victims replaces those only if it names them.
    """
    rows = yield select_toll_report(report_id, view.recorded, LAST_INSTANT)
    text, related = yield from _with_related(view, rows, LAST_INSTANT)
    own = next(report for report in related if report.id == report_id)
    if own.victims is Victims.ALL:
        return text, []
    ((set_key, *_),) = rows
    older = yield Statement.of(_build_on_all_victims, id=report_id, set=set_key, recorded=view.recorded)
    reports = [known_report(row).report for row in older]
    replaced_by = successors(reports, LAST_INSTANT)
    return text, [r.id for r in reports if _is_on_all_victims(r, own) and r.id not in replaced_by]


def _with_related(view: View, rows: Sequence[Row], at: Instant) -> Read[tuple[str, list[Report]]]:
    """The text of one report, and the reports that decide whether it stands."""
    standing = StandingReports(at, view.recorded)
    related = [known_report(row) for row in (yield standing.select_related(rows))]
    (text,) = yield from disclosed_texts(view, standing.texts(rows, related))
    return text, [known.report for known in related]


def _is_on_all_victims(report: Report, part: Report) -> bool:
    """Whether a report by the reporter of a part is about all victims, older, and not retracted."""
    same = (report.reporter, report.measure, report.incidents) == (part.reporter, part.measure, part.incidents)
    return same and report.victims is Victims.ALL and report.when < part.when and not report.void_at(LAST_INSTANT)


def _build_on_all_victims() -> AnySelect:
    """The reports on all victims by the reporter of the report `:id`, of its measure, about the set `:set`."""
    part = aliased(TollReport, name="part")
    of_part = select(col(part.reporter), col(part.measure)).where(col(part.id) == bindparam("id"))
    return build_reports_about_set(
        tuple_(col(OWN.reporter), col(OWN.measure)).in_(of_part),
        col(OWN.victims) == literal_column(f"'{Victims.ALL}'"),
    )


def build_toll_reports(filters: tuple[Filter, ...], after: bool, counted: bool) -> AnySelect:
    """(set, id, record, reported_at, key) of toll reports, newest first; or their number."""
    where = (*known_reports(), *map(condition_on_report, filters))
    if counted:
        return select(func.count()).select_from(TollReport).where(*where)
    page = _reports().where(*where)
    order = col(TollReport.reported_at), col(TollReport.key)
    if after:
        page = page.where(tuple_(*order) < tuple_(bindparam("after_at"), bindparam("after_key")))
    return limited(page.order_by(*(column.desc() for column in order)))


def _reports() -> AnySelect:
    columns = (TollReport.incident_set, TollReport.id, TollReport.record, TollReport.reported_at, TollReport.key)
    return select(*map(col, columns))


def select_toll_reports(
    query: ReportQuery, recorded: Instant, after: Sequence[int | str] | None = None, *, counted: bool = False
) -> Statement:
    """A page of toll reports with one row more than its limit, or their number."""
    given = query.filters()
    values: dict[str, Any] = {f.name: compared_value(f, value) for f, value in given}
    values |= {"recorded": recorded, "known": query.known}
    if not counted:
        values["limit"] = query.limit + 1
    if after:
        values |= {"after_at": after[0], "after_key": after[1]}
    filters = tuple(f for f, _ in given)
    return Statement.of(build_toll_reports, filters, after is not None, counted, **values)


def build_toll_report() -> AnySelect:
    """The toll report `:id`, in the columns of `build_toll_reports`."""
    return _reports().where(*known_reports(), col(TollReport.id) == bindparam("id"))


def select_toll_report(report_id: str, recorded: Instant, known: Instant) -> Statement:
    """One toll report, in the columns of `build_toll_reports`."""
    return Statement.of(build_toll_report, id=report_id, recorded=recorded, known=known)
