"""`/healthz` and `/readyz`: whether the process is alive, and whether it can serve requests."""

from functools import partial
from typing import Any

import orjson
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from app import __version__
from app.api.http.problems import public_error
from app.api.http.read_route import read_router
from app.api.openapi.problem_responses import ANY_ROUTE
from app.api.openapi.schemas_problems import Health
from app.errors import AppError
from app.query.query import Query
from app.store.db.reader import Reader
from app.store.maintenance import schema
from app.store.read.session import open_session

router = read_router("", "Health")
OPEN: dict[str, Any] = {"security": []}
UNCACHED = {"Cache-Control": "no-store"}


@router.get(
    "/healthz",
    response_model=Health,
    summary="Liveness probe",
    responses=ANY_ROUTE,
    openapi_extra=OPEN,
)
async def healthz(_: Request) -> Response:
    """Responds as long as the process runs. It does not read the database."""
    return _health(None)


@router.get(
    "/readyz",
    response_model=Health,
    summary="Readiness probe",
    responses=ANY_ROUTE | {503: {"model": Health, "description": "Not ready; `detail` says why."}},
    openapi_extra=OPEN,
)
async def readyz(request: Request) -> Response:
    """Reads a few pages of the database: the file exists, it is the one that was opened, and its schema is current."""
    reader: Reader = request.app.state.reader
    try:
        await to_thread.run_sync(partial(schema.check, reader.database, small_file=False))
        await open_session(reader, Query())  # keeps a connection open: the last one to close removes the WAL
        reader.same_file.expect()
    except AppError as error:
        return _health(public_error(error).detail)
    return _health(None)


def _health(failure: str | None) -> Response:
    body = {"status": "failing" if failure else "ok", "version": __version__, "detail": failure}
    return Response(orjson.dumps(body), 503 if failure else 200, UNCACHED, media_type="application/json")
