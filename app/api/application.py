"""The application, made from settings and never at import."""

import asyncio
import gc
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread
from fastapi import FastAPI
from starlette_compress import CompressMiddleware, add_compress_type

from app import __version__
from app.api.http import metrics, problems
from app.api.http.kept_files import KeptFiles
from app.api.http.middleware import Cors, Envelope
from app.api.openapi.document import LICENSE, TAGS, Application
from app.api.routes import assets, changes_stream, health, incidents, log, ogc, pages, records, statistics, toll_reports
from app.api.routes import imports as import_route
from app.api.routes.live_log import LiveLog
from app.domain.places import load_names
from app.formats import encoding, parquet
from app.query.code_lists import Format
from app.settings import Settings
from app.store.db.database import Database
from app.store.db.reader import Reader
from app.store.maintenance.temporary import remove_abandoned
from app.store.write.recorder import Recorder
from app.web import docs

DESCRIPTION = """
Records of conflict incidents that keep **every toll that was reported**: who gave it, when, and what it replaced.

* `as_of=2019-11-01` returns what had been reported by that day; `recorded_as_of` what this service had recorded.
* The headline follows the rule `latest-standing`; `/v1/incidents/{id}/toll-history` shows how it came about.
* Null is "not reported", never 0. Nothing is overwritten.
* Errors are problem documents (RFC 9457); a 422 names every invalid parameter, and suggests the nearest valid one.
""".strip()


BUSY_SECONDS = 3
"""How long a write waits for other processes: less than responses in flight may take when the service stops."""


CORS_HEADERS = [
    "Authorization",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Last-Event-ID",
    "Range",
    "X-Request-ID",
]
"""Headers that pages of other origins may send."""


async def _stop_when(stopping: asyncio.Event, recorder: Recorder) -> None:
    await stopping.wait()
    await recorder.stop()


SWITCH_SECONDS = 0.0005
"""How long a thread runs before the event loop does. Python's default of 5 ms adds up if several threads are busy."""


COLLECT_AFTER = (2_000, 10, 1_000)
"""Thresholds of the garbage collector. With the defaults it scans all objects of a page of 1,000 incidents while it is
made: up to 0.1 s, in which all clients wait. There are few cycles here, and most of them are young."""


def _settle() -> None:
    """Loads the names that the first query with a country or region needs.

    Then exempts all existing objects from garbage collection. None of them is garbage, and scanning them takes 0.1 s
    now and then, in which all clients wait.
    """
    load_names()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    sys.setswitchinterval(SWITCH_SECONDS)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application. The database must exist; `incidents serve` creates it."""
    settings = settings or Settings()
    reader = Reader(Database(settings.replica_url or settings.database_url), settings.read_seconds)
    recorder = Recorder(Database(settings.database_url, BUSY_SECONDS, settings.clock_ahead_seconds))
    app = Application(
        title="Conflict Incidents",
        version=__version__,
        summary="Conflict-incident records with their reported toll history",
        description=DESCRIPTION,
        license_info=LICENSE,
        openapi_tags=TAGS,
        servers=[{"url": settings.public_url or "/"}],
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    app.state.settings, app.state.reader, app.state.recorder = settings, reader, recorder
    app.state.files, app.state.live = KeptFiles(), LiveLog(reader)
    _add_routes(app)
    _add_middleware(app, settings)
    problems.install(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    settings: Settings = app.state.settings
    reader: Reader = app.state.reader
    recorder: Recorder = app.state.recorder
    await to_thread.run_sync(remove_abandoned)
    await to_thread.run_sync(app.openapi)  # takes 0.4 s, for which no request should wait
    threading.Thread(target=_settle, daemon=True).start()  # takes a second, in the background
    stopping = asyncio.Event()
    recorder_stops = asyncio.create_task(_stop_when(stopping, recorder))
    yield {
        "request_seconds": settings.request_seconds,
        "send_seconds": settings.send_seconds,
        "stopping": stopping,
    }
    stopping.set()
    await recorder_stops
    app.state.files.close()
    await parquet.all_cleared()
    await recorder.close()
    reader.close()
    reader.database.close()


def _add_routes(app: FastAPI) -> None:
    """Adds all routes, not by `include_router`: it resolves the routes of a router again at each request."""
    for module in (incidents, toll_reports, statistics, log, changes_stream, records, import_route, ogc, health):
        app.router.routes.extend(module.router.routes)
    app.router.routes.extend(records.changes.routes)
    app.router.routes.extend([metrics.ROUTE, ogc.REDIRECT, *pages.ROUTES, *docs.routes(), *assets.ROUTES])


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """Adds the middleware, the outermost last."""
    for media_type in (*map(encoding.media_type, Format), problems.MEDIA_TYPE):
        if media_type != encoding.media_type(Format.PARQUET):  # which is compressed already
            add_compress_type(media_type)
    app.add_middleware(CompressMiddleware, minimum_size=1000)
    app.add_middleware(
        Cors,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "HEAD", "OPTIONS"],
        allow_headers=CORS_HEADERS,
        expose_headers=["Accept-Ranges", "Content-Range", "ETag", "Link", "Last-Modified", "X-Request-ID"],
        max_age=3600,
    )
    app.add_middleware(Envelope)
