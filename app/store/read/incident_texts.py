"""Rows of incidents as JSON texts, with their reports if wanted."""

from collections.abc import Callable, Sequence
from math import inf

from app.domain.json_text import array_of, extend_object, extender, json_of, object_of
from app.query.parameters import ClockQuery
from app.store.db.statements import Row
from app.store.read import report_rows
from app.store.read.cursor import LARGEST
from app.store.read.disclosure import disclosed
from app.store.read.long_rows import completed_page
from app.store.read.session import ReadSession

_NOT_RETRACTED = json_of({"retraction": None})
INCIDENTS_AT_ONCE = 50
"""Incidents whose reports one statement reads."""


async def incident_texts(
    session: ReadSession, query: ClockQuery, rows: Sequence[Row], max_size: float = inf
) -> list[str]:
    """The JSON texts of rows of `select_incidents`, up to the one that brings them to `max_size` characters."""
    as_text = text_builder(query)
    complete = await completed_page(session, query.known, rows, max_size)
    return await disclosed(session, [as_text(record, toll, rest) for record, toll, rest, _, _ in complete])


def text_builder(query: ClockQuery) -> Callable[[str, str, str], str]:
    """Makes the text of an incident from the stored objects of its record, its toll and the rest, and adds `as_of`."""
    return extender("toll", json_of({"as_of": query.as_of.text if query.as_of else None}))


async def with_reports(
    session: ReadSession, query: ClockQuery, ids: Sequence[str], items: Sequence[str], max_size: float = inf
) -> list[str]:
    """The items of these ids with their `toll_reports`, up to the one that brings them to `max_size` characters."""
    texts: list[str] = []
    size = 0
    while len(texts) < len(ids) and size < max_size:
        wanted = ids[len(texts) : len(texts) + INCIDENTS_AT_ONCE]
        reports = await _reports_of(session, query, wanted, bounded=max_size < inf)
        some = [
            extend_object(item, object_of(toll_reports=array_of(of_item)))
            for item, of_item in zip(items[len(texts) :], reports.values(), strict=False)
        ]
        texts += await disclosed(session, some)
        size += sum(map(len, some))
        await session.pause()
    return texts


async def _reports_of(
    session: ReadSession, query: ClockQuery, wanted: Sequence[str], *, bounded: bool
) -> dict[str, list[str]]:
    """The reports of incidents by id. If `bounded`, of the first incidents whose reports fit on a page."""
    statement = report_rows.select_reports_of_incidents(wanted, session.recorded, query.known)
    if bounded and len(wanted) > 1:
        rows, more = await session.page(statement, LARGEST, lambda rows: sum(len(row[1]) for row in rows))
        if more:
            return await _reports_of(session, query, wanted[: len(wanted) // 2], bounded=True)
    else:
        rows = await session.rows(statement)
    reports: dict[str, list[str]] = {incident_id: [] for incident_id in wanted}
    for incident_id, record, reason, reported_on in rows:
        retraction = _NOT_RETRACTED
        if reason is not None:
            retraction = json_of({"retraction": {"reason": reason, "reported_on": reported_on}})
        reports[incident_id].append(extend_object(record, retraction))
    return reports
