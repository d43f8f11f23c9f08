"""Toll reports across incidents, and those who told them: questions become statements, rows become JSON texts."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace

import orjson

from app.domain.dates import LAST_INSTANT
from app.domain.headline import successors
from app.domain.report import Report
from app.domain.vocabulary import Victims
from app.errors import DatabaseUnusable, NotFound, echo
from app.query.query import Query
from app.store.db.reader import SLICE, ReadSession, Row
from app.store.read import lists
from app.store.read.disclosure import disclosed
from app.store.read.incidents import Page, cursor_of, next_cursor, standing_of, total_of
from app.store.read.paging import PageSequence
from app.store.read.report_rows import KnownReport, known_report

REPORTS = PageSequence("toll-reports", (int, int))
MANY_REPORTS = 100
"""More are looked at beside the event loop: some milliseconds."""
REPORTERS_OR_SOURCES = {table: PageSequence(table, (str,)) for table in ("reporter", "source")}


async def toll_reports(session: ReadSession, question: Query) -> Page:
    """A page of toll reports, newest first, each with whether it stands."""
    cursor = cursor_of(question, REPORTS)
    statement = lists.select_toll_reports(question, session.recorded, cursor.keys if cursor else None)
    rows, more = await session.page(statement, question.limit, lambda row: len(row[2]))
    items = await disclosed(session, await _standing(session, question, rows))
    total = await total_of(
        session, question, lambda: lists.select_toll_reports(question, session.recorded, counted=True)
    )
    following = next_cursor(session, REPORTS, question, (rows[-1][3], rows[-1][4]) if more else None)
    return Page(items, following, total)


async def every_toll_report(session: ReadSession, question: Query) -> AsyncGenerator[list[str]]:
    """All toll reports that match, newest first, some at a time."""
    question = question.but(limit=SLICE, total=None)
    page = await toll_reports(session, question)
    session = replace(session, budget=None, patient=True)  # an export lasts as long as its client reads
    while page.items:
        yield page.items
        if page.cursor is None:
            return
        page = await toll_reports(session, question.but(cursor=page.cursor))


async def toll_report(session: ReadSession, report_id: str, question: Query) -> str:
    """One toll report. Raises `NotFound`."""
    rows = await session.rows(lists.select_toll_reports(question.but(id=report_id), session.recorded))
    if not rows:
        raise NotFound(f'no toll report with the id "{echo(report_id)}" is known at the time asked for')
    return (await disclosed(session, await _standing(session, question, rows)))[0]


async def recorded_report(session: ReadSession, report_id: str) -> tuple[str, list[str]]:
    """A report that was just recorded, and the figures for all victims that its reporter gave and that still stand.

    A change of the victims' group replaces those only where the report says so.
    """
    rows = await session.rows(lists.select_toll_reports(Query({"id": report_id}), session.recorded))
    known = [known_report(row) for row in await _about_sets(session, rows)]
    (text,) = await disclosed(session, _with_standing(Query(), rows, known))
    own = next(k.report for k in known if k.report.id == report_id)
    if own.victims is Victims.ALL:
        return text, []
    statement = lists.select_wholes(report_id, rows[0][0], session.recorded)
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
    return await session.rows(lists.select_reports_since(keys, min(row[3] for row in rows), session.recorded))


def _with_standing(question: Query, rows: Sequence[Row], known: Sequence[KnownReport]) -> list[str]:
    """Reports as JSON, each with whether it stands among all that are known about its incidents."""
    by_id = {k.report.id: k for k in known}
    if missing := {row[1] for row in rows} - by_id.keys():  # a row that they are joined with is gone: damage
        raise DatabaseUnusable(f"{min(missing)} points to no row; `incidents verify` names the first place")
    replaced_by = successors((k.report for k in known), question.known)
    standing = (standing_of(by_id[row[1]], replaced_by, question.known) for row in rows)
    return [f"{row[2][:-1]},{orjson.dumps(s).decode()[1:]}" for row, s in zip(rows, standing, strict=True)]


async def reporters_or_sources(session: ReadSession, table: str, question: Query) -> Page:
    """A page of `reporter` or `source`, by id, with how many reports and incidents they speak of."""
    cursor = cursor_of(question, REPORTERS_OR_SOURCES[table])
    statement = lists.select_reporters_or_sources(table, question, session.recorded, cursor.keys if cursor else None)
    rows, more = await session.page(statement, question.limit, lambda row: len(row[0]))
    items = await disclosed(session, [_reporter_or_source(row) for row in rows])
    total = await total_of(
        session, question, lambda: lists.select_reporters_or_sources(table, question, session.recorded, counted=True)
    )
    return Page(
        items, next_cursor(session, REPORTERS_OR_SOURCES[table], question, (rows[-1][3],) if more else None), total
    )


def _reporter_or_source(row: Row) -> str:
    counts: Mapping[str, int] = {"reports": row[1], "incidents": row[2]}
    return f"{row[0][:-1]},{orjson.dumps(counts).decode()[1:]}"


async def reporter_or_source(session: ReadSession, table: str, party_id: str) -> str:
    """One `reporter` or `source`. Raises `NotFound`."""
    rows = await session.rows(lists.select_reporters_or_sources(table, Query(), session.recorded, one=party_id))
    if not rows:
        raise NotFound(f'no {table} has the id "{echo(party_id)}"')
    return (await disclosed(session, [_reporter_or_source(rows[0])]))[0]
