"""Rows of incidents as JSON texts, with their reports where those are wanted."""

from collections.abc import Callable, Sequence
from math import inf

import orjson

from app.query.parameters import ClockQuery
from app.store.db.statements import Row
from app.store.read import report_rows
from app.store.read.cursor import LARGEST
from app.store.read.disclosure import disclosed
from app.store.read.long_rows import completed
from app.store.read.session import ReadSession

INCIDENTS_AT_ONCE = 50
"""Incidents whose reports one statement reads."""


async def _texts(session: ReadSession, question: ClockQuery, rows: Sequence[Row], most: float = inf) -> list[str]:
    """The JSON texts of rows of `select_incidents`, up to the one that makes them `most` characters."""
    as_text = _splicer(question)
    whole = await completed(session, question, rows, most)
    return await disclosed(session, [as_text(record, toll, rest) for record, toll, rest, _, _ in whole])


async def _with_reports(
    session: ReadSession, question: ClockQuery, rows: Sequence[Row], items: Sequence[str], most: float = inf
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
    session: ReadSession, question: ClockQuery, wanted: Sequence[str], *, bounded: bool
) -> dict[str, list[str]]:
    """The reports of incidents by id: of as many as are wanted or, where `bounded`, of those whose reports fit."""
    statement = report_rows.select_reports_of_incidents(wanted, session.recorded, question.known)
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


def _splicer(question: ClockQuery) -> Callable[[str, str, str], str]:
    """Joins the stored JSON objects of a record, its toll and the rest into one, and says `as_of`."""
    as_of = orjson.dumps(question.as_of.text).decode() if question.as_of else "null"
    between = f',"toll":{{"as_of":{as_of},'
    return lambda record, toll, rest: f"{record[:-1]}{between}{toll[1:]},{rest[1:]}"
