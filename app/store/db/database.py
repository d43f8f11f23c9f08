"""The database: its state, its migrations, write transactions and read connections."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, func, literal_column, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DatabaseError

from app.errors import AppError, DatabaseBusy, DatabaseFull, DatabaseUnusable, FieldError, InvalidInput, echo
from app.store.db import connections, sql_text
from app.store.db.history_ends import Endings
from app.store.db.same_file import SameFile
from app.store.db.transaction import MAX_AHEAD_SECONDS, Transaction
from app.store.log import entries as log_entries
from app.store.tables import TABLES

_HERE = Path(__file__).resolve().parents[1]


def data_folder(name: str) -> Path:
    """`migrations` or `seeds`: inside the package when installed, beside it in a checkout."""
    inside = _HERE / f"_{name}"
    return inside if inside.is_dir() else _HERE.parent / name


def database_url(text: str) -> URL:
    """A database's address. Raises `InvalidInput` for one that is not an address, or of a kind not served."""
    try:
        url = make_url(text)
    except Exception:
        raise InvalidInput(
            [FieldError("INCIDENTS_DATABASE_URL", "is not a database address", where="settings")]
        ) from None
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        fault = FieldError(
            "INCIDENTS_DATABASE_URL", "is not a SQLite file like sqlite:///incidents.db", where="settings"
        )
        raise InvalidInput([fault])
    return url


_TRIGGERS_AND_VIEWS = "SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view') ORDER BY 1, 2"
"""No migration makes any. They would run inside of every write, or stand in the place of a table."""


def _scripts(url: URL) -> Config:
    config = Config()
    config.set_main_option("script_location", str(data_folder("migrations")))
    config.set_main_option("sqlalchemy.url", url.render_as_string(hide_password=False).replace("%", "%%"))
    return config


class Database:
    """A database by its address. Nothing is opened before it is needed, and nothing is created but by `migrate`."""

    def __init__(
        self,
        url: str,
        busy_seconds: float = connections.BUSY_SECONDS,
        max_ahead_seconds: float = MAX_AHEAD_SECONDS,
    ) -> None:
        self.url = database_url(url)
        self.max_ahead_seconds = max_ahead_seconds
        """How far the newest recording may be ahead of the clock when something is recorded."""
        self.busy_seconds = busy_seconds
        """How long a write waits for other processes."""
        self._engine: Engine | None = None
        self._writer: sqlite3.Connection | None = None
        self._one_writer = threading.Lock()
        self._endings = Endings()
        self._longest_log = connections.LOG_BYTES
        self.same_file = SameFile(connections.path_of(self.url))

    @property
    def engine(self) -> Engine:
        """The engine for migrations."""
        if self._engine is None:
            self._engine = connections.migration_engine(self.url)
        return self._engine

    def check(self, *, may_be_missing: bool = False, may_be_older: bool = False, small_file: bool = True) -> None:
        """Raises `DatabaseUnusable` with one line that says what is wrong with the database and what to do.

        Reads the header, the schema and both ends of every table, in milliseconds whatever the size of the file. With
        `small_file` it reads all pages of a file that is small enough for that to take 0.1 s.
        """
        path = connections.path_of(self.url)
        if not path.exists():
            if may_be_missing:
                return
            raise DatabaseUnusable(f"{path} does not exist; `incidents migrate` or `incidents serve` makes it")
        if not (path.is_file() and os.access(path, os.R_OK)):
            raise DatabaseUnusable(f"{path} is not a file that can be read; check the path and its rights")

        def look(connection: sqlite3.Connection) -> str | None:
            damage = connections.damage_in_small_file(connection) if small_file else None
            return damage or _schema_fault(connection, may_be_older=may_be_older or may_be_missing)

        if fault := connections.inspect(self.url, look):
            raise DatabaseUnusable(f"{path} {fault}")

    def make_schema(self, revision: str) -> None:
        """Makes the tables of a revision in a file that is empty or older. `migrate` is for databases in use."""
        with self._translated(), self.engine.begin() as connection:
            config = _scripts(self.url)
            config.attributes["connection"] = connection
            command.upgrade(config, revision)

    def migrate(self) -> None:
        """Brings the schema up to date, once, however many processes ask at the same time.

        Facts that were recorded before there was a log are entered into it.
        """
        self.check(may_be_missing=True)
        with self._translated(), self.engine.begin() as connection:
            config = _scripts(self.url)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            log_entries.begin(Transaction(connection.connection.driver_connection))  # type: ignore[arg-type]

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """A write transaction. Commits at its end, or not at all; within a process one goes after the other.

        Raises `DatabaseBusy`, `DatabaseFull` or `DatabaseUnusable` where it cannot be written, and `DatabaseUnusable`
        at the end where its file was removed or replaced meanwhile: what was written may be gone.
        """
        with self._one_writer, self._translated():
            if self._writer is None:
                self._writer = connections.write_connection(self.url, self.busy_seconds)
            connection = self._writer
            try:
                connection.execute(connections.BEGIN)
                self.same_file.expect()
                endings = Endings(self._endings)
                yield Transaction(connection, max_ahead_seconds=self.max_ahead_seconds, endings=endings)
                connection.execute("COMMIT")
                self.same_file.expect()
                endings.settle()
                self._shorten_log(connection)
            except BaseException as error:
                if connection.in_transaction:
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error) and not connections.was_busy(error):
                    connection.close()  # it may have been opened for reading alone, or have lost its file
                    self._writer = None
                    self.same_file.forget_log()
                raise

    def _shorten_log(self, connection: sqlite3.Connection) -> None:
        """Ends a write-ahead log that has grown long.

        SQLite begins it again from its start by itself, but only in a moment in which nobody reads: where statement
        after statement reads, it has to wait for those under way. Where a view is held for longer, as by a backup, this
        is not tried again before the log has grown by as much.
        """
        if connections.log_bytes(self.url) < self._longest_log:
            return
        with suppress(sqlite3.Error):  # what was written is committed, whatever becomes of this
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._longest_log = connections.log_bytes(self.url) + connections.LOG_BYTES

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """What the driver raises, as `DatabaseBusy`, `DatabaseFull` or `DatabaseUnusable`."""
        try:
            yield
        except AppError:
            raise
        except (DatabaseError, sqlite3.Error) as error:
            why = getattr(error, "orig", None) or error
            path = connections.path_of(self.url)
            if isinstance(why, sqlite3.Error) and connections.was_busy(why):
                raise DatabaseBusy from error
            if isinstance(why, sqlite3.Error) and connections.was_full(why):
                raise DatabaseFull(f"there is no room left for {path.name}; nothing of this was recorded") from error
            told = str(why).partition(" with text ")[0]  # after which a row would be repeated
            raise DatabaseUnusable(f"{path} cannot be written: {told}") from error

    def close(self) -> None:
        """Closes what was opened for writing."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        with self._one_writer:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            self._endings = Endings()
        self.same_file.forget()


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
        return f"has the {name}, which this program did not make; drop it, or restore a backup"
    return None


@cache
def _ends_of_tables() -> str:
    """A statement that reads the first and the last row of every table."""
    row = literal_column("rowid")
    ends = (select(end(row)).select_from(table) for table in TABLES.values() for end in (func.min, func.max))
    return sql_text.compiled(select(*(one.scalar_subquery() for one in ends)))


def schema_version(connection: Any) -> str | None:
    """The schema version of a database, or `None` where it has none yet."""
    (there,) = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
    ).fetchone()
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if there else None
    return str(row[0]) if row else None
