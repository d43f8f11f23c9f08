"""Rows of incidents with long texts: what their segments do not repeat, put together for a page when it is read."""

from collections.abc import Sequence
from functools import cache
from math import inf

import orjson
from sqlalchemy import bindparam, literal_column, select

from app.domain.dates import Instant
from app.query.parameters import ClockQuery
from app.store.db import sql_text
from app.store.db.sql_text import compiled
from app.store.db.statements import Row, Statement
from app.store.read.filters import at_clocks, known_reports, member, report, version
from app.store.read.segment_texts import NO_SHARED, NO_SOURCES, rest_of, shared_text, toll_of
from app.store.read.session import ReadSession
from app.store.tables import TABLES

incident = TABLES["incident"].c
_TOLL, _REST, _KEY, _ID = 1, 2, 3, 4
"""Places in a row of `select_incidents`."""
AT_ONCE = 8
"""Rows of a page that are put together before their size is looked at: one may have megabytes of sources."""
_MARK = len('{"sources":')
"""Place in `rest` at which a long row has the `n` of null, and others a bracket."""
_UPDATED_AT = len(f'{NO_SOURCES}"updated_at":"')


async def completed(
    session: ReadSession, question: ClockQuery, rows: Sequence[Row], most: float = inf
) -> Sequence[Row]:
    """Rows of `select_incidents` with their whole texts, up to the one that makes them `most` characters.

    Few statements where all are wanted, however many of them are long.
    """
    if not any(row[_REST][_MARK] == "n" for row in rows):
        return rows
    if most == inf:
        return await _completed(session, question, rows)
    found: list[Row] = []
    size = 0
    for start in range(0, len(rows), AT_ONCE):
        for row in await _completed(session, question, rows[start : start + AT_ONCE]):
            found.append(row)
            size += sum(map(len, row[:_KEY]))
            if size >= most:
                return found
        await session.pause()
    return found


async def _completed(session: ReadSession, question: ClockQuery, rows: Sequence[Row]) -> Sequence[Row]:
    ids = [row[_ID] for row in rows if row[_REST][_MARK] == "n"]
    if not ids:
        return rows
    sources = await _sources(session, question.known, ids)
    shared: dict[str, list[str]] = {}
    for incident_id, incidents, headlines in await session.rows(_at(_shared_text(), ids, session, question.known)):
        shared.setdefault(incident_id, []).append(shared_text(incidents, headlines))
    return [
        (record, _whole_toll(toll, shared.get(of, ())), _whole_rest(rest, sources[of]), key, of)
        if rest[_MARK] == "n"
        else (record, toll, rest, key, of)
        for record, toll, rest, key, of in rows
    ]


async def _sources(session: ReadSession, known: Instant, ids: Sequence[str]) -> dict[str, list[str]]:
    """The texts of the sources of incidents: those that the record names, then those of reports, each once."""
    versions = await session.rows(_at(_versions_text(), ids, session))
    named = {of: [orjson.dumps(source).decode() for source in orjson.loads(text)] for of, text in versions}
    by_report = await session.rows(_at(_reported_text(), ids, session, known))
    keys = orjson.dumps(list({source for _, source in by_report})).decode()
    texts = dict(await session.rows(Statement(_source_texts(), {"keys": keys})))
    for of, source in by_report:
        named[of].append(texts[source])
    return {of: list(dict.fromkeys(found)) for of, found in named.items()}


def _whole_toll(toll: str, shared: Sequence[str]) -> str:
    return toll_of(toll.removesuffix(NO_SHARED), shared)


def _whole_rest(rest: str, sources: Sequence[str]) -> str:
    return rest_of(sources, rest[_UPDATED_AT:].removesuffix('"}'))


def _at(sql: str, ids: Sequence[str], session: ReadSession, known: Instant | None = None) -> Statement:
    values = {"ids": orjson.dumps(ids).decode(), "recorded": session.recorded}
    return Statement(sql, values if known is None else values | {"known": known})


@cache
def _versions_text() -> str:
    """(incident's id, sources) of the versions of incidents, the newest last."""
    return compiled(
        select(incident.id, version.sources)
        .join_from(TABLES["incident"], TABLES["incident_version"], version.incident == incident.key)
        .where(sql_text.among(incident.id, "ids"), version.recorded_at <= bindparam("recorded"))
        .order_by(version.number)
    )


@cache
def _reported_text() -> str:
    """(incident's id, source's key) of the reports about incidents, oldest first."""
    return compiled(
        select(incident.id, report.source)
        .join_from(TABLES["incident"], TABLES["incident_set_member"], member.incident == incident.key)
        .join(TABLES["toll_report"], report.incident_set == member.incident_set)
        .where(sql_text.among(incident.id, "ids"), *known_reports())
        .order_by(report.reported_at, report.key)
    )


@cache
def _source_texts() -> str:
    """(key, record) of sources."""
    source = TABLES["source"].c
    return compiled(select(source.key, source.record).where(sql_text.among(source.key, "keys")))


@cache
def _shared_text() -> str:
    """(incident's id, members, headlines) of the sets of several that incidents belong to, in the order of `shared`."""
    sets, headlines = TABLES["incident_set"].c, TABLES["set_segment"].c
    return compiled(
        select(incident.id, sets.members, headlines.toll)
        .join_from(TABLES["incident"], TABLES["incident_set_member"], member.incident == incident.key)
        .join(TABLES["incident_set"], sets.key == member.incident_set)
        .join(TABLES["set_segment"], headlines.incident_set == sets.key)
        .where(sql_text.among(incident.id, "ids"), sets.size > literal_column("1"), *at_clocks(headlines))
        .order_by(sets.size, sets.members)
    )
