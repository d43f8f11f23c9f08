"""The command itself, and what its parts share."""

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
    """An argument, which must be text: a shell passes any bytes on."""
    try:
        return check_text(typed)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def migrated(settings: Settings) -> Database:
    """The database, made or brought up to date."""
    database = Database(settings.database_url, max_ahead_seconds=settings.clock_ahead_seconds)
    schema.migrate(database)
    return database


def checked(settings: Settings) -> Database:
    """The database, which must be there and fit."""
    database = Database(settings.database_url)
    schema.check(database)
    return database
