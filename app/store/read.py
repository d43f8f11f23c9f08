"""Answers: questions become statements, rows become JSON texts. Every read of incidents goes this way."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date
from hashlib import blake2b
from typing import Any

import orjson

from app.domain.dates import LAST_INSTANT, Instant, instant_text, moment_text
from app.domain.headline import RULE, successors
from app.domain.history import by_set, effects, timeline
from app.domain.places import suggest_region
from app.domain.question import Question, RegionWanted
from app.domain.report import Report
from app.domain.vocabulary import Measure, Status
from app.errors import Fault, IncidentNotFound, IncidentNotYetKnown, IncidentWithdrawn, InvalidInput, ReadTooLong
from app.store import lists, queries
from app.store.confidential import opened, opened_document
from app.store.cursor import Cursor, Walk, read_cursor
from app.store.facts import KnownReport, covering, known_report
from app.store.reader import MAX_COUNTS, Reader, ReadSession, Row, Statement

FEW_IN_BOX = 2000
"""Up to so many places in a box are looked up by place; where there are more, the order is walked instead."""
MOST_SUGGESTIONS = 10
"""Unknown regions that are told in one answer; the nearest name of each costs some milliseconds."""
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
    reader: Reader, question: Question, walk: Walk | None = None, *, confidential: bool = False
) -> ReadSession:
    """A session at the recorded moment that the question, or its cursor, asks for; at the newest one otherwise."""
    newest, epoch = (await reader.rows(lists.head()))[0]
    newest = newest or 0
    asked = newest if question.recorded is None else question.recorded
    if walk and (cursor := cursor_of(question, walk)):
        asked = cursor.recorded
    return ReadSession(reader, min(asked, newest), confidential, epoch)


def cursor_of(question: Question, walk: Walk) -> Cursor | None:
    """The cursor that was sent, checked against the walk and the question."""
    text = question.given.get("cursor")
    return None if text is None else read_cursor(text, walk, asked_of(question))


def asked_of(question: Question) -> str:
    """What a cursor belongs to: the filters, clocks and order."""
    return repr(sorted((name, str(value)) for name, value in question.given.items() if name not in NOT_ASKED))


INCIDENTS = Walk("incidents", (int, str))


async def incidents(session: ReadSession, question: Question, *, reports: bool = False) -> Page:
    """A page of incidents, each with its `toll_reports` where those are wanted."""
    found = await resolved(session, question)
    cursor = cursor_of(question, INCIDENTS)
    after = cursor.keys if cursor else None
    by_tree = await _by_tree(session, found)
    rows = await session.rows(queries.page_of_incidents(found, session.recorded, after, by_tree=by_tree))
    items = await _texts(session, question, rows[: question.limit], reports)
    total = await total_of(session, question, lambda: queries.total_of_incidents(found, session.recorded))
    following = next_cursor(session, INCIDENTS, question, rows, lambda row: (row[3], row[4]))
    return Page(items, following, total)


async def every_incident(
    session: ReadSession, question: Question, *, reports: bool = False
) -> AsyncGenerator[list[str]]:
    """All incidents that match, some at a time, each with its `toll_reports` where those are wanted."""
    found = await resolved(session, question)
    by_tree = await _by_tree(session, found)
    session = replace(session, patient=True)

    def following(after: Row | None, count: int) -> Statement:
        some = found.but(limit=count - 1)  # of which a page reads one more
        return queries.page_of_incidents(some, session.recorded, after and after[3:], by_tree=by_tree)

    async with aclosing(session.reader.slices(following)) as slices:
        async for rows in slices:
            yield await _texts(session, question, rows, reports)


async def _texts(session: ReadSession, question: Question, rows: Sequence[Row], reports: bool) -> list[str]:
    """The JSON texts of rows of `queries.page_of_incidents`."""
    as_text = _splicer(question)
    items = [as_text(record, toll, rest) for record, toll, rest, _, _ in rows]
    if reports and rows:
        told: dict[str, list[str]] = {}
        for incident_id, record, reason, on in await session.rows(
            lists.told_of([row[4] for row in rows], session.recorded, question.known)
        ):
            taken_back = orjson.dumps(reason and {"reason": reason, "reported_on": on}).decode()
            told.setdefault(incident_id, []).append(f'{record[:-1]},"retraction":{taken_back}}}')
        items = [
            f'{item[:-1]},"toll_reports":[{",".join(told.get(row[4], ()))}]}}'
            for item, row in zip(items, rows, strict=True)
        ]
    return await opened(session, items)


def _splicer(question: Question) -> Callable[[str, str, str], str]:
    """Joins the stored JSON objects of a record, its toll and the rest into one, and says `as_of`."""
    as_of = orjson.dumps(question.as_of.text).decode() if question.as_of else "null"
    between = f',"toll":{{"as_of":{as_of},'
    return lambda record, toll, rest: f"{record[:-1]}{between}{toll[1:]},{rest[1:]}"


async def resolved(session: ReadSession, question: Question) -> Question:
    """The question with its regions narrowed to those there are. Raises `InvalidInput` for one that nobody knows."""
    names = list(dict.fromkeys(name for region in question.regions for name in region.names))
    if not names:
        return question
    stored = {row[0] for row in await session.rows(queries.stored_regions(names))}
    found = [RegionWanted(r.text, r.codes, tuple(n for n in r.names if n in stored)) for r in question.regions]
    if unknown := [region for region in found if not region.keys]:
        rows = await session.rows(lists.regions(session.recorded, LAST_INSTANT))
        there = tuple(row[1] for row in rows if row[1])
        raise InvalidInput([_unknown_region(question, region, there) for region in unknown[:MOST_SUGGESTIONS]])
    return question.but(region=tuple(found))


def _unknown_region(question: Question, region: RegionWanted, there: tuple[str, ...]) -> Fault:
    like = suggest_region(region.text, tuple(question.given.get("country", ())), there)
    return Fault("region", f"is not a region{f'; did you mean {like}?' if like else ''}", region.text)


async def _by_tree(session: ReadSession, question: Question) -> bool:
    if question.box is None:
        return False
    return bool((await session.rows(queries.count_in_tree(question.box, FEW_IN_BOX)))[0][0] <= FEW_IN_BOX)


def next_cursor(
    session: ReadSession,
    walk: Walk,
    question: Question,
    rows: Sequence[Row],
    keys: Callable[[Row], tuple[int | str, ...]],
) -> str | None:
    """The cursor of the next page, or `None` where `rows`, one more than a page, are the last ones."""
    if len(rows) <= question.limit:
        return None
    return Cursor(keys(rows[question.limit - 1]), session.recorded).text(walk, asked_of(question))


async def total_of(session: ReadSession, question: Question, statement: Callable[[], Statement]) -> int | None:
    """The number of items on all pages, where it was asked for."""
    return int((await session.rows(statement()))[0][0]) if question.given.get("total") else None


async def matched(reader: Reader, session: ReadSession, question: Question) -> int | None:
    """How many incidents match, counted once for each recording; `None` where counting exceeds the time limit."""
    key = (blake2b(asked_of(question).encode()).digest(), session.recorded, session.epoch)
    if key not in reader.counts:
        found = await resolved(session, question)
        try:
            rows = await session.rows(queries.total_of_incidents(found, session.recorded))
        except ReadTooLong:
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


async def incident(session: ReadSession, incident_id: str, question: Question, *, reports: bool = False) -> Found:
    """One incident, with its `toll_reports` where those are wanted.

    Raises `IncidentNotFound`, `IncidentNotYetKnown` or `IncidentWithdrawn`.
    """
    rows = await session.rows(lists.one_incident(incident_id, session.recorded, question.known))
    if not rows:
        raise _absence(incident_id, await session.rows(lists.why_absent(incident_id, session.recorded)))
    record, toll, rest, version, updated = rows[0]
    (text,) = await _texts(session, question, [(record, toll, rest, None, incident_id)], reports)
    return Found(text, version, updated)


def _absence(incident_id: str, rows: Sequence[Row]) -> Exception:
    """Why an incident is in no answer, from the rows of `lists.why_absent`."""
    if not rows or (rows[0][1] is None and rows[0][2] is None):
        return IncidentNotFound(incident_id)
    _, known_from, reason, merged_into, withdrawn_at = rows[0]
    if reason is not None:
        return IncidentWithdrawn(incident_id, reason, merged_into, instant_text(withdrawn_at))
    return IncidentNotYetKnown(incident_id, moment_text(known_from))


async def history(session: ReadSession, incident_id: str, question: Question) -> dict[str, Any]:
    """Every report that covers an incident, oldest first, and the timeline of its headline."""
    await incident(session, incident_id, question)
    rows = await session.rows(lists.about_incident(incident_id, session.recorded))
    if len(rows) > MANY_REPORTS:
        told = await session.reader.in_thread(_history, rows, incident_id, question)
    else:
        told = _history(rows, incident_id, question)
    answer: dict[str, Any] = await opened_document(session, told)
    return answer


def _history(rows: Sequence[Row], incident_id: str, question: Question) -> dict[str, Any]:
    known = [known_report(row) for row in rows]
    every, at = [k.report for k in known], question.known
    wanted = question.given.get("measure")
    told = [k for k in covering(incident_id, known, at) if wanted is None or k.report.measure is wanted]
    changes, own_timeline, shared = {}, [], []
    for toll_set in by_set(k.report for k in told):
        others = [r for r in every if r.incidents != frozenset(toll_set.incidents)]
        steps = []
        for measure in (m for m in Measure if m in toll_set.reports):
            changes |= effects(toll_set.reports[measure], others, at)
            steps += timeline(measure, toll_set.reports[measure], others, at)
        if len(toll_set.incidents) == 1:
            own_timeline = steps
        else:
            shared.append({"incidents": toll_set.incidents, "timeline": steps})
    reports, replaced_by = [], successors(every, at)
    for k in told:
        effect = changes[k.report.id]
        reports.append(
            orjson.loads(k.record)
            | standing_of(k, replaced_by, at)
            | {"change": effect.change, "delta": effect.delta, "source_changed": effect.source_changed}
        )
    answer = {"incident": incident_id, "rule": RULE, "reports": reports, "timeline": own_timeline}
    return answer | ({"shared": shared} if shared else {})


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
    rows = await session.rows(lists.versions(incident_id, session.recorded))
    absent = await session.rows(lists.why_absent(incident_id, session.recorded))
    if not rows or absent[0][2] is not None:
        raise _absence(incident_id, absent)
    items, before = [], {}
    for number, recorded_at, recorded_by, text, sources in rows:
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
    answer: dict[str, Any] = await opened_document(session, {"incident": incident_id, "items": items})
    return answer


@dataclass(frozen=True, slots=True)
class Extent:
    """The least box of WGS 84 degrees that holds all places, and the first and last day; `None` where there is none."""

    box: tuple[float, float, float, float] | None
    interval: tuple[str | None, str | None]
    reported: tuple[Instant | None, Instant | None]
    """When something was first and last reported."""


async def extent(reader: Reader) -> Extent:
    """Where and when all incidents are, looked up once for each recording."""
    newest = (await reader.rows(lists.head()))[0][0] or 0
    if reader.extent is None or reader.extent[0] != newest:
        *sides, first, last, told_first, told_last = (await reader.rows(lists.extent()))[0]
        west, south, east, north = sides
        box = None if west is None else (max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0))
        days = [None if day is None else f"{date.fromordinal(day).isoformat()}T00:00:00Z" for day in (first, last)]
        interval = days[0], days[1] and days[1].replace("00:00:00", "23:59:59")
        reader.extent = newest, Extent(box, interval, (told_first, told_last))
    found: Extent = reader.extent[1]
    return found
