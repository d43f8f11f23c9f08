"""Reading incidents: pages, exports, single incidents, and the extent of all."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from hashlib import blake2b

from app.domain.dates import Instant, instant_text, moment_text
from app.errors import AppError, IncidentNotFound, IncidentNotYetKnown, IncidentWithdrawn, ReadTooLong, TooManyReads
from app.query.parameters import ClockQuery, IncidentQuery, MatchingQuery
from app.store.db.reader import MAX_COUNTS, Reader
from app.store.db.statements import MAX_BYTES, Read, Row, Statement
from app.store.read import incident_queries
from app.store.read import session as read_session
from app.store.read.cursor import PageSequence, bound_text
from app.store.read.disclosure import disclosed_texts
from app.store.read.incident_texts import incident_texts, text_builder, with_reports
from app.store.read.long_rows import completed
from app.store.read.paging import Page, next_cursor, total_of
from app.store.read.regions import resolved
from app.store.read.session import ReadSession, View, prepared

FEW_IN_BOX = 2000
"""Places in a box up to which they are looked up by place. With more, the index of the order is read instead."""
MANY_INCIDENTS = 200
"""Incidents of a page beyond which other requests run before the texts are made."""
INCIDENT_PAGES = PageSequence("incidents", (int, str))
FEATURE_PAGES = PageSequence("features", (int, str))
"""Of `/ogc`, where some parameters have another meaning."""


async def page_of_incidents(session: ReadSession, query: IncidentQuery, *, reports: bool = False) -> Page:
    """A page of incidents, each with its `toll_reports` if wanted."""
    narrowed = await resolved(session, query)
    by_tree = await _by_tree(session, narrowed)
    select_page = partial(incident_queries.select_incidents, narrowed, session.recorded, session.after, by_tree=by_tree)
    rows, more = await session.page(await prepared(session, narrowed, select_page), query.limit, _size)
    if len(rows) > MANY_INCIDENTS:
        await session.pause()
    items = await incident_texts(session, query, rows, MAX_BYTES)
    if reports:
        items = await with_reports(session, query, _ids(rows[: len(items)]), items, MAX_BYTES)
    more, rows = more or len(items) < len(rows), rows[: len(items)]
    total = await total_of(session, narrowed, lambda: incident_queries.select_total(narrowed, session.recorded))
    following = next_cursor(session, query, rows[-1][3:] if more else None)
    return Page(items, following, total)


def _size(rows: Sequence[Row]) -> int:
    return sum([len(record) + len(toll) + len(rest) for record, toll, rest, _, _ in rows])


def _ids(rows: Sequence[Row]) -> list[str]:
    return [incident_id for *_, incident_id in rows]


async def every_incident(
    session: ReadSession, query: IncidentQuery, *, reports: bool = False
) -> AsyncGenerator[list[str]]:
    """All incidents that match, some at a time, each with its `toll_reports` if wanted."""
    narrowed = await resolved(session, query)
    by_tree = await _by_tree(session, narrowed)

    def following(after: Row | None, count: int) -> Statement:
        some = narrowed.but(limit=count - 1)  # a page reads one row more
        return incident_queries.select_incidents(some, session.recorded, after and after[3:], by_tree=by_tree)

    await prepared(session, narrowed, lambda: (following(None, 1), following((None,) * 5, 1)))
    session = session.lasting()
    async with aclosing(session.slices(following)) as slices:
        async for rows in slices:
            items = await incident_texts(session, query, rows)
            yield await with_reports(session, query, _ids(rows), items) if reports else items


async def _by_tree(session: ReadSession, query: MatchingQuery) -> bool:
    if query.box is None:
        return False
    ((count,),) = await session.rows(incident_queries.select_count_in_tree(query.box, FEW_IN_BOX))
    return bool(count <= FEW_IN_BOX)


async def count_incidents(session: ReadSession, query: MatchingQuery) -> int:
    """The number of incidents that match."""
    narrowed = await resolved(session, query)
    count = partial(incident_queries.select_total, narrowed, session.recorded)
    ((total,),) = await session.rows(await prepared(session, narrowed, count))
    return int(total)


async def matched(reader: Reader, session: ReadSession, query: MatchingQuery) -> int | None:
    """The number of incidents that match, counted once per recording; `None` if counting takes too long."""
    key = (blake2b(bound_text(query).encode()).digest(), session.recorded, session.epoch)
    if key not in reader.counts:
        in_half = replace(session, budget=session.budget and session.budget.half())
        try:
            total = await count_incidents(in_half, query)
        except (ReadTooLong, TooManyReads):
            return None
        if len(reader.counts) >= MAX_COUNTS:
            del reader.counts[next(iter(reader.counts))]
        reader.counts[key] = total
    return reader.counts[key]


@dataclass(frozen=True, slots=True)
class Found:
    """One incident: its JSON text, and when its record and its whole response last changed."""

    text: str
    version: Instant
    updated: Instant


async def one_incident(session: ReadSession, incident_id: str, query: ClockQuery, *, reports: bool = False) -> Found:
    """One incident, with its `toll_reports` if wanted. Raises as `find_incident` does."""
    found = await session.run(find_incident, incident_id, query)
    if not reports:
        return found
    (text,) = await with_reports(session, query, [incident_id], [found.text])
    return replace(found, text=text)


def find_incident(view: View, incident_id: str, query: ClockQuery) -> Read[Found]:
    """One incident as a read in steps. Raises `IncidentNotFound`, `IncidentNotYetKnown` or `IncidentWithdrawn`."""
    rows = yield incident_queries.select_incident(incident_id, view.recorded, query.known)
    if not rows:
        raise absence_error(incident_id, (yield incident_queries.select_absence(incident_id, view.recorded)))
    ((record, toll, rest, version, updated),) = rows
    ((record, toll, rest, _, _),) = yield from completed(view, query.known, [(record, toll, rest, None, incident_id)])
    (text,) = yield from disclosed_texts(view, [text_builder(query)(record, toll, rest)])
    return Found(text, version, updated)


def absence_error(incident_id: str, rows: Sequence[Row]) -> AppError:
    """Why an incident is missing, from the rows of `select_absence`."""
    known_from, reason, merged_into, withdrawn_at = rows[0] if rows else (None,) * 4
    if reason is not None:
        return IncidentWithdrawn(incident_id, reason, merged_into, instant_text(withdrawn_at))
    if known_from is not None:
        return IncidentNotYetKnown(incident_id, moment_text(known_from))
    return IncidentNotFound(incident_id)


@dataclass(frozen=True, slots=True)
class Extent:
    """The smallest box in WGS 84 degrees that holds all places, and the first and last day; `None` without any."""

    box: tuple[float, float, float, float] | None
    interval: tuple[str | None, str | None]
    reported: tuple[Instant | None, Instant | None]
    """The reported times of the first and the last report."""


async def extent(reader: Reader) -> Extent:
    """Where and when all incidents are, looked up once per recording."""
    newest = (await reader.rows(read_session.select_head()))[0][0] or 0
    if reader.extent is None or reader.extent[0] != newest:
        (row,) = await reader.rows(incident_queries.select_extent())
        west, south, east, north, first_day, last_day, first_report, last_report = row
        box = None if west is None else (max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0))
        start = None if first_day is None else f"{date.fromordinal(first_day).isoformat()}T00:00:00Z"
        end = None if last_day is None else f"{date.fromordinal(last_day).isoformat()}T23:59:59Z"
        reader.extent = newest, Extent(box, (start, end), (first_report, last_report))
    found: Extent = reader.extent[1]
    return found
