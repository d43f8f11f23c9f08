"""keys, verify, backup, restore."""

import re
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from app.cli.base import app, checked, text
from app.domain.dates import parse_moment
from app.domain.vocabulary import Scope
from app.errors import FieldError, InvalidInput
from app.settings import Settings
from app.store import keys as api_keys
from app.store.db.database import Database
from app.store.maintenance import backup as copying
from app.store.maintenance import verify as proving
from app.terminal import key_table

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
        raise InvalidInput([FieldError("expires", str(error), expires, "argument")]) from None
    typer.echo(api_keys.create(checked(Settings()), name, scope, ends))


@keys.command("list")
def list_keys() -> None:
    """List the keys, which are not shown themselves."""
    database = checked(Settings())
    Console().print(key_table(api_keys.list_keys(database)))


@keys.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(metavar="ID", parser=text)]) -> None:
    """End a key. What was recorded with it stays."""
    database = checked(Settings())
    api_keys.revoke(database, key_id)
    typer.echo(f"revoked {key_id}", err=True)


@app.command()
def verify(
    against: Annotated[
        Path | None, typer.Option(help="A checkpoint of earlier, as /v1/log/checkpoint gave it (JSON file).")
    ] = None,
) -> None:
    """Prove the log, the hashes and everything derived. Exit 1 names the first place that is broken."""
    database = checked(Settings())
    earlier = _checkpoint(against) if against else None
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*shown, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("entries of the log", total=None)
        proved = proving.verify(database, earlier, lambda entries: bar.update(task, completed=entries))
    typer.echo(f"whole: {proved.entries} entries, {proved.rows} rows, root {proved.root}")


def _checkpoint(file: Path) -> proving.Checkpoint:
    try:
        told = orjson.loads(file.read_bytes())
        checkpoint = proving.Checkpoint(told["size"], told["root"])
        if type(checkpoint.size) is int and checkpoint.size >= 0 and re.fullmatch("[0-9a-f]{64}", checkpoint.root):
            return checkpoint
        raise ValueError
    except (OSError, ValueError, TypeError, KeyError):
        why = "is not a checkpoint as /v1/log/checkpoint gives it"
        raise InvalidInput([FieldError("against", why, str(file), "argument")]) from None


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
