"""The database by its address, and its write transactions."""

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


class Database:
    """A database by its address. Nothing is opened before it is needed; `schema.migrate` alone creates a file."""

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

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """A write transaction. Commits at its end, or not at all; within a process one goes after the other.

        Raises `DatabaseBusy`, `DatabaseFull` or `DatabaseUnusable` where it cannot be written, and `DatabaseUnusable`
        at the end where its file was removed or replaced meanwhile: what was written may be gone.
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
    def translated(self) -> Iterator[None]:
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
