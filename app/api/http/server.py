"""Starts uvicorn with our protocol and limits."""

import resource
from contextlib import suppress

import uvicorn

from app.api.http.protocol import DeadlineProtocol
from app.settings import Settings

MAX_CONNECTIONS = 2000
SPARE_FILES = 200
"""Open files of a process besides its connections: databases, kept files, uploads."""
GRACE_SECONDS = 4
"""How long responses in flight may take after SIGTERM."""


def _max_connections() -> int:
    """As many as this process may have files open for. The limit is raised as far as the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = MAX_CONNECTIONS + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        needed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return max(min(MAX_CONNECTIONS, needed - SPARE_FILES), 1)


def run(settings: Settings, *, host: str, port: int, workers: int, reload: bool) -> None:
    """Serves until the process is told to stop."""
    uvicorn.run(
        "app.api.application:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        reload=reload,
        loop="uvloop",
        http=DeadlineProtocol,
        ws="none",
        log_level=settings.log_level,
        access_log=settings.access_log,
        server_header=False,
        limit_concurrency=_max_connections(),
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
