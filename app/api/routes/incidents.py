"""`/v1/incidents`: pages, one incident, its toll history, its versions."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.read_request import ParsedRequest, parse_request
from app.api.http.read_response import Content, respond
from app.api.http.read_route import read_router
from app.api.http.responses import Body
from app.api.http.slots import address_of
from app.api.openapi import examples, schemas, schemas_history
from app.api.openapi.operations import described
from app.errors import ExportUnwritable
from app.formats import csv_tables, encoding, parquet
from app.formats.open_file import OpenFile
from app.query.code_lists import Format
from app.query.parameters import HistoryQuery, IncidentByIdQuery, IncidentQuery, RecordedQuery
from app.store.read import history as read_history
from app.store.read import incidents as read_incidents
from app.store.read.paging import Page

log = logging.getLogger("app")
router = read_router("/v1/incidents", "Incidents")
ID = {"incident_id": "The incident's id, like `ml-2019-11-01-indelimane`."}


@router.get(
    "",
    response_model=schemas.IncidentPage,
    summary="List incidents",
    **described(IncidentQuery, example=examples.INCIDENT_PAGE, confidential=True),
)
async def incidents(request: Request) -> Response:
    """Incidents with their headline tolls. Following `next` reads one consistent snapshot, taken at the first page."""
    parsed = await parse_request(request, IncidentQuery, read_incidents.INCIDENT_PAGES)
    return await respond(parsed, _export if parsed.is_export else _page)


async def _export(parsed: ParsedRequest[IncidentQuery]) -> Content:
    """All incidents that match, as a file."""
    reports = encoding.needs_reports(parsed.format, parsed.query.fields)
    slices = read_incidents.every_incident(parsed.session, parsed.query, reports=reports)
    if parsed.format is Format.PARQUET:
        return Content(partial(_parquet_file, parsed, slices))
    return Content(encoding.export(slices, parsed.format, parsed.query))


async def _page(parsed: ParsedRequest[IncidentQuery]) -> Content:
    reports = encoding.needs_reports(parsed.format, parsed.query.fields)
    page = await read_incidents.page_of_incidents(parsed.session, parsed.query, reports=reports)
    next_page = parsed.next_page(page.cursor)
    return Content(await _page_body(parsed, page, next_page), next_page)


async def _page_body(parsed: ParsedRequest[IncidentQuery], page: Page, next_page: str | None) -> Body:
    items, fields, in_thread_if = page.items, parsed.query.fields, parsed.session.in_thread_if
    are_many = len(items) > encoding.FEW_ITEMS
    if parsed.format is Format.PARQUET:
        return partial(_parquet_file, parsed, encoding.once(items))
    if parsed.format is Format.GEOJSON:
        return await in_thread_if(are_many, encoding.geojson_page, items, fields, next_page, page.total)
    if table := csv_tables.csv_table_of(parsed.format, fields, hxl=parsed.query.hxl):
        are_many_rows = len(items) > encoding.FEW_ROWS
        return await in_thread_if(are_many_rows, csv_tables.incidents_csv, items, table, header=True)
    selected = await in_thread_if(are_many, encoding.cut, items, fields) if fields else items
    if parsed.format is Format.NDJSON:
        return encoding.ndjson(selected)
    return encoding.json_page(selected, next_page, page.cursor, page.total)


async def _parquet_file(parsed: ParsedRequest[IncidentQuery], slices: AsyncGenerator[list[str]]) -> OpenFile:
    """Raises `ExportUnwritable`."""
    try:
        async with aclosing(slices):
            return await parquet.open_file(slices, parsed.query.fields, address_of(parsed.request.scope))
    except OSError as error:
        log.error("an export cannot be written: %s", error)
        raise ExportUnwritable from error


@router.get(
    "/{incident_id}",
    response_model=schemas.Incident | schemas.IncidentMembers,
    summary="Get an incident",
    **described(
        IncidentByIdQuery,
        path=ID,
        example=examples.INCIDENT,
        missing=True,
        withdrawn=True,
        confidential=True,
    ),
)
async def incident(request: Request) -> Response:
    """One incident with its headline toll, sources and actors."""
    parsed = await parse_request(request, IncidentByIdQuery)
    reports = encoding.needs_reports(parsed.format, parsed.query.fields)
    found = await read_incidents.one_incident(parsed.session, parsed.path("incident_id"), parsed.query, reports=reports)
    return await respond(parsed, partial(_incident, found.text), changed=found.updated, version=found.version)


async def _incident(text: str, parsed: ParsedRequest[IncidentByIdQuery]) -> Content:
    if parsed.format is Format.GEOJSON:
        return Content(encoding.geojson_feature(orjson.loads(text), parsed.query.fields))
    if table := csv_tables.csv_table_of(parsed.format, parsed.query.fields):
        return Content(csv_tables.incidents_csv([text], table, header=True))
    return Content(encoding.cut([text], parsed.query.fields)[0].encode())


@router.get(
    "/{incident_id}/toll-history",
    response_model=schemas_history.TollHistory,
    summary="Get the toll history of an incident",
    **described(
        HistoryQuery,
        path=ID,
        example=examples.TOLL_HISTORY,
        missing=True,
        withdrawn=True,
        confidential=True,
    ),
)
async def toll_history(request: Request) -> Response:
    """Every report that covers the incident, oldest first, and the timeline of its headline."""
    return await respond(await parse_request(request, HistoryQuery), _history)


async def _history(parsed: ParsedRequest[HistoryQuery]) -> Content:
    incident_id = parsed.path("incident_id")
    if parsed.format is not Format.CSV:
        return Content(await read_history.history_text(parsed.session, incident_id, parsed.query))
    history = await read_history.history(parsed.session, incident_id, parsed.query)
    reports = history["reports"]
    return Content(await parsed.session.in_thread_if(len(reports) > encoding.FEW_ROWS, csv_tables.reports_csv, reports))


@router.get(
    "/{incident_id}/versions",
    response_model=schemas_history.Versions,
    summary="List the versions of an incident's record",
    **described(RecordedQuery, path=ID, missing=True, withdrawn=True, confidential=True),
)
async def versions(request: Request) -> Response:
    """Every version of the record, oldest first, with who recorded it and when."""
    return await respond(await parse_request(request, RecordedQuery), _versions)


async def _versions(parsed: ParsedRequest[RecordedQuery]) -> Content:
    versions = await read_history.versions(parsed.session, parsed.path("incident_id"))
    are_many = len(versions["items"]) > encoding.FEW_ROWS
    return Content(await parsed.session.in_thread_if(are_many, orjson.dumps, versions))
