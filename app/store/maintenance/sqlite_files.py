"""Copies of SQLite files, and checks of their structure."""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy.engine import URL

from app.errors import Broken, DatabaseUnusable
from app.store.db.connections import FOREIGN, is_foreign, path_of, was_busy

_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT IN ('sqlite_stat1', 'sqlite_stat4')"
BEGIN_EXCLUSIVE = "BEGIN EXCLUSIVE"


def copy(source: URL, target: Path) -> None:
    """A consistent copy of a file as one file, on disk when this returns. Others may write meanwhile."""
    with closing(sqlite3.connect(path_of(source))) as here:
        write_copy(here, target)


def write_copy(here: sqlite3.Connection, target: Path) -> None:
    """The same for an open file. The copy gets its name once it is complete."""
    unfinished = target.with_name(f".{target.name}.part")
    try:
        unfinished.unlink(missing_ok=True)
        with closing(sqlite3.connect(unfinished)) as there:
            here.backup(there)
            there.execute("PRAGMA journal_mode=DELETE")
        _to_disk(unfinished)
        rename(unfinished, target)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def rename(source: Path, target: Path) -> None:
    """Renames a file within its folder, on disk when this returns."""
    source.rename(target)
    _to_disk(target.parent)


def move_aside(path: Path, kept: Path) -> None:
    """Renames a database that cannot be read, with the files that SQLite keeps beside it."""
    for own, other in zip((path, *beside(path)), (kept, *beside(kept)), strict=True):
        if own.exists():
            rename(own, other)


def beside(path: Path) -> list[Path]:
    """The files that SQLite may keep beside a database."""
    return [path.with_name(f"{path.name}-{end}") for end in ("wal", "shm", "journal")]


def _to_disk(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def exclusive_connection(url: URL) -> sqlite3.Connection | None:
    """A connection that excludes all others; `None` where the file is damaged.

    Raises `DatabaseUnusable` where the file is in use, or belongs to another program.
    """
    path = path_of(url)
    connection = sqlite3.connect(path, isolation_level=None, timeout=1)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute(BEGIN_EXCLUSIVE)
        connection.execute("COMMIT")
        foreign = is_foreign(connection)
        (damage,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        connection.close()
        if was_busy(error):
            raise DatabaseUnusable(f"{path} is in use; stop the service, then restore") from None
        return None
    if foreign:
        connection.close()
        raise DatabaseUnusable(f"{path} {FOREIGN}")
    if damage != "ok":
        connection.close()
        return None
    return connection


def replace_file(prepared: Path, exclusive: sqlite3.Connection, target: Path) -> None:
    """Replaces the file of an exclusive connection. Whoever opens it later has the old one or the new one.

    The file is renamed and not written page by page, so that a killed process leaves one of both complete.
    """
    exclusive.execute("PRAGMA journal_mode=DELETE")  # moves the write-ahead log into the file
    rename(prepared, target)


def check_structure(connection: sqlite3.Connection, reference: sqlite3.Connection) -> None:
    """Raises `Broken` for damage, dangling references, and a schema that is not as in `reference`."""
    for (damage,) in connection.execute("PRAGMA integrity_check(1)"):
        if damage != "ok":
            raise Broken("file", " ".join(damage.split()))
    for table, key, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        raise Broken(f"{table}, row {key}", f"refers to no row of {parent}")
    check_schema(connection, reference)


def check_schema(connection: sqlite3.Connection, reference: sqlite3.Connection) -> None:
    """Raises `Broken` for the first table, index, trigger or view that is missing or not as in `reference`."""
    made, there = ({row[:2]: row for row in c.execute(_SCHEMA)} for c in (reference, connection))
    for kind, name in sorted(made.keys() | there.keys()):
        if (kind, name) not in there:
            raise Broken(f"{kind} {name}", "is missing")
        if (kind, name) not in made:
            raise Broken(f"{kind} {name}", "does not belong to this program")
        if there[kind, name] != made[kind, name]:
            raise Broken(f"{kind} {name}", "was changed")
