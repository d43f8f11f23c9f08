"""Answers: questions become statements, rows become JSON texts. Every read of incidents goes this way."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from hashlib import blake2b

from app.domain.dates import Instant, instant_text, moment_text
from app.errors import (
    IncidentNotFound,
    IncidentNotYetKnown,
    IncidentWithdrawn,
    ReadTooLong,
    TooManyReads,
)
from app.query.parameters import ClockQuery, IncidentQuery, MatchingQuery
from app.store.db.reader import MAX_COUNTS, Reader
from app.store.db.statements import MOST_BYTES, Row, Statement
from app.store.read import incident_queries
from app.store.read import session as read_session
from app.store.read.cursor import PageSequence, bound_text, cursor_of
from app.store.read.incident_texts import _texts, _with_reports
from app.store.read.paging import Page, next_cursor, total_of
from app.store.read.regions import resolved
from app.store.read.session import ReadSession, built

FEW_IN_BOX = 2000
"""Up to so many places in a box are looked up by place; where there are more, the order is walked instead."""
MANY_INCIDENTS = 200
"""On a page with more, others have a turn before the texts are put together."""


INCIDENT_PAGES = PageSequence("incidents", (int, str))


async def page_of_incidents(session: ReadSession, question: IncidentQuery, *, reports: bool = False) -> Page:
    """A page of incidents, each with its `toll_reports` where those are wanted."""
    found = await resolved(session, question)
    cursor = cursor_of(question, INCIDENT_PAGES)
    after = cursor.keys if cursor else None
    by_tree = await _by_tree(session, found)
    page = partial(incident_queries.select_incidents, found, session.recorded, after, by_tree=by_tree)
    rows, more = await session.page(await built(session, found, page), question.limit, _size)
    if len(rows) > MANY_INCIDENTS:
        await session.pause()
    items = await _texts(session, question, rows, MOST_BYTES)
    more, rows = more or len(items) < len(rows), rows[: len(items)]
    if reports and rows:
        items = await _with_reports(session, question, rows, items, MOST_BYTES)
        more, rows = more or len(items) < len(rows), rows[: len(items)]
    total = await total_of(session, found, lambda: incident_queries.select_total(found, session.recorded))
    following = next_cursor(session, INCIDENT_PAGES, question, (rows[-1][3], rows[-1][4]) if more else None)
    return Page(items, following, total)


def _size(row: Row) -> int:
    return len(row[0]) + len(row[1]) + len(row[2])


async def every_incident(
    session: ReadSession, question: IncidentQuery, *, reports: bool = False
) -> AsyncGenerator[list[str]]:
    """All incidents that match, some at a time, each with its `toll_reports` where those are wanted."""
    found = await resolved(session, question)
    by_tree = await _by_tree(session, found)

    def following(after: Row | None, count: int) -> Statement:
        some = found.but(limit=count - 1)  # of which a page reads one more
        return incident_queries.select_incidents(some, session.recorded, after and after[3:], by_tree=by_tree)

    await built(session, found, lambda: (following(None, 1), following((None,) * 5, 1)))
    session = session.lasting()
    async with aclosing(session.reader.slices(following, session.budget)) as slices:
        async for rows in slices:
            items = await _texts(session, question, rows)
            yield await _with_reports(session, question, rows, items) if reports else items


async def _by_tree(session: ReadSession, question: MatchingQuery) -> bool:
    if question.box is None:
        return False
    return bool(
        (await session.rows(incident_queries.select_count_in_tree(question.box, FEW_IN_BOX)))[0][0] <= FEW_IN_BOX
    )


async def matched(reader: Reader, session: ReadSession, question: MatchingQuery) -> int | None:
    """How many incidents match, counted once for each recording; `None` where counting takes too long."""
    key = (blake2b(bound_text(question).encode()).digest(), session.recorded, session.epoch)
    if key not in reader.counts:
        found = await resolved(session, question)
        session = replace(session, budget=session.budget and session.budget.half())
        try:
            count = partial(incident_queries.select_total, found, session.recorded)
            rows = await session.rows(await built(session, found, count))
        except (ReadTooLong, TooManyReads):
            return None
        if len(reader.counts) >= MAX_COUNTS:
            del reader.counts[next(iter(reader.counts))]
        reader.counts[key] = int(rows[0][0])
    return reader.counts[key]


@dataclass(frozen=True, slots=True)
class Found:
    """One incident: its JSON text, and when its record and all that is answered of it last changed."""

    text: str
    version: Instant
    updated: Instant


async def one_incident(session: ReadSession, incident_id: str, question: ClockQuery, *, reports: bool = False) -> Found:
    """One incident, with its `toll_reports` where those are wanted.

    Raises `IncidentNotFound`, `IncidentNotYetKnown` or `IncidentWithdrawn`.
    """
    rows = await session.rows(incident_queries.select_incident(incident_id, session.recorded, question.known))
    if not rows:
        raise _absence(incident_id, await session.rows(incident_queries.select_absence(incident_id, session.recorded)))
    record, toll, rest, version, updated = rows[0]
    only = [(record, toll, rest, None, incident_id)]
    items = await _texts(session, question, only)
    (text,) = await _with_reports(session, question, only, items) if reports else items
    return Found(text, version, updated)


def _absence(incident_id: str, rows: Sequence[Row]) -> Exception:
    """Why an incident is in no answer, from the rows of `select_absence`."""
    if not rows or (rows[0][1] is None and rows[0][2] is None):
        return IncidentNotFound(incident_id)
    _, known_from, reason, merged_into, withdrawn_at = rows[0]
    if reason is not None:
        return IncidentWithdrawn(incident_id, reason, merged_into, instant_text(withdrawn_at))
    return IncidentNotYetKnown(incident_id, moment_text(known_from))


@dataclass(frozen=True, slots=True)
class Extent:
    """The least box of WGS 84 degrees that holds all places, and the first and last day; `None` where there is none."""

    box: tuple[float, float, float, float] | None
    interval: tuple[str | None, str | None]
    reported: tuple[Instant | None, Instant | None]
    """When something was first and last reported."""


async def extent(reader: Reader) -> Extent:
    """Where and when all incidents are, looked up once for each recording."""
    newest = (await reader.rows(read_session.select_head()))[0][0] or 0
    if reader.extent is None or reader.extent[0] != newest:
        *sides, first, last, told_first, told_last = (await reader.rows(incident_queries.select_extent()))[0]
        west, south, east, north = sides
        box = None if west is None else (max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0))
        days = [None if day is None else f"{date.fromordinal(day).isoformat()}T00:00:00Z" for day in (first, last)]
        interval = days[0], days[1] and days[1].replace("00:00:00", "23:59:59")
        reader.extent = newest, Extent(box, interval, (told_first, told_last))
    found: Extent = reader.extent[1]
    return found
