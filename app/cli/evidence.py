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
from app.store.maintenance import backup as backups
from app.store.maintenance import verify as verification
from app.terminal import key_table

keys = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)
app.add_typer(keys, name="keys")


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Option(help="Name of the holder. It is shown with every record that the key writes.")],
    scope: Annotated[list[Scope], typer.Option(help="What the key may do. Repeatable.")],
    expires: Annotated[str | None, typer.Option(help="Last day, or instant, on which the key is valid.")] = None,
) -> None:
    """Create a key; it is shown only once."""
    try:
        ends = parse_moment(expires).instant if expires else None
    except ValueError as error:
        raise InvalidInput([FieldError("expires", str(error), expires, "argument")]) from None
    typer.echo(api_keys.create(checked(Settings()), name, scope, ends))


@keys.command("list")
def list_keys() -> None:
    """List keys (never the secrets)."""
    database = checked(Settings())
    Console().print(key_table(api_keys.list_keys(database)))


@keys.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(metavar="ID", parser=text)]) -> None:
    """Revoke a key. Its records stay."""
    database = checked(Settings())
    api_keys.revoke(database, key_id)
    typer.echo(f"revoked {key_id}", err=True)


@app.command()
def verify(
    against: Annotated[
        Path | None, typer.Option(help="JSON file with an earlier response of /v1/log/checkpoint.")
    ] = None,
) -> None:
    """Verify the log, the hashes and all derived rows. Prints the first difference and exits with 1 if there is one."""
    database = checked(Settings())
    earlier = _checkpoint(against) if against else None
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*shown, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("log entries", total=None)
        proved = verification.verify(database, earlier, lambda entries: bar.update(task, completed=entries))
    typer.echo(f"verified: {proved.entries} entries, {proved.rows} rows, root {proved.root}")


def _checkpoint(file: Path) -> verification.Checkpoint:
    try:
        document = orjson.loads(file.read_bytes())
        checkpoint = verification.Checkpoint(document["size"], document["root"])
        if type(checkpoint.size) is int and checkpoint.size >= 0 and re.fullmatch("[0-9a-f]{64}", checkpoint.root):
            return checkpoint
        raise ValueError
    except (OSError, ValueError, TypeError, KeyError):
        why = "not a checkpoint, as /v1/log/checkpoint returns it"
        raise InvalidInput([FieldError("against", why, str(file), "argument")]) from None


@app.command()
def backup(file: Path) -> None:
    """Back up the database to a new file; the service can keep running."""
    backups.backup(Database(Settings().database_url), file)
    typer.echo(f"wrote {file}", err=True)


@app.command()
def restore(file: Path) -> None:
    """Restore a backup. The replaced database is kept next to it. Starts a new epoch of the change log."""
    settings = Settings()
    kept = backups.restore(file, Database(settings.database_url))
    typer.echo(f"restored {file}" + (f"; the replaced database is {kept}" if kept else ""), err=True)
