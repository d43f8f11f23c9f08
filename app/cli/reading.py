"""find, stats, toll: queries of the service, run on the database itself."""

import asyncio
import inspect
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

import orjson
import typer
from rich.console import Console

from app.cli.base import app, text
from app.formats import csv_tables, encoding, parquet
from app.query import value_types
from app.query.code_lists import Format
from app.query.parameters import HistoryQuery, IncidentQuery, StatisticsQuery
from app.query.query import Parameter, Query, parameters_of, parse_query
from app.settings import Settings
from app.store.db.database import Database
from app.store.db.reader import Reader
from app.store.maintenance import schema
from app.store.read import history as read_history
from app.store.read import incidents as read_incidents
from app.store.read import session as read_session
from app.store.read import statistics as read_statistics
from app.store.read.session import ReadSession
from app.terminal import history_view, incident_table, incidents_caption, sums_table

Q = TypeVar("Q", bound=Query)


def find(query: IncidentQuery) -> None:
    """List incidents. A table or JSON is one page; other formats have all incidents unless --limit is set."""
    encoding.expect_fitting(query.format, query)
    run(query, lambda session: _find(session, query))


async def _find(session: ReadSession, query: IncidentQuery) -> None:
    format, out = query.format, sys.stdout.buffer
    reports = encoding.needs_reports(format, query.fields)
    if format is not Format.JSON and not query.paged:
        async for chunk in encoded(read_incidents.every_incident(session, query, reports=reports), query):
            out.write(chunk)
        return
    page = await read_incidents.page_of_incidents(session, query, reports=reports)
    if not query.is_given("format"):
        items = [orjson.loads(item) for item in page.items]
        console = Console()
        console.print(incident_table(items, console.width))
        typer.echo(incidents_caption(len(items), page.total, page.cursor))
    elif format is Format.JSON:
        items_cut = encoding.cut(page.items, query.fields)
        out.write(encoding.json_page(items_cut, page.cursor, page.cursor, page.total) + b"\n")
    else:
        async for chunk in encoded(encoding.once(page.items), query):
            out.write(chunk)
        if page.cursor:
            typer.echo(f"more with --cursor {page.cursor}", err=True)


def encoded(slices: AsyncGenerator[list[str]], query: IncidentQuery) -> AsyncGenerator[bytes]:
    """Incidents in the format of the query, chunk by chunk."""
    if query.format is Format.PARQUET:
        return parquet.chunks(slices, query.fields)
    chunks = encoding.export(slices, query.format, query)
    return csv_tables.chunks_with_bom(chunks) if query.bom else chunks


def stats(query: StatisticsQuery) -> None:
    """Show counts and toll sums of incidents, by group."""
    run(query, lambda session: _stats(session, query))


async def _stats(session: ReadSession, query: StatisticsQuery) -> None:
    found = await read_statistics.stats(session, query)
    if not query.is_given("format"):
        Console().print(sums_table(found, query.group_by, query.figure))
    elif query.format is Format.CSV:
        sys.stdout.buffer.write(csv_tables.sums_csv(found, query.group_by))
    else:
        sys.stdout.buffer.write(orjson.dumps(found) + b"\n")


def toll(query: HistoryQuery, incident_id: Annotated[str, typer.Argument(parser=text)]) -> None:
    """Show every figure reported for one incident, with a chart."""

    async def show(session: ReadSession) -> None:
        Console().print(history_view(await read_history.history(session, incident_id, query)))

    run(query, show)


def run(query: Query, read: Callable[[ReadSession], Awaitable[None]]) -> None:
    """Opens a session for the query on a database whose schema is current, and reads."""
    settings = Settings()
    database = Database(settings.replica_url or settings.database_url)
    schema.check(database)

    async def in_session() -> None:
        reader = Reader(database, read_seconds=600)
        try:
            await read(await read_session.open_session(reader, query, read_incidents.INCIDENT_PAGES))
        finally:
            reader.close()

    asyncio.run(in_session())


def command(call: Callable[..., None], model: type[Query], *, without: Sequence[str] = ()) -> None:
    """Adds a command whose options are the parameters of a query model. `call` has the arguments."""
    own = [p for p in inspect.signature(call).parameters.values() if p.name != "query"]
    parameters = {name: p for name, p in parameters_of(model).items() if name not in without}

    def of_query(**values: Any) -> None:
        arguments = {p.name: values.pop(p.name) for p in own}
        call(parse_query(_pairs(values), model), **arguments)

    of_query.__doc__ = call.__doc__
    of_query.__signature__ = inspect.Signature([*own, *_options(parameters)])  # type: ignore[attr-defined]
    app.command(call.__name__)(of_query)


def _options(parameters: Mapping[str, Parameter]) -> Iterable[inspect.Parameter]:
    for name, p in parameters.items():
        kind: Any = bool if p.kind is value_types.SWITCH else list[str] if p.repeatable else str
        values = p.kind.schema.get("enum", ())
        choices = f" One of: {', '.join(map(str, values))}." if values else ""
        option = typer.Option(f"--{name.replace('_', '-')}", help=p.help + choices, show_default=False)
        annotation = Annotated[kind | None, option]
        yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _pairs(values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in values.items():
        texts = ["true"] if value is True else value if isinstance(value, list) else [value]
        yield from ((name, text) for text in texts if text is not None)


command(find, IncidentQuery)
command(stats, StatisticsQuery)
command(toll, HistoryQuery, without=("f", "bom"))
