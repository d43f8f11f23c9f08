"""`/v1/incidents`: pages, one incident, its toll history, its versions."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.read_request import ParsedRequest, parse_request, respond
from app.api.http.read_route import read_router
from app.api.http.responses import Made
from app.api.http.slots import address_of
from app.api.openapi import examples, schemas
from app.api.openapi.operations import described
from app.errors import ExportUnwritable
from app.formats import encoding, parquet
from app.formats.open_file import OpenFile
from app.query.code_lists import Format
from app.query.parameters import HistoryQuery, IncidentByIdQuery, IncidentQuery, RecordedQuery
from app.store.read import history as read_history
from app.store.read import incidents as read_incidents

log = logging.getLogger("app")
router = read_router("/v1/incidents", "Incidents")
ID = {"incident_id": "The incident's id, like `ml-2019-11-01-indelimane`."}


@router.get(
    "",
    response_model=schemas.IncidentPage,
    summary="Incidents that match, with their headline tolls",
    **described(IncidentQuery, example=examples.INCIDENT_PAGE, confidential=True),
)
async def incidents(request: Request) -> Response:
    """A page of incidents. The walk along `next` shows what was recorded when its first page was answered."""
    asked = await parse_request(request, IncidentQuery, read_incidents.INCIDENT_PAGES)
    return await respond(asked, lambda: _incidents(asked), link=True)


async def _incidents(asked: ParsedRequest[IncidentQuery]) -> tuple[Made, str | None]:
    question, fields = asked.question, asked.question.fields
    reports = encoding.needs_reports(asked.form, fields)
    if asked.whole:
        every = read_incidents.every_incident(asked.session, question, reports=reports)
        if asked.form is Format.PARQUET:
            return partial(_as_file, asked, every), None
        return encoding.export(every, asked.form, question), None
    page = await read_incidents.page_of_incidents(asked.session, question, reports=reports)
    following = asked.next_page(page.cursor)
    if asked.form is Format.PARQUET:
        return partial(_as_file, asked, encoding.once(page.items)), following
    few = encoding.FEW_ITEMS
    if asked.form is Format.GEOJSON:
        made = encoding.geojson_page
        return await asked.made(page.items, few, made, page.items, fields, following, page.total), following
    if table := encoding.csv_table_of(asked.form, fields, hxl=question.hxl):
        rows = partial(encoding.incidents_csv, header=True)
        return await asked.made(page.items, encoding.FEW_ROWS, rows, page.items, table), following
    items = await asked.made(page.items, few, encoding.cut, page.items, fields) if fields else page.items
    if asked.form is Format.NDJSON:
        return encoding.ndjson(items), following
    return encoding.json_page(items, following, page.cursor, page.total), following


async def _as_file(asked: ParsedRequest[IncidentQuery], slices: AsyncGenerator[list[str]]) -> OpenFile:
    """Parquet. Raises `ExportUnwritable`."""
    try:
        async with aclosing(slices):
            return await parquet.open_file(slices, asked.question.fields, address_of(asked.request.scope))
    except OSError as error:
        log.error("an export cannot be written: %s", error)
        raise ExportUnwritable from error


@router.get(
    "/{incident_id}",
    response_model=schemas.Incident | schemas.IncidentMembers,
    summary="One incident",
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
    asked = await parse_request(request, IncidentByIdQuery)
    reports = encoding.needs_reports(asked.form, asked.question.fields)
    found = await read_incidents.one_incident(
        asked.session, request.path_params["incident_id"], asked.question, reports=reports
    )
    return await respond(asked, lambda: _incident(asked, found.text), changed=found.updated, version=found.version)


async def _incident(asked: ParsedRequest[IncidentByIdQuery], text: str) -> bytes:
    if asked.form is Format.GEOJSON:
        return encoding.geojson_feature(orjson.loads(text), asked.question.fields)
    if table := encoding.csv_table_of(asked.form, asked.question.fields):
        return encoding.incidents_csv([text], table, header=True)
    return encoding.cut([text], asked.question.fields)[0].encode()


@router.get(
    "/{incident_id}/toll-history",
    response_model=schemas.TollHistory,
    summary="Every figure that was reported, and how the headline moved",
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
    """Every report that covers the incident, oldest first, and the headline's timeline."""
    asked = await parse_request(request, HistoryQuery)
    incident_id = request.path_params["incident_id"]
    return await respond(asked, lambda: _history(asked, incident_id))


async def _history(asked: ParsedRequest[HistoryQuery], incident_id: str) -> bytes:
    if asked.form is Format.CSV:
        history = await read_history.history(asked.session, incident_id, asked.question)
        reports = history["reports"]
        return await asked.made(reports, encoding.FEW_ROWS, encoding.reports_csv, reports)
    return await read_history.history_text(asked.session, incident_id, asked.question)


@router.get(
    "/{incident_id}/versions",
    response_model=schemas.Versions,
    summary="How the record itself changed",
    **described(RecordedQuery, path=ID, missing=True, withdrawn=True, confidential=True),
)
async def versions(request: Request) -> Response:
    """Every version of the incident's record, oldest first, with who recorded it and when."""
    asked = await parse_request(request, RecordedQuery)
    return await respond(asked, lambda: _versions(asked, request.path_params["incident_id"]))


async def _versions(asked: ParsedRequest[RecordedQuery], incident_id: str) -> bytes:
    told = await read_history.versions(asked.session, incident_id)
    return await asked.made(told["items"], encoding.FEW_ROWS, orjson.dumps, told)
