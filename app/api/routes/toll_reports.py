"""`/v1/toll-reports`, `/v1/reporters`, `/v1/sources`: who said what, across incidents."""

from collections.abc import AsyncGenerator
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.read_request import ParsedRequest, parse_request, respond
from app.api.http.read_route import read_router
from app.api.openapi import schemas
from app.api.openapi.operations import described
from app.formats import csv_tables, encoding
from app.query.code_lists import Format
from app.query.parameters import ClockQuery, ListQuery, RecordedQuery, ReportQuery
from app.store.read import reporters_sources
from app.store.read import reports as read_reports
from app.store.read.paging import Page

router = read_router("/v1")


@router.get(
    "/toll-reports",
    response_model=schemas.TollReportPage,
    tags=["Toll reports"],
    summary="Toll reports, newest first",
    **described(ReportQuery, confidential=True),
)
async def toll_reports(request: Request) -> Response:
    """Toll reports across incidents, each with whether it stands at the clocks asked for."""
    asked = await parse_request(request, ReportQuery, read_reports.REPORTS)
    return await respond(asked, lambda: _reports(asked), link=True)


async def _reports(asked: ParsedRequest[ReportQuery]) -> tuple[bytes | AsyncGenerator[bytes], str | None]:
    if asked.whole:
        return encoding.export_reports(read_reports.every_toll_report(asked.session, asked.question), asked.form), None
    page = await read_reports.toll_reports(asked.session, asked.question)
    if asked.form is Format.CSV:
        reports = map(orjson.loads, page.items)
        made = await asked.made(page.items, encoding.FEW_ROWS, csv_tables.reports_csv, reports)
        return made, asked.next_page(page.cursor)
    return _encoded(asked, page)


def _encoded(asked: ParsedRequest[Any], page: Page) -> tuple[bytes, str | None]:
    following = asked.next_page(page.cursor)
    if asked.form is Format.NDJSON:
        return encoding.ndjson(page.items), following
    return encoding.json_page(page.items, following, page.cursor, page.total), following


@router.get(
    "/toll-reports/{report_id}",
    response_model=schemas.TollReport,
    tags=["Toll reports"],
    summary="One toll report",
    **described(ClockQuery, path={"report_id": "The report's id."}, missing=True, confidential=True),
)
async def toll_report(request: Request) -> Response:
    """One toll report, with whether it stands at the clocks asked for."""
    asked = await parse_request(request, ClockQuery)
    return await respond(asked, lambda: _report(asked, request.path_params["report_id"]))


async def _report(asked: ParsedRequest[ClockQuery], report_id: str) -> bytes:
    return (await read_reports.toll_report(asked.session, report_id, asked.question)).encode()


@router.get(
    "/reporters",
    response_model=schemas.ReporterPage,
    tags=["Reporters and sources"],
    summary="List reporters with report and incident counts",
    **described(ListQuery, confidential=True),
)
async def reporters(request: Request) -> Response:
    """Reporters by id, with the number of their reports and of the incidents that these cover."""
    return await _parties(request, "reporter")


@router.get(
    "/sources",
    response_model=schemas.SourcePage,
    tags=["Reporters and sources"],
    summary="List sources with report and incident counts",
    **described(ListQuery, confidential=True),
)
async def sources(request: Request) -> Response:
    """Sources by id, with the number of reports that they carry and of the incidents that these cover."""
    return await _parties(request, "source")


async def _parties(request: Request, table: str) -> Response:
    asked = await parse_request(request, ListQuery, reporters_sources.REPORTERS_OR_SOURCES[table])

    async def body() -> tuple[bytes, str | None]:
        return _encoded(asked, await reporters_sources.reporters_or_sources(asked.session, table, asked.question))

    return await respond(asked, body, link=True)


@router.get(
    "/reporters/{reporter_id}",
    response_model=schemas.ReporterCounted,
    tags=["Reporters and sources"],
    summary="One reporter",
    **described(RecordedQuery, path={"reporter_id": "The reporter's id."}, missing=True, confidential=True),
)
async def reporter(request: Request) -> Response:
    """One reporter, with the number of its reports and of the incidents that these cover."""
    return await _one_party(request, "reporter")


@router.get(
    "/sources/{source_id}",
    response_model=schemas.SourceCounted,
    tags=["Reporters and sources"],
    summary="One source",
    **described(RecordedQuery, path={"source_id": "The source's id."}, missing=True, confidential=True),
)
async def source(request: Request) -> Response:
    """One source, with the number of reports that it carries and of the incidents that these cover."""
    return await _one_party(request, "source")


async def _one_party(request: Request, table: str) -> Response:
    asked = await parse_request(request, RecordedQuery)

    async def body() -> bytes:
        return (
            await reporters_sources.reporter_or_source(asked.session, table, request.path_params[f"{table}_id"])
        ).encode()

    return await respond(asked, body)
