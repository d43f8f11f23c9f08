"""`/healthz` and `/readyz`: whether the process lives, and whether it can answer."""

from functools import partial
from typing import Any

import orjson
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from app import __version__
from app.api.http.problems import shown
from app.api.http.read_route import read_router
from app.api.openapi import schemas
from app.api.openapi.problem_responses import ANY_ROUTE
from app.errors import AppError
from app.store.db.reader import Reader
from app.store.maintenance import schema

router = read_router("", "Health")
OPEN: dict[str, Any] = {"security": []}
UNCACHED = {"Cache-Control": "no-store"}


@router.get(
    "/healthz",
    response_model=schemas.Health,
    summary="Liveness probe",
    responses=ANY_ROUTE,
    openapi_extra=OPEN,
)
async def healthz(_: Request) -> Response:
    """Answers as long as the process does; asks nothing of the database."""
    return _health(None)


@router.get(
    "/readyz",
    response_model=schemas.Health,
    summary="Readiness probe",
    responses=ANY_ROUTE | {503: {"model": schemas.Health, "description": "Not ready; `detail` says why."}},
    openapi_extra=OPEN,
)
async def readyz(request: Request) -> Response:
    """Reads a few pages of the database: it is there, it is the file that was opened, and it has this schema."""
    reader: Reader = request.app.state.reader
    try:
        await to_thread.run_sync(partial(schema.check, reader.database, small_file=False))
        reader.same_file.expect()
    except AppError as error:
        return _health(shown(error).detail)
    return _health(None)


def _health(fault: str | None) -> Response:
    body = {"status": "failing" if fault else "ok", "version": __version__, "detail": fault}
    return Response(orjson.dumps(body), 503 if fault else 200, UNCACHED, media_type="application/json")
