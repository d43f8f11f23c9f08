"""The command itself, and helpers of its subcommands."""

import typer

from app.domain.text import check_text
from app.settings import Settings
from app.store.db.database import Database
from app.store.maintenance import schema

app = typer.Typer(
    help="Conflict-incident records that keep every reported toll.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def text(typed: str) -> str:
    """A command-line argument that is valid text. Shells pass any bytes."""
    try:
        return check_text(typed)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def migrated(settings: Settings) -> Database:
    """The database, created or migrated if needed."""
    database = Database(settings.database_url, max_ahead_seconds=settings.clock_ahead_seconds)
    schema.migrate(database)
    return database


def checked(settings: Settings) -> Database:
    """The existing database. Raises `DatabaseUnusable` if it is missing or has another schema."""
    database = Database(settings.database_url)
    schema.check(database)
    return database
