"""The `incidents` command."""

import asyncio
import inspect
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from app import __version__
from app.api import encoding
from app.domain import filters
from app.domain.dates import parse_moment
from app.domain.filters import Form, Parameter
from app.domain.question import Question, read_question
from app.domain.vocabulary import Scope
from app.errors import AppError, Fault, InvalidInput
from app.ingest.seeds import load_seeds
from app.settings import Settings
from app.store import backup as copying
from app.store import keys as api_keys
from app.store import read
from app.store import verify as proving
from app.store.engine import Database
from app.store.reader import Reader, ReadSession
from app.terminal import history_view, incident_table, incidents_caption, key_table

app = typer.Typer(
    help="Conflict-incident records that keep every reported toll.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
UsageError: Any = typer.BadParameter.__base__
"""What Typer raises for anything typed wrong; it gives no name of its own to it."""
assert UsageError.__name__ == "UsageError"
SUFFIXES = {".json": Form.JSON, ".geojson": Form.GEOJSON, ".csv": Form.CSV, ".ndjson": Form.NDJSON}
EXPORTED = tuple(p for p in filters.INCIDENTS if p not in (filters.FORM, *filters.PAGING))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer.")] = 1,
    reload: Annotated[bool, typer.Option(help="Start again when the code changes.")] = False,
) -> None:
    """Migrate, seed an empty database, and answer requests."""
    from app.api.server import run

    settings = Settings()
    database = _migrated(settings)
    if settings.seed and _is_empty(settings):
        _report_seeds(database)
    database.close()
    host, port = host or settings.host, settings.port if port is None else port
    _expect_free(host, port)
    typer.echo(f"serving {database.url.database} on http://{host}:{port}, its pages at /docs", err=True)
    run(settings, host=host, port=port, workers=workers, reload=reload)


@app.command()
def migrate() -> None:
    """Make the database, or bring its schema up to date. Safe to repeat."""
    database = _migrated(Settings())
    typer.echo(f"{database.url.database} is up to date")


@app.command()
def seed() -> None:
    """Load the seeds. Safe to repeat."""
    _report_seeds(_migrated(Settings()))


def find(given: dict[str, Any]) -> None:
    """List incidents that match: a page as a table or JSON, everything as CSV, NDJSON or GeoJSON without --limit."""
    question = _question(given, filters.INCIDENTS)
    form, out = question.form, sys.stdout.buffer
    whole = form is not Form.JSON and not question.paged

    async def answer(session: ReadSession) -> None:
        if whole:
            async for chunk in encoding.export(read.every_incident(session, question), form, question.fields):
                out.write(chunk)
            return
        page = await read.incidents(session, question)
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
                slices = read.every_incident(session, question)
                async for chunk in encoding.export(slices, form, question.fields):
                    out.write(chunk)
            unfinished.replace(file)
        except OSError as error:
            raise InvalidInput([Fault("file", f"cannot be written: {error.strerror}", str(file), "argument")]) from None
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)

    _asking(question, answer)
    typer.echo(f"wrote {file}", err=True)


@app.command()
def verify(
    against: Annotated[
        Path | None, typer.Option(help="A checkpoint of earlier, as /v1/log/checkpoint gave it (JSON file).")
    ] = None,
) -> None:
    """Prove the log, the hashes and everything derived. Exit 1 names the first place that is broken."""
    database = Database(Settings().database_url)
    database.check()
    earlier = _checkpoint(against) if against else None
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*shown, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("entries of the log", total=None)
        proved = proving.verify(database, earlier, lambda entries: bar.update(task, completed=entries))
    typer.echo(f"whole: {proved.entries} entries, {proved.rows} rows, root {proved.root}")


def _checkpoint(file: Path) -> proving.Checkpoint:
    try:
        told = orjson.loads(file.read_bytes())
        return proving.Checkpoint(int(told["size"]), str(told["root"]))
    except (OSError, ValueError, TypeError, KeyError):
        why = "is not a checkpoint as /v1/log/checkpoint gives it"
        raise InvalidInput([Fault("against", why, str(file), "argument")]) from None


@app.command()
def backup(file: Path) -> None:
    """Write a consistent copy of the database to a new file; the service may go on."""
    copying.backup(Database(Settings().database_url), file)
    typer.echo(f"wrote {file}", err=True)


@app.command()
def restore(file: Path) -> None:
    """Put a backup in the place of the database, whose last state is kept beside it. Begins a new epoch of the feed."""
    settings = Settings()
    kept = copying.restore(file, Database(settings.database_url))
    typer.echo(f"restored {file}" + (f"; what was there is in {kept}" if kept else ""), err=True)


keys = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)
app.add_typer(keys, name="keys")


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Option(help="Who holds it; shown for ever beside all that is recorded with it.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may do; repeatable.")],
    expires: Annotated[str | None, typer.Option(help="Last day, or instant, on which it holds.")] = None,
) -> None:
    """Make a key and print it, this once."""
    try:
        ends = parse_moment(expires).instant if expires else None
    except ValueError as error:
        raise InvalidInput([Fault("expires", str(error), expires, "argument")]) from None
    typer.echo(api_keys.create(_migrated(Settings()), name, scope, ends))


@keys.command("list")
def list_keys() -> None:
    """List the keys, which are not shown themselves."""
    database = Database(Settings().database_url)
    database.check()
    Console().print(key_table(api_keys.listed(database)))


@keys.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """End a key. What was recorded with it stays."""
    database = Database(Settings().database_url)
    database.check()
    api_keys.revoke(database, key_id)
    typer.echo(f"revoked {key_id}", err=True)


@app.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    from app.api.application import create_app

    sys.stdout.buffer.write(orjson.dumps(create_app(Settings()).openapi(), option=orjson.OPT_INDENT_2) + b"\n")


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


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


def _expect_free(host: str, port: int) -> None:
    """Raises `InvalidInput` where nobody can listen, before a server is started for nothing."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        why = f"cannot be listened on ({error.strerror}); choose another with --port or INCIDENTS_PORT"
        raise InvalidInput([Fault("port", why, f"{host}:{port}", "settings")]) from None


def _migrated(settings: Settings) -> Database:
    database = Database(settings.database_url)
    database.migrate()
    return database


def _is_empty(settings: Settings) -> bool:
    reader = Reader(Database(settings.database_url), settings.read_seconds)

    async def newest() -> int:
        return (await read.open_session(reader, Question())).recorded

    try:
        return asyncio.run(newest()) == 0
    finally:
        reader.close()


def _report_seeds(database: Database) -> None:
    summary = load_seeds(database)
    typer.echo(f"seeds: {summary.created} created, {summary.unchanged} unchanged", err=True)
    if summary.refused:
        raise InvalidInput([Fault(line, "was refused", where="seeds") for line in summary.refused])


def main() -> None:
    """Runs the command. An error is one line on standard error, and exit code 1 (2 for what was typed wrong)."""
    try:
        sys.exit(app(standalone_mode=False))
    except UsageError as error:
        if message := error.format_message():  # empty where no command was named and the help was shown
            typer.echo(f"incidents: {message}", err=True)
        sys.exit(2)
    except typer.Abort:
        sys.exit(130)
    except InvalidInput as error:
        for fault in error.faults:
            value = f' "{fault.as_json()["value"]}"' if fault.value is not None else ""
            typer.echo(f"incidents: {fault.name}{value} {fault.message}", err=True)
        sys.exit(2)
    except AppError as error:
        typer.echo(f"incidents: {error.detail}", err=True)
        sys.exit(1)
    except ValidationError as error:
        for e in error.errors(include_url=False):
            typer.echo(f"incidents: INCIDENTS_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}", err=True)
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
