"""The schema of a database: created, migrated, and checked before the database is used."""

import os
import sqlite3
from functools import cache
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import ColumnClause, func, literal_column, select
from sqlalchemy.engine import URL

from app.errors import DatabaseUnusable, echo
from app.settings import data_folder
from app.store.db import connections, sql_text
from app.store.db.database import Database
from app.store.db.transaction import Transaction
from app.store.log import beginning
from app.store.tables import TABLES

_TRIGGERS_AND_VIEWS = "SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view') ORDER BY 1, 2"
"""No migration creates any. They could run inside every write, or replace a table."""


def scripts_of(url: URL) -> Config:
    config = Config()
    config.set_main_option("script_location", str(data_folder("migrations")))
    config.set_main_option("sqlalchemy.url", url.render_as_string(hide_password=False).replace("%", "%%"))
    return config


def check(
    database: Database, *, may_be_missing: bool = False, may_be_older: bool = False, small_file: bool = True
) -> None:
    """Raises `DatabaseUnusable` with one line that says what is wrong with the database and what to do.

    Reads the header, the schema and both ends of every table, in milliseconds for any size. With `small_file`, also
    reads all pages of a file small enough for that to take 0.1 s.
    """
    path = connections.path_of(database.url)
    if not path.exists():
        if may_be_missing:
            return
        raise DatabaseUnusable(f"{path} does not exist; `incidents migrate` or `incidents serve` creates it")
    if not (path.is_file() and os.access(path, os.R_OK)):
        raise DatabaseUnusable(f"{path} is not a readable file; check the path and its permissions")

    def look(connection: sqlite3.Connection) -> str | None:
        damage = connections.damage_in_small_file(connection) if small_file else None
        return damage or _schema_fault(connection, may_be_older=may_be_older or may_be_missing)

    if fault := connections.inspect(database.url, look):
        raise DatabaseUnusable(f"{path} {fault}")


def make_schema(database: Database, revision: str) -> None:
    """Creates the tables of a revision in an empty or older file. `migrate` is for databases in use."""
    with database.translated(), database.engine.begin() as connection:
        config = scripts_of(database.url)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def migrate(database: Database) -> None:
    """Migrates to the newest schema, once, however many processes call it at the same time.

    Adds log entries for facts that were recorded before there was a log.
    """
    check(database, may_be_missing=True)
    with database.translated(), database.engine.begin() as connection:
        config = scripts_of(database.url)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        beginning.begin(Transaction(connection.connection.driver_connection))  # type: ignore[arg-type]


@cache
def _schemas() -> tuple[str | None, frozenset[str]]:
    """The newest schema version, and all versions that this program knows."""
    scripts = ScriptDirectory(str(data_folder("migrations")))
    return scripts.get_current_head(), frozenset(script.revision for script in scripts.walk_revisions())


def _schema_fault(connection: sqlite3.Connection, *, may_be_older: bool) -> str | None:
    version = schema_version(connection)
    newest, known = _schemas()
    if version == newest:
        connection.execute(_ends_of_tables()).fetchone()  # raises where a page on the way is damaged
    elif version is not None and version not in known:
        return f"was written by a newer version of this program (schema {version}); install that version"
    elif not may_be_older:
        return f"has an older schema ({version or 'none'}); run `incidents migrate`"
    if foreign := connection.execute(_TRIGGERS_AND_VIEWS).fetchone():
        name = f"{foreign[0]} {echo(foreign[1])}"
        return f"has the {name}, which this program did not create; drop it, or restore a backup"
    return None


@cache
def _ends_of_tables() -> str:
    """A statement that reads the first and the last row of every table."""
    row: ColumnClause[int] = literal_column("rowid")
    ends = (select(end(row)).select_from(table) for table in TABLES.values() for end in (func.min, func.max))
    return sql_text.compiled(select(*(one.scalar_subquery() for one in ends)))


def schema_version(connection: Any) -> str | None:
    """The schema version of a database; `None` where it has none."""
    (there,) = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
    ).fetchone()
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if there else None
    return str(row[0]) if row else None
