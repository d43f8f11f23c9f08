"""Backups of a database and their restoring."""

import time
from contextlib import suppress
from pathlib import Path

from app.errors import DatabaseUnusable, Fault, InvalidInput
from app.store import copies, log
from app.store.engine import Database


def backup(database: Database, file: Path) -> None:
    """Writes a consistent copy, while others may go on writing. Never over a file that is there."""
    database.check()
    if file.exists():
        raise InvalidInput([Fault("file", "is there already; choose another name", str(file), "argument")])
    unfinished = file.with_name(f".{file.name}.part")
    try:
        copies.copy(database.url, unfinished)
        unfinished.rename(file)
    except OSError as error:
        raise InvalidInput([Fault("file", f"cannot be written: {error.strerror}", str(file), "argument")]) from None
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def restore(file: Path, database: Database) -> Path | None:
    """Makes a database what a backup is, with a new epoch of its feed.

    What was in its place is copied first; returns where to. Those who read see the one or the other.
    """
    target = Path(database.url.database or "")
    backed_up = Database(f"sqlite:///{file}")
    backed_up.check(may_be_older=True)
    kept = None
    if target.exists():
        kept = target.with_name(f"{target.name}.before-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
        backup(database, kept)
    prepared = target.with_name(f".{target.name}.restoring")
    try:
        _prepare(backed_up, prepared)
        if target.exists():
            with database.translated():
                copies.put_back(prepared, database.url)
        else:
            prepared.rename(target)
    except OSError as error:
        raise DatabaseUnusable(f"{target} cannot be written: {error.strerror}") from None
    finally:
        for path in (prepared, *(prepared.with_name(f"{prepared.name}-{end}") for end in ("wal", "shm"))):
            path.unlink(missing_ok=True)
    return kept


def _prepare(backed_up: Database, prepared: Path) -> None:
    copies.copy(backed_up.url, prepared)
    made = Database(f"sqlite:///{prepared}")
    made.migrate()
    with made.writing() as transaction:
        log.new_epoch(transaction)
    made.close()
