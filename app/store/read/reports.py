"""Toll reports across incidents, and those who told them: questions become statements, rows become JSON texts."""

from collections.abc import AsyncGenerator, Sequence
from functools import cache, lru_cache
from typing import Any

import orjson
from sqlalchemy import Select, bindparam, func, literal_column, select, tuple_

from app.domain.dates import LAST_INSTANT, Instant
from app.domain.headline import successors
from app.domain.report import Report
from app.domain.vocabulary import Victims
from app.errors import DatabaseUnusable, NotFound, echo
from app.query.parameters import ReportQuery
from app.query.query import Filter, Query
from app.store.db.reader import SLICE
from app.store.db.sql_text import compiled, limited
from app.store.db.statements import Row, Statement, filled_up
from app.store.read.cursor import PageSequence, cursor_of
from app.store.read.disclosure import disclosed
from app.store.read.filters import compared_value, condition_on_report, known_reports, report
from app.store.read.history import standing_of
from app.store.read.paging import Page, next_cursor, total_of
from app.store.read.report_rows import OWN, build_reports_about_sets, known_report
from app.store.read.session import ReadSession
from app.store.tables import TABLES
from app.store.tables.known_report import KnownReport

REPORTS = PageSequence("toll-reports", (int, int))
MANY_REPORTS = 100
"""More are looked at beside the event loop: some milliseconds."""


async def toll_reports(session: ReadSession, question: ReportQuery) -> Page:
    """A page of toll reports, newest first, each with whether it stands."""
    cursor = cursor_of(question, REPORTS)
    statement = select_toll_reports(question, session.recorded, cursor.keys if cursor else None)
    rows, more = await session.page(statement, question.limit, lambda row: len(row[2]))
    items = await disclosed(session, await _standing(session, question, rows))
    total = await total_of(session, question, lambda: select_toll_reports(question, session.recorded, counted=True))
    following = next_cursor(session, REPORTS, question, (rows[-1][3], rows[-1][4]) if more else None)
    return Page(items, following, total)


async def every_toll_report(session: ReadSession, question: ReportQuery) -> AsyncGenerator[list[str]]:
    """All toll reports that match, newest first, some at a time."""
    question = question.but(limit=SLICE, total=None)
    page = await toll_reports(session, question)
    session = session.lasting()
    while page.items:
        yield page.items
        if page.cursor is None:
            return
        page = await toll_reports(session, question.but(cursor=page.cursor))


async def toll_report(session: ReadSession, report_id: str, question: Query) -> str:
    """One toll report. Raises `NotFound`."""
    rows = await session.rows(select_toll_report(report_id, session.recorded, question.known))
    if not rows:
        raise NotFound(f'no toll report with the id "{echo(report_id)}" is known at the time asked for')
    return (await disclosed(session, await _standing(session, question, rows)))[0]


async def recorded_report(session: ReadSession, report_id: str) -> tuple[str, list[str]]:
    """A report that was just recorded, and the figures for all victims that its reporter gave and that still stand.

    A change of the victims' group replaces those only where the report says so.
    """
    rows = await session.rows(select_toll_report(report_id, session.recorded, LAST_INSTANT))
    known = [known_report(row) for row in await _about_sets(session, rows)]
    (text,) = await disclosed(session, _with_standing(Query(), rows, known))
    own = next(k.report for k in known if k.report.id == report_id)
    if own.victims is Victims.ALL:
        return text, []
    statement = select_wholes(report_id, rows[0][0], session.recorded)
    told = [known_report(row).report for row in await session.rows(statement)]
    replaced_by = successors(told, LAST_INSTANT)
    wholes = [r.id for r in told if _is_whole(r, own) and r.id not in replaced_by]
    return text, wholes


def _is_whole(report: Report, part: Report) -> bool:
    """Whether a report of the reporter of a part tells of all victims, is older, and is not retracted."""
    same = (report.reporter, report.measure, report.incidents) == (part.reporter, part.measure, part.incidents)
    return same and report.victims is Victims.ALL and report.when < part.when and not report.void_at(LAST_INSTANT)


async def _standing(session: ReadSession, question: Query, rows: Sequence[Row]) -> list[str]:
    """Reports as JSON, each with whether it stands; many are looked at beside the event loop."""

    def made() -> list[str]:
        return _with_standing(question, rows, [known_report(row) for row in session.each(about)])

    about = await _about_sets(session, rows)
    return await session.beside(made) if len(about) > MANY_REPORTS else made()


async def _about_sets(session: ReadSession, rows: Sequence[Row]) -> list[Row]:
    """What may tell whether some reports stand: those of the same sets of incidents that were not given before them."""
    if not rows:
        return []
    keys = list(dict.fromkeys(row[0] for row in rows))
    return await session.rows(select_reports_since(keys, min(row[3] for row in rows), session.recorded))


def _with_standing(question: Query, rows: Sequence[Row], known: Sequence[KnownReport]) -> list[str]:
    """Reports as JSON, each with whether it stands among all that are known about its incidents."""
    by_id = {k.report.id: k for k in known}
    if missing := {row[1] for row in rows} - by_id.keys():  # a row that they are joined with is gone: damage
        raise DatabaseUnusable(f"{min(missing)} points to no row; `incidents verify` names the first place")
    replaced_by = successors((k.report for k in known), question.known)
    standing = (standing_of(by_id[row[1]], replaced_by, question.known) for row in rows)
    return [f"{row[2][:-1]},{orjson.dumps(s).decode()[1:]}" for row, s in zip(rows, standing, strict=True)]


@lru_cache(maxsize=16)
def _since_text(count: int) -> str:
    return compiled(build_reports_about_sets(count, OWN.reported_at >= bindparam("since")))


def select_reports_since(keys: Sequence[int], since: Instant, recorded: Instant) -> Statement:
    """The reports about some sets of incidents that were given at an instant or later, and those that supersede them.

    Rows for `known_report`, without texts. What replaces a report is never given before it.
    """
    keys = filled_up(keys)
    sets = {f"set_{n}": key for n, key in enumerate(keys)}
    return Statement(_since_text(len(keys)), sets | {"since": since, "recorded": recorded})


@cache
def _wholes_text() -> str:
    part = TABLES["toll_report"].alias("part").c
    of_part = select(part.reporter, part.measure).where(part.id == bindparam("id"))
    whole = tuple_(OWN.reporter, OWN.measure).in_(of_part), OWN.victims == literal_column(f"'{Victims.ALL}'")
    return compiled(build_reports_about_sets(1, *whole))


def select_wholes(report_id: str, set_key: int, recorded: Instant) -> Statement:
    """The reports about all victims by the reporter of a report, of its measure and incidents: rows as before."""
    return Statement(_wholes_text(), {"id": report_id, "set_0": set_key, "recorded": recorded})


def build_toll_reports(filters: Sequence[Filter], after: bool, counted: bool) -> Select[Any]:
    """(set, id, record, reported_at, key) of toll reports, newest first; or their number."""
    where = (*known_reports(), *map(condition_on_report, filters))
    if counted:
        return select(func.count()).select_from(TABLES["toll_report"]).where(*where)
    built = _reports().where(*where)
    if after:
        built = built.where(
            tuple_(report.reported_at, report.key) < tuple_(bindparam("after_at"), bindparam("after_key"))
        )
    return limited(built.order_by(report.reported_at.desc(), report.key.desc()))


def _reports() -> Select[Any]:
    return select(report.incident_set, report.id, report.record, report.reported_at, report.key)


@lru_cache(maxsize=256)
def _reports_text(filters: tuple[Filter, ...], after: bool, counted: bool) -> str:
    return compiled(build_toll_reports(filters, after, counted))


def select_toll_reports(
    question: ReportQuery, recorded: Instant, after: Sequence[int | str] | None = None, *, counted: bool = False
) -> Statement:
    """A page of toll reports with one row more, or their number."""
    given = question.filters()
    values: dict[str, Any] = {"recorded": recorded, "known": question.known}
    values |= {f.name: compared_value(f, value) for f, value in given}
    if not counted:
        values["limit"] = question.limit + 1
    if after:
        values |= {"after_at": after[0], "after_key": after[1]}
    return Statement(_reports_text(tuple(f for f, _ in given), after is not None, counted), values)


@cache
def _report_text() -> str:
    return compiled(_reports().where(*known_reports(), report.id == bindparam("id")))


def select_toll_report(report_id: str, recorded: Instant, known: Instant) -> Statement:
    """One toll report, in the columns of `build_toll_reports`."""
    return Statement(_report_text(), {"id": report_id, "recorded": recorded, "known": known})
