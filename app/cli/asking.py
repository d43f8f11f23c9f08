"""find, toll, export: the questions of the service, asked of the database itself."""

import asyncio
import fcntl
import inspect
import os
import shutil
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from app.cli.base import app, text
from app.errors import FieldError, InvalidInput
from app.formats import encoding, parquet
from app.query import parameters as query_parameters
from app.query import value_types
from app.query.parameters import Format, Parameter
from app.query.query import Query, parse_query
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

SUFFIXES = {
    ".json": Format.JSON,
    ".geojson": Format.GEOJSON,
    ".csv": Format.CSV,
    ".ndjson": Format.NDJSON,
    ".parquet": Format.PARQUET,
}
LAYOUT = Parameter("f", value_types.choice((Format.ACLED, Format.UCDP)), "Columns of a .csv file; our own unless told.")
EXPORTED = (
    *(p for p in query_parameters.INCIDENTS if p not in (query_parameters.RESPONSE_FORMAT, *query_parameters.PAGING)),
    LAYOUT,
)


def find(given: dict[str, Any]) -> None:
    """List incidents that match: a page as a table or JSON, everything in the other forms without --limit."""
    question = _question(given, query_parameters.INCIDENTS)
    form, out = question.form, sys.stdout.buffer
    encoding.expect_fitting(form, question)
    whole = form is not Format.JSON and not question.paged

    async def answer(session: ReadSession) -> None:
        reports = encoding.needs_reports(form, question)
        if whole:
            async for chunk in _encoded(
                read_incidents.every_incident(session, question, reports=reports), form, question
            ):
                out.write(chunk)
            return
        page = await read_incidents.page_of_incidents(session, question, reports=reports)
        if "f" not in question.given:
            items = [orjson.loads(item) for item in page.items]
            console = Console()
            console.print(incident_table(items, console.width))
            typer.echo(incidents_caption(len(items), page.total, page.cursor))
        elif form is Format.JSON:
            cut = encoding.cut(page.items, question.fields)
            out.write(encoding.json_page(cut, page.cursor, page.cursor, page.total) + b"\n")
        else:
            async for chunk in _encoded(encoding.once(page.items), form, question):
                out.write(chunk)
            if page.cursor:
                typer.echo(f"more with --cursor {page.cursor}", err=True)

    _asking(question, answer)


def _encoded(slices: AsyncGenerator[list[str]], form: Format, question: Query) -> AsyncGenerator[bytes]:
    if form is Format.PARQUET:
        return parquet.chunks(slices, question.fields)
    chunks = encoding.export(slices, form, question)
    return encoding.chunks_with_bom(chunks) if question.bom else chunks


def stats(given: dict[str, Any]) -> None:
    """Show counts and toll sums of incidents that match, by group."""
    question = _question(given, query_parameters.STATS)
    groups = question.given.get("group_by", ())

    async def answer(session: ReadSession) -> None:
        found = await read_statistics.stats(session, question)
        if "f" not in question.given:
            Console().print(sums_table(found, groups, question.figure))
        elif question.form is Format.CSV:
            sys.stdout.buffer.write(encoding.sums_csv(found, groups))
        else:
            sys.stdout.buffer.write(orjson.dumps(found) + b"\n")

    _asking(question, answer)


def toll(incident_id: Annotated[str, typer.Argument(parser=text)], given: dict[str, Any]) -> None:
    """Show every figure reported of one incident, with a chart."""
    question = _question(given, query_parameters.HISTORY)

    async def answer(session: ReadSession) -> None:
        Console().print(history_view(await read_history.history(session, incident_id, question)))

    _asking(question, answer)


def export(
    file: Annotated[Path, typer.Argument(help="A file; with --partition a folder.")],
    given: dict[str, Any],
    partition: Annotated[bool, typer.Option("--partition", help="A folder of Parquet by country and year.")] = False,
) -> None:
    """Write all incidents that match to a file; its suffix tells the form: .csv .geojson .ndjson .json .parquet."""
    question = _question(given, EXPORTED)
    form = _form_of(file, question, partition)
    encoding.expect_fitting(form, question)

    async def answer(session: ReadSession) -> None:
        reports = encoding.needs_reports(form, question)
        try:
            with _folder_beside(file) as folder:
                async with aclosing(read_incidents.every_incident(session, question, reports=reports)) as slices:
                    made = await _made(slices, form, question, folder, partition)
                if partition and file.exists():
                    file.rmdir()
                made.replace(file)
        except OSError as error:
            raise _unfit(file, f"cannot be written: {error.strerror}") from None

    _asking(question, answer)
    typer.echo(f"wrote {file}", err=True)


@contextmanager
def _folder_beside(file: Path) -> Iterator[Path]:
    """A folder for what is being made. What a killed export left in it is removed, so that nothing piles up.

    Raises `InvalidInput` where another export of the same file is under way.
    """
    folder = file.with_name(f".{file.name}.part")
    folder.mkdir(exist_ok=True)
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _unfit(file, "is being written by another export; wait for its end") from None
        for left in folder.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


async def _made(
    slices: AsyncGenerator[list[str]], form: Format, question: Query, folder: Path, partition: bool
) -> Path:
    """What is exported, whole, in a folder beside its place."""
    if form is Format.PARQUET:
        return await parquet.write(slices, question.fields, folder, partitioned=partition)
    made = folder / "export"
    with made.open("wb") as out:
        async for chunk in _encoded(slices, form, question):
            out.write(chunk)
    return made


def _form_of(file: Path, question: Query, partition: bool) -> Format:
    """The form that a file's suffix stands for. Raises `InvalidInput` where an option does not go with it."""
    form = SUFFIXES.get(file.suffix.lower(), Format.PARQUET if partition else None)
    if form is None:
        raise _unfit(file, f"ends in none of {', '.join(SUFFIXES)}")
    if form is Format.PARQUET:
        try:
            str(file.absolute()).encode()
        except UnicodeEncodeError:
            raise _unfit(file, "is not UTF-8, as the path of a Parquet file must be") from None
    if partition:
        _expect_folder(file, form)
    if "f" not in question.given:
        return form
    if form is not Format.CSV:
        raise InvalidInput([FieldError("f", "is for a .csv file alone", question.form)])
    return question.form


def _expect_folder(folder: Path, form: Format) -> None:
    if form is not Format.PARQUET:
        raise InvalidInput([FieldError("partition", f"makes a folder of Parquet, which is not called {folder.suffix}")])
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise _unfit(folder, "is there, and is no empty folder")


def _unfit(file: Path, why: str) -> InvalidInput:
    return InvalidInput([FieldError("file", why, str(file), "argument")])


def _options(parameters: Sequence[Parameter]) -> list[inspect.Parameter]:
    """The command line's options for the parameters of a question."""
    found = []
    for p in parameters:
        kind: Any = bool if p.kind is value_types.SWITCH else list[str] if p.repeatable else str
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


_command(find, query_parameters.INCIDENTS)
_command(stats, query_parameters.STATS)
_command(toll, (query_parameters.MEASURE, *query_parameters.CLOCKS))
_command(export, EXPORTED)


def _question(given: dict[str, Any], allowed: Sequence[Parameter]) -> Query:
    pairs = []
    for name, value in given.items():
        told = ["true"] if value is True else value if isinstance(value, list) else [value]
        pairs += [(name, v) for v in told if v is not None]
    return parse_query(pairs, allowed)


def _asking(question: Query, answer: Callable[[ReadSession], Awaitable[None]]) -> None:
    """Opens a session on a database that is fit for it, and asks."""
    settings = Settings()
    database = Database(settings.replica_url or settings.database_url)
    schema.check(database)

    async def ask() -> None:
        reader = Reader(database, read_seconds=600)
        try:
            await answer(await read_session.open_session(reader, question, read_incidents.INCIDENT_PAGES))
        finally:
            reader.close()

    asyncio.run(ask())
