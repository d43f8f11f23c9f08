"""`/v1/stats` and `/v1/regions`: counts and sums."""

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.read_request import ParsedRequest, parse_request
from app.api.http.read_response import Content, respond
from app.api.http.read_route import read_router
from app.api.openapi import examples, schemas_statistics
from app.api.openapi.operations import described
from app.formats import csv_tables, encoding
from app.query.code_lists import Format
from app.query.parameters import ClockQuery, StatisticsQuery
from app.store.read import statistics as read_statistics

router = read_router("/v1", "Statistics")


@router.get(
    "/stats",
    response_model=schemas_statistics.Stats,
    summary="Get counts and toll sums",
    **described(StatisticsQuery, example=examples.STATS),
)
async def stats(request: Request) -> Response:
    """Counts and sums of the incidents that match, by group and in total.

    An incident belongs to the year and month of its `date_start`. By actor it counts once for each actor, so groups
    may add up to more than `total`, which counts everything once. A figure reported jointly for several incidents is in
    `…_shared` of every group with one of them.
    """
    return await respond(await parse_request(request, StatisticsQuery), _stats)


async def _stats(parsed: ParsedRequest[StatisticsQuery]) -> Content:
    found = await read_statistics.stats(parsed.session, parsed.query)
    items = found["items"]

    def encode() -> bytes:
        each = parsed.session.each(items)
        if parsed.format is Format.CSV:
            return csv_tables.sums_csv({**found, "items": each}, parsed.query.group_by)
        return encoding.sums_json({**found, "items": each})

    return Content(await parsed.session.in_thread_if(len(items) > read_statistics.MANY_GROUPS, encode))


@router.get(
    "/regions",
    response_model=schemas_statistics.Regions,
    summary="List countries and regions",
    **described(ClockQuery),
)
async def regions(request: Request) -> Response:
    """Countries that have incidents, by code, each followed by its regions, with the number of their incidents."""
    return await respond(await parse_request(request, ClockQuery), _regions)


async def _regions(parsed: ParsedRequest[ClockQuery]) -> Content:
    items = await read_statistics.regions(parsed.session, parsed.query)
    are_many = len(items) > read_statistics.MANY_GROUPS
    return Content(await parsed.session.in_thread_if(are_many, orjson.dumps, {"items": items}))


@router.get(
    "/regions/{code}",
    response_model=schemas_statistics.RegionSummary,
    summary="Get a country or region",
    **described(ClockQuery, path={"code": "ISO 3166-1 alpha-2 or ISO 3166-2, like `ML` or `ML-9`."}, missing=True),
)
async def region(request: Request) -> Response:
    """One country or region with the sums of its incidents."""
    return await respond(await parse_request(request, ClockQuery), _region)


async def _region(parsed: ParsedRequest[ClockQuery]) -> Content:
    return Content(orjson.dumps(await read_statistics.region(parsed.session, parsed.path("code"), parsed.query)))
