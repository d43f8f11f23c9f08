"""find, toll, export: the questions of the service, asked of the database itself."""

import asyncio
import inspect
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from app.api import encoding
from app.cli.base import app
from app.domain import filters
from app.domain.filters import Form, Parameter
from app.domain.question import Question, read_question
from app.errors import Fault, InvalidInput
from app.settings import Settings
from app.store import read
from app.store.engine import Database
from app.store.reader import Reader, ReadSession
from app.terminal import history_view, incident_table, incidents_caption

SUFFIXES = {".json": Form.JSON, ".geojson": Form.GEOJSON, ".csv": Form.CSV, ".ndjson": Form.NDJSON}
EXPORTED = tuple(p for p in filters.INCIDENTS if p not in (filters.FORM, *filters.PAGING))


def find(given: dict[str, Any]) -> None:
    """List incidents that match: a page as a table or JSON, everything as CSV, NDJSON or GeoJSON without --limit."""
    question = _question(given, filters.INCIDENTS)
    form, out = question.form, sys.stdout.buffer
    whole = form is not Form.JSON and not question.paged

    async def answer(session: ReadSession) -> None:
        if whole:
            async for chunk in _exported(session, question, form):
                out.write(chunk)
            return
        page = await read.incidents(session, question, reports=encoding.needs_reports(form, question.fields))
        if "f" not in question.given:
            items = [orjson.loads(item) for item in page.items]
            console = Console()
            console.print(incident_table(items, console.width))
            typer.echo(incidents_caption(len(items), page.total, page.cursor))
        elif form is Form.JSON:
            out.write(encoding.json_page(encoding.cut(page.items, question.fields), page.cursor, page.total) + b"\n")
        else:
            async for chunk in encoding.export(_once(page.items), form, question.fields):
                out.write(chunk)
            if page.cursor:
                typer.echo(f"more with --cursor {page.cursor}", err=True)

    _asking(question, answer)


def _exported(session: ReadSession, question: Question, form: Form) -> AsyncIterator[bytes]:
    reports = encoding.needs_reports(form, question.fields)
    return encoding.export(read.every_incident(session, question, reports=reports), form, question.fields)


async def _once(items: list[str]) -> AsyncIterator[list[str]]:
    yield items


def toll(incident_id: str, given: dict[str, Any]) -> None:
    """Show every figure reported of one incident, with a chart."""
    question = _question(given, filters.HISTORY)

    async def answer(session: ReadSession) -> None:
        Console().print(history_view(await read.history(session, incident_id, question)))

    _asking(question, answer)


def export(file: Path, given: dict[str, Any]) -> None:
    """Write all incidents that match to a file; its suffix tells the form: .csv .geojson .ndjson .json."""
    form = SUFFIXES.get(file.suffix.lower())
    if form is None:
        raise InvalidInput([Fault("file", f"ends in none of {', '.join(SUFFIXES)}", str(file), "argument")])
    question = _question(given, EXPORTED)

    async def answer(session: ReadSession) -> None:
        unfinished = file.with_name(f".{file.name}.part")
        try:
            with unfinished.open("wb") as out:
                async for chunk in _exported(session, question, form):
                    out.write(chunk)
            unfinished.replace(file)
        except OSError as error:
            raise InvalidInput([Fault("file", f"cannot be written: {error.strerror}", str(file), "argument")]) from None
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)

    _asking(question, answer)
    typer.echo(f"wrote {file}", err=True)


def _options(parameters: Sequence[Parameter]) -> list[inspect.Parameter]:
    """The command line's options for the parameters of a question."""
    found = []
    for p in parameters:
        kind = list[str] if p.repeatable else str
        values = p.kind.schema.get("enum", ())
        told = f" One of: {', '.join(map(str, values))}." if values else ""
        option = typer.Option(f"--{p.name.replace('_', '-')}", help=p.help + told, show_default=False)
        found.append(
            inspect.Parameter(
                p.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
            )
        )
    return found


def _command(call: Callable[..., None], parameters: Sequence[Parameter]) -> None:
    """Adds a command that takes its own arguments and, as options, the parameters of a question."""
    own = [p for p in inspect.signature(call).parameters.values() if p.name != "given"]

    def command(**values: Any) -> None:
        arguments = {p.name: values.pop(p.name) for p in own}
        call(**arguments, given=values)

    command.__doc__ = call.__doc__
    command.__signature__ = inspect.Signature([*own, *_options(parameters)])  # type: ignore[attr-defined]
    app.command(call.__name__)(command)


_command(find, filters.INCIDENTS)
_command(toll, (filters.MEASURE, *filters.CLOCKS))
_command(export, EXPORTED)


def _question(given: dict[str, Any], allowed: Sequence[Parameter]) -> Question:
    pairs = []
    for name, value in given.items():
        pairs += [(name, v) for v in (value if isinstance(value, list) else [value]) if v is not None]
    return read_question(pairs, allowed)


def _asking(question: Question, answer: Callable[[ReadSession], Awaitable[None]]) -> None:
    """Opens a session on a database that is fit for it, and asks."""
    settings = Settings()
    database = Database(settings.replica_url or settings.database_url)
    database.check()

    async def ask() -> None:
        reader = Reader(database, read_seconds=600)
        try:
            await answer(await read.open_session(reader, question, read.INCIDENTS))
        finally:
            reader.close()

    asyncio.run(ask())
