"""`/v1/stats` and `/v1/regions`: counts and sums."""

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.read_request import ParsedRequest, parse_request, respond
from app.api.http.read_route import read_router
from app.api.openapi import examples, schemas
from app.api.openapi.operations import described
from app.formats import csv_tables, encoding
from app.query.code_lists import Format
from app.query.parameters import ClockQuery, StatisticsQuery
from app.store.read import statistics as read_statistics

router = read_router("/v1", "Statistics")


@router.get(
    "/stats",
    response_model=schemas.Stats,
    summary="Counts and toll sums, by group",
    **described(StatisticsQuery, example=examples.STATS),
)
async def stats(request: Request) -> Response:
    """Counts and sums of the incidents that match.

    An incident belongs to the year and month of its `date_start`. By actor it counts once for each actor, so groups
    may add up to more than `total`, which counts everything once. A figure told for several incidents together is in
    `…_shared` of every group with one of them.
    """
    asked = await parse_request(request, StatisticsQuery)
    return await respond(asked, lambda: _stats(asked))


async def _stats(asked: ParsedRequest[StatisticsQuery]) -> bytes:
    found = await read_statistics.stats(asked.session, asked.question)
    items = found["items"]

    def made() -> bytes:
        each = asked.session.each(items)
        if asked.form is Format.CSV:
            return csv_tables.sums_csv({**found, "items": each}, asked.question.group_by)
        return encoding.sums_json({**found, "items": each})

    return await asked.made(items, read_statistics.MANY_GROUPS, made)


@router.get(
    "/regions",
    response_model=schemas.Regions,
    summary="Countries and regions that have incidents",
    **described(ClockQuery),
)
async def regions(request: Request) -> Response:
    """Countries by code, each followed by its regions, with the number of their incidents."""
    asked = await parse_request(request, ClockQuery)
    return await respond(asked, lambda: _regions(asked))


async def _regions(asked: ParsedRequest[ClockQuery]) -> bytes:
    items = await read_statistics.regions(asked.session, asked.question)
    return await asked.made(items, read_statistics.MANY_GROUPS, orjson.dumps, {"items": items})


@router.get(
    "/regions/{code}",
    response_model=schemas.RegionSummary,
    summary="One country or region, with the sums of its incidents",
    **described(ClockQuery, path={"code": "ISO 3166-1 alpha-2 or ISO 3166-2, like `ML` or `ML-9`."}, missing=True),
)
async def region(request: Request) -> Response:
    """One country or region with the sums of its incidents."""
    asked = await parse_request(request, ClockQuery)
    return await respond(asked, lambda: _region(asked, request.path_params["code"]))


async def _region(asked: ParsedRequest[ClockQuery], code: str) -> bytes:
    return orjson.dumps(await read_statistics.region(asked.session, code, asked.question))
