"""Backup and restore of a database."""

import sqlite3
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

from app.domain.dates import Instant
from app.errors import Broken, DatabaseFull, DatabaseUnusable, FieldError, InvalidInput
from app.store import keys
from app.store.db import connections
from app.store.db.connections import was_full
from app.store.db.database import Database
from app.store.db.transaction import now
from app.store.log import beginning
from app.store.maintenance import schema, sqlite_files
from app.store.maintenance.schema import schema_version


def backup(database: Database, file: Path) -> None:
    """Writes a consistent copy while others go on writing. Never overwrites a file."""
    schema.check(database)
    if file.exists():
        raise InvalidInput([FieldError("file", "already exists; choose another name", str(file), "argument")])
    try:
        sqlite_files.copy(database.url, file)
    except (OSError, sqlite3.Error) as error:
        if isinstance(error, sqlite3.Error) and was_full(error):
            raise DatabaseFull(f"there is no space for {file}") from None
        raise InvalidInput([FieldError("file", f"cannot be written: {_why(error)}", str(file), "argument")]) from None


def restore(file: Path, database: Database) -> Path | None:
    """Replaces a database by a backup, with a new epoch of the log. Nobody else may have the database open.

    Keeps the replaced database, damaged or not, and returns its path. Keys that were revoked stay revoked.
    Raises `DatabaseUnusable` for a file whose tables, indexes, triggers or views are not those of the migrations.
    """
    if not file.is_file():
        raise DatabaseUnusable(f"{file} is not a readable file; choose a backup")
    database.close()
    target, backed_up = connections.path_of(database.url), Database(f"sqlite:///{file}")
    schema.check(backed_up, may_be_older=True)
    moment = now()
    stamp = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(moment // 1_000_000))}.{moment % 1_000_000:06d}Z"
    kept, prepared = target.with_name(f"{target.name}.before-{stamp}"), target.with_name(f".{target.name}.restoring")
    try:
        sqlite_files.copy(backed_up.url, prepared)
        _expect_own_schema(prepared, file)
        _prepare(prepared)
        if not target.exists():
            sqlite_files.rename(prepared, target)
            return None
        if (replaced := sqlite_files.exclusive_connection(database.url)) is None:
            sqlite_files.move_aside(target, kept)
            sqlite_files.rename(prepared, target)
            return kept
        with closing(replaced):
            _revoke(prepared, keys.revoked(replaced))
            sqlite_files.write_copy(replaced, kept)
            sqlite_files.replace_file(prepared, replaced, target)
        return kept
    except (OSError, sqlite3.Error) as error:
        raise DatabaseUnusable(f"{target} cannot be written: {_why(error)}") from None
    finally:
        for path in (prepared, *sqlite_files.beside(prepared)):
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _expect_own_schema(prepared: Path, file: Path) -> None:
    """Checks before anything is written, since a foreign trigger would run inside the migration."""
    with (
        tempfile.TemporaryDirectory(prefix="incidents-restore-") as folder,
        closing(sqlite3.connect(prepared)) as copied,
        closing(sqlite3.connect(Path(folder) / "reference.db")) as reference,
    ):
        if revision := schema_version(copied):
            made = Database(f"sqlite:///{folder}/reference.db")
            schema.make_schema(made, revision)
            made.close()
        try:
            sqlite_files.check_schema(copied, reference)
        except Broken as error:
            raise DatabaseUnusable(
                f"{file} is not a backup of this program: {error.detail}; nothing was restored"
            ) from None


def _prepare(prepared: Path) -> None:
    made = Database(f"sqlite:///{prepared}")
    schema.migrate(made)
    with made.writing() as transaction:
        beginning.new_epoch(transaction)
    made.close()


def _revoke(prepared: Path, revoked: Mapping[str, Instant]) -> None:
    made = Database(f"sqlite:///{prepared}")
    with made.writing() as transaction:
        for key_id, at in revoked.items():
            transaction.change(keys.REVOKE, {"of": key_id, "now": at})
    made.close()


def _why(error: OSError | sqlite3.Error) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
