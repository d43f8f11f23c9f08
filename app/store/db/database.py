"""A database by its URL, and its write transactions."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DatabaseError

from app.errors import AppError, DatabaseBusy, DatabaseFull, DatabaseUnusable, FieldError, InvalidInput
from app.store.db import connections
from app.store.db.history_ends import Endings
from app.store.db.same_file import SameFile
from app.store.db.transaction import MAX_AHEAD_SECONDS, Transaction


def database_url(text: str) -> URL:
    """The URL of a database. Raises `InvalidInput` for anything but the URL of a SQLite file."""
    try:
        url = make_url(text)
    except Exception:
        raise InvalidInput([FieldError("INCIDENTS_DATABASE_URL", "is not a database URL", where="settings")]) from None
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        error = FieldError(
            "INCIDENTS_DATABASE_URL", "is not a SQLite file like sqlite:///incidents.db", where="settings"
        )
        raise InvalidInput([error])
    return url


class Database:
    """A database by its URL. Connections open when they are first needed; only `schema.migrate` creates the file."""

    def __init__(
        self,
        url: str,
        busy_seconds: float = connections.BUSY_SECONDS,
        max_ahead_seconds: float = MAX_AHEAD_SECONDS,
    ) -> None:
        self.url = database_url(url)
        self.max_ahead_seconds = max_ahead_seconds
        """How far the newest recording may be ahead of the clock at a write."""
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

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """A write transaction, which commits at its end or rolls back. Within a process they run one after the other.

        Raises `DatabaseBusy`, `DatabaseFull` or `DatabaseUnusable` if the database cannot be written. Also raises
        `DatabaseUnusable` at the end if the file was removed or replaced meanwhile: the writes may be lost.
        """
        with self._one_writer, self.translated():
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
                    connection.close()  # it may be read-only, or have lost its file
                    self._writer = None
                    self.same_file.forget_log()
                raise

    def _shorten_log(self, connection: sqlite3.Connection) -> None:
        """Truncates a write-ahead log that has grown long.

        SQLite restarts the log by itself, but only when no statement is reading, which may never happen under load.
        This waits for running statements. If a read transaction stays open, as during a backup, it is tried again
        when the log has grown by the same size.
        """
        if connections.log_bytes(self.url) < self._longest_log:
            return
        with suppress(sqlite3.Error):  # the transaction is committed in any case
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._longest_log = connections.log_bytes(self.url) + connections.LOG_BYTES

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raises errors of the driver as `DatabaseBusy`, `DatabaseFull` or `DatabaseUnusable`."""
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
                raise DatabaseFull(f"no space is left on the disk of {path.name}; nothing was recorded") from error
            reason = str(why).partition(" with text ")[0]  # the rest would quote a row
            raise DatabaseUnusable(f"{path} cannot be written: {reason}") from error

    def close(self) -> None:
        """Closes the connections for writing."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        with self._one_writer:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            self._endings = Endings()
        self.same_file.forget()
