"""`/v1/toll-reports`, `/v1/reporters`, `/v1/sources`: figures, who gave them, and where they were published."""

from functools import partial

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.read_request import ParsedRequest, parse_request
from app.api.http.read_response import Content, respond
from app.api.http.read_route import read_router
from app.api.openapi import schemas
from app.api.openapi.operations import described
from app.formats import csv_tables, encoding
from app.query.code_lists import Format
from app.query.parameters import ClockQuery, ListQuery, RecordedQuery, ReportQuery
from app.query.query import Q
from app.store.read import reporters_sources
from app.store.read import reports as read_reports
from app.store.read.paging import Page

router = read_router("/v1")


@router.get(
    "/toll-reports",
    response_model=schemas.TollReportPage,
    tags=["Toll reports"],
    summary="List toll reports",
    **described(ReportQuery, confidential=True),
)
async def toll_reports(request: Request) -> Response:
    """Toll reports across incidents, newest first, each with whether it stands at the requested times."""
    parsed = await parse_request(request, ReportQuery, read_reports.REPORTS)
    return await respond(parsed, _export if parsed.is_export else _page_of_reports)


async def _export(parsed: ParsedRequest[ReportQuery]) -> Content:
    slices = read_reports.every_toll_report(parsed.session, parsed.query)
    return Content(encoding.export_reports(slices, parsed.format))


async def _page_of_reports(parsed: ParsedRequest[ReportQuery]) -> Content:
    page = await read_reports.toll_reports(parsed.session, parsed.query)
    if parsed.format is not Format.CSV:
        return _content_of(page, parsed)
    reports = map(orjson.loads, page.items)
    body = await parsed.session.in_thread_if(len(page.items) > encoding.FEW_ROWS, csv_tables.reports_csv, reports)
    return Content(body, parsed.next_page(page.cursor))


def _content_of(page: Page, parsed: ParsedRequest[Q]) -> Content:
    next_page = parsed.next_page(page.cursor)
    if parsed.format is Format.NDJSON:
        return Content(encoding.ndjson(page.items), next_page)
    return Content(encoding.json_page(page.items, next_page, page.cursor, page.total), next_page)


@router.get(
    "/toll-reports/{report_id}",
    response_model=schemas.TollReport,
    tags=["Toll reports"],
    summary="Get a toll report",
    **described(ClockQuery, path={"report_id": "The report's id."}, missing=True, confidential=True),
)
async def toll_report(request: Request) -> Response:
    """One toll report, with whether it stands at the requested times."""
    return await respond(await parse_request(request, ClockQuery), _report)


async def _report(parsed: ParsedRequest[ClockQuery]) -> Content:
    report = await parsed.session.run(read_reports.find_report, parsed.path("report_id"), parsed.query)
    return Content(report.encode())


@router.get(
    "/reporters",
    response_model=schemas.ReporterPage,
    tags=["Reporters and sources"],
    summary="List reporters with report and incident counts",
    **described(ListQuery, confidential=True),
)
async def reporters(request: Request) -> Response:
    """Reporters by id, with the number of their reports and of the incidents that these cover."""
    return await _reporters_or_sources(request, "reporter")


@router.get(
    "/sources",
    response_model=schemas.SourcePage,
    tags=["Reporters and sources"],
    summary="List sources with report and incident counts",
    **described(ListQuery, confidential=True),
)
async def sources(request: Request) -> Response:
    """Sources by id, with the number of reports that they carry and of the incidents that these cover."""
    return await _reporters_or_sources(request, "source")


async def _reporters_or_sources(request: Request, table: str) -> Response:
    parsed = await parse_request(request, ListQuery, reporters_sources.REPORTERS_OR_SOURCES[table])
    return await respond(parsed, partial(_page_of, table))


async def _page_of(table: str, parsed: ParsedRequest[ListQuery]) -> Content:
    return _content_of(await reporters_sources.reporters_or_sources(parsed.session, table, parsed.query), parsed)


@router.get(
    "/reporters/{reporter_id}",
    response_model=schemas.ReporterCounted,
    tags=["Reporters and sources"],
    summary="Get a reporter",
    **described(RecordedQuery, path={"reporter_id": "The reporter's id."}, missing=True, confidential=True),
)
async def reporter(request: Request) -> Response:
    """One reporter, with the number of its reports and of the incidents that these cover."""
    return await _reporter_or_source(request, "reporter")


@router.get(
    "/sources/{source_id}",
    response_model=schemas.SourceCounted,
    tags=["Reporters and sources"],
    summary="Get a source",
    **described(RecordedQuery, path={"source_id": "The source's id."}, missing=True, confidential=True),
)
async def source(request: Request) -> Response:
    """One source, with the number of reports that it carries and of the incidents that these cover."""
    return await _reporter_or_source(request, "source")


async def _reporter_or_source(request: Request, table: str) -> Response:
    return await respond(await parse_request(request, RecordedQuery), partial(_one_of, table))


async def _one_of(table: str, parsed: ParsedRequest[RecordedQuery]) -> Content:
    record = await parsed.session.run(reporters_sources.find_reporter_or_source, table, parsed.path(f"{table}_id"))
    return Content(record.encode())
