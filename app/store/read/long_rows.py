"""Incidents with long texts: their segments leave out sources and shared tolls, which are added when they are read."""

from collections.abc import Sequence
from math import inf
from typing import Any

import orjson
from sqlalchemy import bindparam, literal_column, select
from sqlmodel import col

from app.domain.dates import Instant
from app.domain.json_text import json_of
from app.store.db.sql_text import AnySelect, among
from app.store.db.statements import Read, Row, Statement
from app.store.read.filters import at_clocks, known_reports
from app.store.read.segment_texts import is_long, own_of, rest_of, shared_text, toll_of, updated_at_of
from app.store.read.session import ReadSession, View
from app.store.tables import (
    Incident,
    IncidentSet,
    IncidentSetMember,
    IncidentVersion,
    SetSegment,
    Source,
    TollReport,
)

ROWS_AT_ONCE = 8
"""Rows of a page that are completed before their size is added up: one may have megabytes of sources."""


async def completed_page(
    session: ReadSession, known: Instant, rows: Sequence[Row], max_size: float = inf
) -> Sequence[Row]:
    """Rows of `select_incidents` with all texts, up to the one that brings them to `max_size` characters."""
    if not any(is_long(rest) for _, _, rest, _, _ in rows):
        return rows
    if max_size == inf:
        return await session.run(completed, known, rows)
    found: list[Row] = []
    size = 0
    for start in range(0, len(rows), ROWS_AT_ONCE):
        for row in await session.run(completed, known, rows[start : start + ROWS_AT_ONCE]):
            record, toll, rest, _, _ = row
            found.append(row)
            size += len(record) + len(toll) + len(rest)
            if size >= max_size:
                return found
        await session.pause()
    return found


def completed(view: View, known: Instant, rows: Sequence[Row]) -> Read[Sequence[Row]]:
    """Rows of `select_incidents` with all texts. A few statements suffice, however many rows are long."""
    ids = [incident_id for _, _, rest, _, incident_id in rows if is_long(rest)]
    if not ids:
        return rows
    sources = yield from _sources(view, known, ids)
    shared: dict[str, list[str]] = {}
    at: dict[str, Any] = {"ids": json_of(ids), "recorded": view.recorded, "known": known}
    for incident_id, members, headlines in (yield Statement.of(_build_shared, **at)):
        shared.setdefault(incident_id, []).append(shared_text(members, headlines))
    return [
        (
            record,
            toll_of(own_of(toll), shared.get(incident_id, ())),
            rest_of(sources[incident_id], updated_at_of(rest)),
            key,
            incident_id,
        )
        if is_long(rest)
        else (record, toll, rest, key, incident_id)
        for record, toll, rest, key, incident_id in rows
    ]


def _sources(view: View, known: Instant, ids: Sequence[str]) -> Read[dict[str, list[str]]]:
    """The texts of the sources of incidents: those that the record names, then those of reports, without repeats."""
    at: dict[str, Any] = {"ids": json_of(ids), "recorded": view.recorded}
    versions = yield Statement.of(_build_record_sources, **at)
    named = {incident_id: [json_of(source) for source in orjson.loads(text)] for incident_id, text in versions}
    by_report = yield Statement.of(_build_report_sources, known=known, **at)
    keys = json_of(list({source for _, source in by_report}))
    texts: dict[int, str] = dict((yield Statement.of(_build_sources, keys=keys)))
    for incident_id, source in by_report:
        named[incident_id].append(texts[source])
    return {incident_id: list(dict.fromkeys(found)) for incident_id, found in named.items()}


def _build_record_sources() -> AnySelect:
    """(incident's id, sources) of the versions of incidents, the newest last."""
    return (
        select(col(Incident.id), col(IncidentVersion.sources))
        .join_from(Incident, IncidentVersion, col(IncidentVersion.incident) == Incident.key)
        .where(among(col(Incident.id), "ids"), col(IncidentVersion.recorded_at) <= bindparam("recorded"))
        .order_by(col(IncidentVersion.number))
    )


def _build_report_sources() -> AnySelect:
    """(incident's id, source's key) of the reports about incidents, oldest first."""
    return (
        select(col(Incident.id), col(TollReport.source))
        .join_from(Incident, IncidentSetMember, col(IncidentSetMember.incident) == Incident.key)
        .join(TollReport, col(TollReport.incident_set) == IncidentSetMember.incident_set)
        .where(among(col(Incident.id), "ids"), *known_reports())
        .order_by(col(TollReport.reported_at), col(TollReport.key))
    )


def _build_sources() -> AnySelect:
    """(key, record) of sources."""
    return select(col(Source.key), col(Source.record)).where(among(col(Source.key), "keys"))


def _build_shared() -> AnySelect:
    """(incident's id, members, headlines) of the shared sets of incidents, in the order of `shared`."""
    return (
        select(col(Incident.id), col(IncidentSet.members), col(SetSegment.toll))
        .join_from(Incident, IncidentSetMember, col(IncidentSetMember.incident) == Incident.key)
        .join(IncidentSet, col(IncidentSet.key) == IncidentSetMember.incident_set)
        .join(SetSegment, col(SetSegment.incident_set) == IncidentSet.key)
        .where(among(col(Incident.id), "ids"), col(IncidentSet.size) > literal_column("1"), *at_clocks(SetSegment))
        .order_by(col(IncidentSet.size), col(IncidentSet.members))
    )
