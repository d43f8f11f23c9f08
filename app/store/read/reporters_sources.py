"""Reporters and sources, with how many reports and incidents they speak of."""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

import orjson
from sqlalchemy import Integer, Select, bindparam, func, literal_column, select

from app.domain.dates import Instant
from app.domain.vocabulary import Measure
from app.errors import NotFound, echo
from app.query.parameters import ListQuery
from app.store.db.sql_text import compiled, limited
from app.store.db.statements import Row, Statement
from app.store.read.cursor import PageSequence, cursor_of
from app.store.read.disclosure import disclosed
from app.store.read.filters import at_clocks, known_reports, member, report, segment
from app.store.read.paging import Page, next_cursor, total_of
from app.store.read.session import ReadSession
from app.store.tables import TABLES


def build_reporters_or_sources(table: str, after: bool, counted: bool, one: bool) -> Select[Any]:
    """(record, reports, incidents, id) of reporters or sources, by id; or their number."""
    party = TABLES[table].c
    of_party = (report[table] == party.key, *known_reports())
    count_reports = select(func.count()).select_from(TABLES["toll_report"]).where(*of_party).scalar_subquery()
    covered = select(func.count(func.distinct(member.incident))).join_from(
        TABLES["toll_report"], TABLES["incident_set_member"], member.incident_set == report.incident_set
    )
    where = [party.recorded_at <= bindparam("recorded")]
    if counted:
        return select(func.count()).select_from(TABLES[table]).where(*where)
    if one:
        where.append(party.id == bindparam("id"))
    if after:
        where.append(party.id > bindparam("after_id"))
    built = select(party.record, count_reports, covered.where(*of_party).scalar_subquery(), party.id)
    return limited(built.where(*where).order_by(party.id))


@lru_cache(maxsize=16)
def _reporters_or_sources_text(table: str, after: bool, counted: bool, one: bool) -> str:
    return compiled(build_reporters_or_sources(table, after, counted, one))


def select_reporters_or_sources(
    table: str,
    question: ListQuery,
    recorded: Instant,
    after: Sequence[int | str] | None = None,
    *,
    counted: bool = False,
    one: str | None = None,
) -> Statement:
    """A page of `reporter` or `source` with one row more, one of them, or their number."""
    values: dict[str, Any] = {"recorded": recorded} | ({} if counted else {"known": question.known})
    if not counted:
        values["limit"] = question.limit + 1
    if after:
        values["after_id"] = after[0]
    if one is not None:
        values["id"] = one
    return Statement(_reporters_or_sources_text(table, after is not None, counted, one is not None), values)


@cache
def _revised_text() -> str:
    told = (
        select(report.key, report.incident_set, report.reported_at, report.best)
        .join_from(TABLES["toll_report"], TABLES["reporter"], TABLES["reporter"].c.key == report.reporter)
        .where(
            TABLES["reporter"].c.id == bindparam("id"),
            report.measure == bindparam("measure"),
            report.best.is_not(None),
            *known_reports(),
        )
        .order_by(report.reported_at.desc())
    )
    newest = limited(told).subquery()
    then = TABLES["segment"].alias()
    return compiled(
        select(newest.c.incident_set, newest.c.best, segment.killed_best)
        .join_from(newest, TABLES["incident_set"], TABLES["incident_set"].c.key == newest.c.incident_set)
        .join(TABLES["incident_set_member"], member.incident_set == newest.c.incident_set)
        .join(TABLES["segment"], segment.incident == member.incident)
        .join(then, then.c.incident == member.incident)
        .where(
            TABLES["incident_set"].c.size == literal_column("1", Integer),
            *at_clocks(segment),
            then.c.recorded_from <= bindparam("recorded"),
            then.c.recorded_to > bindparam("recorded"),
            then.c.known_from <= newest.c.reported_at,
            then.c.known_to > newest.c.reported_at,
            then.c.killed_best == newest.c.best,
        )
        .order_by(newest.c.incident_set, newest.c.reported_at, newest.c.key)
    )


def select_revised(reporter_id: str, recorded: Instant, known: Instant, most: int) -> Statement:
    """(set, best, headline's best at the clocks) of figures of killed that were the headline when a reporter gave them.

    By incident, oldest first. Only the newest `most` figures of the reporter are looked at.
    """
    values = {"id": reporter_id, "measure": Measure.KILLED.value, "limit": most}
    return Statement(_revised_text(), values | {"recorded": recorded, "known": known})


REPORTERS_OR_SOURCES = {table: PageSequence(table, (str,)) for table in ("reporter", "source")}


async def reporters_or_sources(session: ReadSession, table: str, question: ListQuery) -> Page:
    """A page of `reporter` or `source`, by id, with how many reports and incidents they speak of."""
    cursor = cursor_of(question, REPORTERS_OR_SOURCES[table])
    statement = select_reporters_or_sources(table, question, session.recorded, cursor.keys if cursor else None)
    rows, more = await session.page(statement, question.limit, lambda row: len(row[0]))
    items = await disclosed(session, [_reporter_or_source(row) for row in rows])
    total = await total_of(
        session,
        question,
        lambda: select_reporters_or_sources(table, question, session.recorded, counted=True),
    )
    return Page(
        items, next_cursor(session, REPORTERS_OR_SOURCES[table], question, (rows[-1][3],) if more else None), total
    )


def _reporter_or_source(row: Row) -> str:
    counts: Mapping[str, int] = {"reports": row[1], "incidents": row[2]}
    return f"{row[0][:-1]},{orjson.dumps(counts).decode()[1:]}"


async def reporter_or_source(session: ReadSession, table: str, party_id: str) -> str:
    """One `reporter` or `source`. Raises `NotFound`."""
    rows = await session.rows(select_reporters_or_sources(table, ListQuery(), session.recorded, one=party_id))
    if not rows:
        raise NotFound(f'no {table} has the id "{echo(party_id)}"')
    return (await disclosed(session, [_reporter_or_source(rows[0])]))[0]
