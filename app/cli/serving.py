"""The commands `serve`, `migrate`, `seed` and `openapi`."""

import asyncio
import socket
import sys
from collections import Counter
from typing import Annotated

import orjson
import typer

from app.cli.base import app, migrated
from app.domain.dates import Instant
from app.domain.incident import IncidentDraft
from app.errors import FieldError, InvalidInput
from app.ingest.seeds import load_seeds
from app.query.query import Query
from app.settings import Settings
from app.store.db.database import Database
from app.store.db.reader import Reader
from app.store.read import log as read_log
from app.store.read import session as read_session
from app.store.write.writer import Outcome


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Number of worker processes.")] = 1,
    reload: Annotated[bool, typer.Option(help="Restart when the code changes.")] = False,
) -> None:
    """Run the service: migrate, seed an empty database, and listen."""
    from app.api.http.server import run

    settings = Settings()
    database = migrated(settings)
    if _newest_recording(settings) == 0 and settings.seed:
        _report_seeds(database)
    database.close()
    host, port = host or settings.host, settings.port if port is None else port
    _expect_free(host, port)
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
    typer.echo(f"serving {database.url.database}: open {address} (API: {address}docs)", err=True)
    run(settings, host=host, port=port, workers=workers, reload=reload)


@app.command()
def migrate() -> None:
    """Create the database or update its schema. Safe to repeat."""
    database = migrated(Settings())
    typer.echo(f"{database.url.database} is up to date")


@app.command()
def seed() -> None:
    """Load the seeds. Safe to repeat."""
    _report_seeds(migrated(Settings()))


@app.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    from app.api.application import create_app

    sys.stdout.buffer.write(orjson.dumps(create_app(Settings()).openapi(), option=orjson.OPT_INDENT_2) + b"\n")


def _expect_free(host: str, port: int) -> None:
    """Raises `InvalidInput` if the address cannot be listened on, before worker processes start."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        why = f"cannot listen here ({error.strerror}); choose another port with --port or INCIDENTS_PORT"
        raise InvalidInput([FieldError("port", why, f"{host}:{port}", "settings")]) from None


def _newest_recording(settings: Settings) -> Instant:
    """When something was last recorded; 0 for never. Raises `Broken` if the log does not match it."""
    reader = Reader(Database(settings.database_url), settings.read_seconds)

    async def newest() -> Instant:
        session = await read_session.open_session(reader, Query())
        await read_log.check_newest(session)
        return session.recorded

    try:
        return asyncio.run(newest())
    finally:
        reader.close()


def _report_seeds(database: Database) -> None:
    counts = Counter[tuple[Outcome, bool]]()
    summary = load_seeds(database, lambda result: counts.update([(result.outcome, result.item.kind is IncidentDraft)]))
    for outcome in (Outcome.CREATED, Outcome.UNCHANGED):
        incidents, reports = counts[outcome, True], counts[outcome, False]
        if incidents or reports:
            typer.echo(f"seeds: {incidents} incidents and {reports} shared toll reports {outcome}", err=True)
    if summary.refused:
        raise InvalidInput([FieldError(line, "refused", where="seeds") for line in summary.reasons])
