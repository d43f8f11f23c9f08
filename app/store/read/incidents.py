"""Answers: questions become statements, rows become JSON texts. Every read of incidents goes this way."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache, partial
from hashlib import blake2b
from math import inf
from typing import Any, NamedTuple

import orjson

from app.domain.dates import LAST_INSTANT, Instant, instant_text, moment_text
from app.domain.headline import RULE, Look, successors
from app.domain.history import Effect, account, by_set, superseding
from app.domain.places import suggest_region
from app.domain.report import Report
from app.domain.vocabulary import Measure, ReportChange, Status
from app.errors import (
    FieldError,
    IncidentNotFound,
    IncidentNotYetKnown,
    IncidentWithdrawn,
    InvalidInput,
    ReadTooLong,
    TooManyReads,
)
from app.query.query import MOST_FAULTS, MOST_SUGGESTIONS, Query, WantedRegion
from app.store.db.budget import Budget
from app.store.db.reader import MAX_COUNTS, MOST_BYTES, Reader, ReadSession, Row, Statement, T
from app.store.read import incident_queries, lists
from app.store.read.disclosure import disclosed, disclosed_document
from app.store.read.long_rows import completed
from app.store.read.paging import LARGEST, Cursor, PageSequence, read_cursor
from app.store.read.report_rows import KnownReport, covering, known_report

FEW_IN_BOX = 2000
"""Up to so many places in a box are looked up by place; where there are more, the order is walked instead."""
MUCH_TEXT = 200_000
"""Characters of stored JSON that are read on the event loop: a millisecond. More are read in a thread."""
MANY_VALUES = 20
"""Values of filters up to which SQL is made on the event loop: a few milliseconds, the first time."""
MANY_INCIDENTS = 200
"""On a page with more, others have a turn before the texts are put together."""
INCIDENTS_AT_ONCE = 50
"""Incidents whose reports one statement reads."""
MANY_REPORTS = 50
"""A longer history is put together beside the event loop."""
NOT_ASKED = ("cursor", "limit", "total", "fields", "hxl", "bom", "f")
"""Parameters that change the page or its form, not the walk."""


@dataclass(frozen=True, slots=True)
class Page:
    """JSON texts of the items, where the next page begins, and the number of items where it was asked for."""

    items: list[str]
    cursor: str | None = None
    total: int | None = None


async def open_session(
    reader: Reader,
    question: Query,
    walk: PageSequence | None = None,
    *,
    confidential: bool = False,
    budget: Budget | None = None,
) -> ReadSession:
    """A session at the recorded moment that the question, or its cursor, asks for; at the newest one otherwise."""
    newest, epoch = (await reader.rows(lists.select_head(), budget))[0]
    newest = newest or 0
    asked = newest if question.recorded is None else question.recorded
    if walk and (cursor := cursor_of(question, walk)):
        asked = cursor.recorded
    return ReadSession(reader, min(asked, newest), confidential, epoch, budget)


def cursor_of(question: Query, walk: PageSequence) -> Cursor | None:
    """The cursor that was sent, checked against the walk and the question."""
    text = question.given.get("cursor")
    return None if text is None else read_cursor(text, walk, asked_of(question))


def asked_of(question: Query) -> str:
    """What a cursor belongs to: the filters, clocks and order."""
    return repr(sorted((name, str(value)) for name, value in question.given.items() if name not in NOT_ASKED))


INCIDENT_PAGES = PageSequence("incidents", (int, str))


async def page_of_incidents(session: ReadSession, question: Query, *, reports: bool = False) -> Page:
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


async def every_incident(session: ReadSession, question: Query, *, reports: bool = False) -> AsyncGenerator[list[str]]:
    """All incidents that match, some at a time, each with its `toll_reports` where those are wanted."""
    found = await resolved(session, question)
    by_tree = await _by_tree(session, found)

    def following(after: Row | None, count: int) -> Statement:
        some = found.but(limit=count - 1)  # of which a page reads one more
        return incident_queries.select_incidents(some, session.recorded, after and after[3:], by_tree=by_tree)

    await built(session, found, lambda: (following(None, 1), following((None,) * 5, 1)))
    session = replace(session, budget=None, patient=True)  # an export lasts as long as its client reads
    async with aclosing(session.reader.slices(following)) as slices:
        async for rows in slices:
            items = await _texts(session, question, rows)
            yield await _with_reports(session, question, rows, items) if reports else items


async def _texts(session: ReadSession, question: Query, rows: Sequence[Row], most: float = inf) -> list[str]:
    """The JSON texts of rows of `queries.page_of_incidents`, up to the one that makes them `most` characters."""
    as_text = _splicer(question)
    whole = await completed(session, question, rows, most)
    return await disclosed(session, [as_text(record, toll, rest) for record, toll, rest, _, _ in whole])


async def _with_reports(
    session: ReadSession, question: Query, rows: Sequence[Row], items: Sequence[str], most: float = inf
) -> list[str]:
    """The same items with their `toll_reports`, up to the one that makes them `most` characters."""
    made: list[str] = []
    size = 0
    while len(made) < len(rows) and size < most:
        wanted = [row[4] for row in rows[len(made) : len(made) + INCIDENTS_AT_ONCE]]
        told = await _told_of(session, question, wanted, bounded=most < inf)
        several = zip(items[len(made) :], told.values(), strict=False)
        joined = [f'{item[:-1]},"toll_reports":[{",".join(reports)}]}}' for item, reports in several]
        made += await disclosed(session, joined)
        size += sum(map(len, joined))
        await session.pause()
    return made


async def _told_of(
    session: ReadSession, question: Query, wanted: Sequence[str], *, bounded: bool
) -> dict[str, list[str]]:
    """The reports of incidents by id: of as many as are wanted or, where `bounded`, of those whose reports fit."""
    statement = lists.select_reports_of_incidents(wanted, session.recorded, question.known)
    if bounded and len(wanted) > 1:
        rows, more = await session.page(statement, LARGEST, lambda row: len(row[1]))
        if more:
            return await _told_of(session, question, wanted[: len(wanted) // 2], bounded=True)
    else:
        rows = await session.rows(statement)
    told: dict[str, list[str]] = {incident_id: [] for incident_id in wanted}
    for incident_id, record, reason, on in rows:
        taken_back = orjson.dumps(reason and {"reason": reason, "reported_on": on}).decode()
        told[incident_id].append(f'{record[:-1]},"retraction":{taken_back}}}')
    return told


def _splicer(question: Query) -> Callable[[str, str, str], str]:
    """Joins the stored JSON objects of a record, its toll and the rest into one, and says `as_of`."""
    as_of = orjson.dumps(question.as_of.text).decode() if question.as_of else "null"
    between = f',"toll":{{"as_of":{as_of},'
    return lambda record, toll, rest: f"{record[:-1]}{between}{toll[1:]},{rest[1:]}"


async def resolved(session: ReadSession, question: Query) -> Query:
    """The question with its regions narrowed to those there are. Raises `InvalidInput` for one that nobody knows."""
    names = list(dict.fromkeys(name for region in question.regions for name in region.names))
    if not names:
        return question
    stored = {row[0] for row in await session.rows(incident_queries.select_stored_regions(names))}
    found = [WantedRegion(r.text, r.codes, tuple(n for n in r.names if n in stored)) for r in question.regions]
    if unknown := [region for region in found if not region.keys]:
        there = await _regions_there(session)
        raise InvalidInput(await session.beside(_unknown_regions, question, unknown[:MOST_FAULTS], there))
    return question.but(region=tuple(found))


_there: dict[tuple[str | None, Instant], tuple[str, ...]] = {}
"""The keys of the regions that there are, by the life of the feed and the recorded moment; the last one asked for."""


async def _regions_there(session: ReadSession) -> tuple[str, ...]:
    moment = (session.epoch, session.recorded)
    there = _there.get(moment)
    if there is None:
        rows = await session.rows(lists.select_regions(session.recorded, LAST_INSTANT))
        there = tuple(row[1] for row in rows if row[1])
        _there.clear()
        _there[moment] = there
    return there


def _unknown_regions(question: Query, unknown: Sequence[WantedRegion], there: tuple[str, ...]) -> list[FieldError]:
    """A fault for each. The first `MOST_SUGGESTIONS` name the nearest region."""
    within = tuple(question.given.get("country", ()))
    faults = []
    for n, region in enumerate(unknown):
        like = suggest_region(region.text, within, there) if n < MOST_SUGGESTIONS else None
        faults.append(FieldError("region", f"is not a region{f'; did you mean {like}?' if like else ''}", region.text))
    return faults


async def built(session: ReadSession, question: Query, build: Callable[[], T]) -> T:
    """The statements that `build` makes: in a thread where a question has many values, whose SQL is long."""
    return await session.beside(build) if question.values > MANY_VALUES else build()


async def _by_tree(session: ReadSession, question: Query) -> bool:
    if question.box is None:
        return False
    return bool(
        (await session.rows(incident_queries.select_count_in_tree(question.box, FEW_IN_BOX)))[0][0] <= FEW_IN_BOX
    )


def next_cursor(
    session: ReadSession, walk: PageSequence, question: Query, last: tuple[int | str, ...] | None
) -> str | None:
    """The cursor of the page after the item with the keys `last`; `None` where there are no more."""
    return None if last is None else Cursor(last, session.recorded).text(walk, asked_of(question))


async def total_of(session: ReadSession, question: Query, statement: Callable[[], Statement]) -> int | None:
    """The number of items on all pages, where it was asked for."""
    if not question.given.get("total"):
        return None
    return int((await session.rows(await built(session, question, statement)))[0][0])


async def matched(reader: Reader, session: ReadSession, question: Query) -> int | None:
    """How many incidents match, counted once for each recording; `None` where counting takes too long."""
    key = (blake2b(asked_of(question).encode()).digest(), session.recorded, session.epoch)
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


async def one_incident(session: ReadSession, incident_id: str, question: Query, *, reports: bool = False) -> Found:
    """One incident, with its `toll_reports` where those are wanted.

    Raises `IncidentNotFound`, `IncidentNotYetKnown` or `IncidentWithdrawn`.
    """
    rows = await session.rows(lists.select_incident(incident_id, session.recorded, question.known))
    if not rows:
        raise _absence(incident_id, await session.rows(lists.select_absence(incident_id, session.recorded)))
    record, toll, rest, version, updated = rows[0]
    only = [(record, toll, rest, None, incident_id)]
    items = await _texts(session, question, only)
    (text,) = await _with_reports(session, question, only, items) if reports else items
    return Found(text, version, updated)


def _absence(incident_id: str, rows: Sequence[Row]) -> Exception:
    """Why an incident is in no answer, from the rows of `lists.why_absent`."""
    if not rows or (rows[0][1] is None and rows[0][2] is None):
        return IncidentNotFound(incident_id)
    _, known_from, reason, merged_into, withdrawn_at = rows[0]
    if reason is not None:
        return IncidentWithdrawn(incident_id, reason, merged_into, instant_text(withdrawn_at))
    return IncidentNotYetKnown(incident_id, moment_text(known_from))


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
    rows = await session.rows(lists.select_reports_about_incident(incident_id, session.recorded))
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
    rows = await session.rows(lists.select_versions(incident_id, session.recorded))
    absent = await session.rows(lists.select_absence(incident_id, session.recorded))
    if not rows or absent[0][2] is not None:
        raise _absence(incident_id, absent)
    size = sum(len(row[3]) + len(row[4]) for row in rows)
    items = await session.beside(_versions, session, rows) if size > MUCH_TEXT else _versions(session, rows)
    answer: dict[str, Any] = await disclosed_document(session, {"incident": incident_id, "items": items})
    return answer


def _versions(session: ReadSession, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Versions of a record from rows of `lists.versions`, each with the members that changed."""
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


@dataclass(frozen=True, slots=True)
class Extent:
    """The least box of WGS 84 degrees that holds all places, and the first and last day; `None` where there is none."""

    box: tuple[float, float, float, float] | None
    interval: tuple[str | None, str | None]
    reported: tuple[Instant | None, Instant | None]
    """When something was first and last reported."""


async def extent(reader: Reader) -> Extent:
    """Where and when all incidents are, looked up once for each recording."""
    newest = (await reader.rows(lists.select_head()))[0][0] or 0
    if reader.extent is None or reader.extent[0] != newest:
        *sides, first, last, told_first, told_last = (await reader.rows(lists.select_extent()))[0]
        west, south, east, north = sides
        box = None if west is None else (max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0))
        days = [None if day is None else f"{date.fromordinal(day).isoformat()}T00:00:00Z" for day in (first, last)]
        interval = days[0], days[1] and days[1].replace("00:00:00", "23:59:59")
        reader.extent = newest, Extent(box, interval, (told_first, told_last))
    found: Extent = reader.extent[1]
    return found
