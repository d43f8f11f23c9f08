"""SQLite connections: pragmas, transactions, deadlines of statements, and error codes."""

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Engine,
    create_engine,
    event,
)
from sqlalchemy.engine import URL

APPLICATION_ID = 0x43494E43
"""`PRAGMA application_id` of our files ("CINC"), which identifies files of other programs."""
BUSY_SECONDS = 10
"""How long a writer waits for another process."""
READ_BUSY_SECONDS = 2
"""In WAL mode readers wait only while a log is recovered."""
READ_CACHE_KIB = 64 * 1024
THREAD_CACHE_KIB = 8 * 1024
EXPORT_CACHE_KIB = 4 * 1024
LOG_BYTES = 64 * 1024 * 1024
"""A write-ahead log of this size is truncated by the next write, which waits for statements that read from it."""
CHECKED_BYTES = 64 * 1024 * 1024
"""Largest file that is checked as a whole before it is used, in about 0.1 s. `quick_check` takes half a minute for some
gigabytes, and in some versions of SQLite a deadline cannot interrupt it."""
STEPS_BETWEEN_LOOKS = 2000
"""Steps of SQLite's virtual machine between two looks at the clock: about 0.03 ms, longer with reads from disk."""


def migration_engine(url: URL) -> Engine:
    """An engine for migrations, which may create the file. Its transactions are like those of `write_connection`."""
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "isolation_level": None})
    event.listen(engine, "connect", lambda connection, _: _prepare(connection))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(BEGIN))
    return engine


BEGIN = "BEGIN IMMEDIATE"
"""Takes the write lock at once. A transaction of pysqlite begins with the first write, after its reads: two writers
could then read the same state."""


def write_connection(url: URL, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """A connection whose transactions begin with `BEGIN`. The file must exist."""
    connection = _connect(url, busy_seconds)
    try:
        _prepare(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    """With `synchronous=FULL` an acknowledged write survives a power cut; in WAL mode NORMAL does not ensure that."""
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    _into_wal(connection)


def _connect(url: URL, busy_seconds: float) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path_of(url).absolute().as_uri()}?mode=rw",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=busy_seconds,
    )


def _into_wal(connection: sqlite3.Connection) -> None:
    """Switches to WAL. SQLite does not wait for other connections here, so the switch is retried."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def path_of(url: URL) -> Path:
    """The file of a database."""
    return Path(url.database or "")


def log_bytes(url: URL) -> int:
    """The size of a database's write-ahead log."""
    try:
        return os.stat(f"{path_of(url)}-wal").st_size
    except OSError:
        return 0


class Use:
    """One use of a connection, which its client may end at any time. The next use is a new object."""

    __slots__ = ("is_over",)

    def __init__(self) -> None:
        self.is_over = False


class Deadline:
    """The moment at which a connection's statement is interrupted."""

    def __init__(self) -> None:
        self.at = float("inf")
        self.use: Use | None = None
        """The current use of the connection."""

    def passed(self) -> int:
        """Returns 1 to interrupt the statement."""
        use = self.use
        return 1 if (use is not None and use.is_over) or time.monotonic() > self.at else 0


def read_connection(url: URL, cache_kib: int) -> tuple[sqlite3.Connection, Deadline]:
    """A connection that cannot write, and the deadline of its statements."""
    connection = _connect(url, READ_BUSY_SECONDS)
    try:
        connection.execute("PRAGMA query_only=ON")
        connection.execute(f"PRAGMA cache_size=-{cache_kib}")
        connection.create_function("casefold", 1, _casefold, deterministic=True)
    except sqlite3.Error:
        connection.close()
        raise
    except UnicodeDecodeError as error:  # the message of an error contains damaged text
        connection.close()
        raise sqlite3.DatabaseError("its schema is damaged") from error
    deadline = Deadline()
    connection.set_progress_handler(deadline.passed, STEPS_BETWEEN_LOOKS)
    return connection, deadline


def _casefold(text: Any) -> Any:
    """Full Unicode case folding. SQLite's `lower` folds ASCII only."""
    return text.casefold() if isinstance(text, str) else text


def was_interrupted(error: sqlite3.Error) -> bool:
    """Whether the deadline interrupted the statement."""
    return _code(error) == sqlite3.SQLITE_INTERRUPT


def _code(error: sqlite3.Error) -> int | None:
    """The primary result code: the low byte of the extended one."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def was_busy(error: sqlite3.Error) -> bool:
    """Whether another process held the write lock for too long."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def was_full(error: sqlite3.Error) -> bool:
    """Whether the disk is full."""
    return _code(error) == sqlite3.SQLITE_FULL


FOREIGN = "is a SQLite file of another program; choose another file"


def is_foreign(connection: sqlite3.Connection) -> bool:
    """Whether the file has tables of another program."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (ours,) = connection.execute("PRAGMA application_id").fetchone()
    return bool(tables and ours != APPLICATION_ID)


def inspect(url: URL, look: Callable[[sqlite3.Connection], str | None]) -> str | None:
    """What is wrong with a database file, or `None`: why it cannot be opened, or what `look` returns."""
    try:
        connection, _ = read_connection(url, EXPORT_CACHE_KIB)
    except sqlite3.Error as error:
        return _unreadable(error)
    try:
        return FOREIGN if is_foreign(connection) else look(connection)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        return _unreadable(error)
    finally:
        connection.close()


def damage_in_small_file(connection: sqlite3.Connection) -> str | None:
    """Damage to any page of a file of at most `CHECKED_BYTES`. A larger file is not read."""
    (size,) = connection.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()
    if size > CHECKED_BYTES:
        return None
    (damage,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    return None if damage == "ok" else f"is damaged ({' '.join(damage.split())}); restore a backup"


def _unreadable(error: Exception) -> str:
    return f"cannot be read ({error}); check its permissions, restore a backup or choose another file"
