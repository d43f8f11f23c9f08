"""Copies of a SQLite file, and what only SQLite can say of one: its structure, and what its search tables hold."""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from app.errors import Broken, DatabaseUnusable
from app.store.db.connections import FOREIGN, is_foreign, path_of, was_busy
from app.store.tables.search import incident_text

Row = tuple[Any, ...]
_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT IN ('sqlite_stat1', 'sqlite_stat4')"
BEGIN_ALONE = "BEGIN EXCLUSIVE"
_NODES_OF_NOTHING = (
    "SELECT nodeno FROM incident_box_node WHERE nodeno <> 1 AND nodeno NOT IN (SELECT nodeno FROM incident_box_parent)"
)
PREFIXES = (2, 3)
"""Lengths of beginnings that the text search has an index for; as in the first migration."""
_FOUND_BY_WORD = "SELECT rowid FROM incident_text WHERE incident_text MATCH ? ORDER BY rowid"
_SEARCHED_COLUMNS = tuple(column for column in incident_text.c if column.name != "rowid")
_FOUND_IN_TEXTS = "SELECT term, doc, col, offset FROM found_in_texts ORDER BY 1, 2, 3, 4"
SEARCHED = {
    "words of the text search": _FOUND_IN_TEXTS,
    "lengths of the text search": "SELECT id, sz FROM incident_text_docsize ORDER BY 1",
    "settings of the text search": "SELECT k, v FROM incident_text_config ORDER BY 1",
    "sums of the text search": "SELECT block FROM incident_text_data WHERE id = 1",
    "places of the box search": "SELECT * FROM incident_box ORDER BY 1",
}
"""What the search tables hold, each as a question with one answer."""


def copy(source: URL, target: Path) -> None:
    """A consistent copy of a file as one file, on disk when this returns. Others may write meanwhile."""
    with closing(sqlite3.connect(path_of(source))) as here:
        write_copy(here, target)


def write_copy(here: sqlite3.Connection, target: Path) -> None:
    """The same, of a file that is open. It has its name only once it is whole."""
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
    """Gives a file another name in its folder, on disk when this returns."""
    source.rename(target)
    _to_disk(target.parent)


def move_aside(path: Path, kept: Path) -> None:
    """Gives a database that cannot be read another name, with what SQLite keeps beside it."""
    for own, other in zip((path, *beside(path)), (kept, *beside(kept)), strict=True):
        if own.exists():
            rename(own, other)


def beside(path: Path) -> list[Path]:
    """What SQLite may keep beside a file."""
    return [path.with_name(f"{path.name}-{end}") for end in ("wal", "shm", "journal")]


def _to_disk(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def alone(url: URL) -> sqlite3.Connection | None:
    """A connection beside which there is and can be no other; `None` to a file that is damaged.

    Raises `DatabaseUnusable` where others have it open, or where it is another program's.
    """
    path = path_of(url)
    connection = sqlite3.connect(path, isolation_level=None, timeout=1)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute(BEGIN_ALONE)
        connection.execute("COMMIT")
        foreign = is_foreign(connection)
        (damage,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        connection.close()
        if was_busy(error):
            raise DatabaseUnusable(f"{path} is in use; stop the service, and restore then") from None
        return None
    if foreign:
        connection.close()
        raise DatabaseUnusable(f"{path} {FOREIGN}")
    if damage != "ok":
        connection.close()
        return None
    return connection


def put_in_place(prepared: Path, alone: sqlite3.Connection, target: Path) -> None:
    """Puts a file in the place of the one that is open alone: whoever opens it later has the one or the other.

    By a new name and not page by page: a process that is killed midway leaves nothing half done.
    """
    alone.execute("PRAGMA journal_mode=DELETE")  # what the log beside it holds goes into the file, and the log away
    rename(prepared, target)


def check_structure(connection: sqlite3.Connection, reference: sqlite3.Connection) -> None:
    """Raises `Broken` for damage, rows that point nowhere, and tables, indexes or triggers that are not ours."""
    for (damage,) in connection.execute("PRAGMA integrity_check(1)"):
        if damage != "ok":
            raise Broken("file", " ".join(damage.split()))
    for table, key, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        raise Broken(f"{table}, row {key}", f"points to no row of {parent}")
    check_schema(connection, reference)
    try:
        connection.execute("INSERT INTO incident_text (incident_text) VALUES ('integrity-check')")
        (boxes,) = connection.execute("SELECT rtreecheck('incident_box')").fetchone()
    except sqlite3.DatabaseError as error:
        raise Broken("search tables", str(error)) from None
    if boxes == "ok" and connection.execute(_NODES_OF_NOTHING).fetchone():
        boxes = "a node belongs to nothing"
    if boxes != "ok":
        raise Broken("box search", " ".join(boxes.split()))


def check_schema(connection: sqlite3.Connection, reference: sqlite3.Connection) -> None:
    """Raises `Broken` for the first table, index, trigger or view that is not as in `reference`, or not there."""
    made, there = ({row[:2]: row for row in c.execute(_SCHEMA)} for c in (reference, connection))
    for kind, name in sorted(made.keys() | there.keys()):
        if (kind, name) not in there:
            raise Broken(f"{kind} {name}", "is missing")
        if (kind, name) not in made:
            raise Broken(f"{kind} {name}", "is not ours")
        if there[kind, name] != made[kind, name]:
            raise Broken(f"{kind} {name}", "is not as it was made")


def searched(connection: sqlite3.Connection, question: str) -> Iterator[Row]:
    """The answer to one of `SEARCHED`."""
    if question == _FOUND_IN_TEXTS:
        connection.execute("DROP TABLE IF EXISTS temp.found_in_texts")
        connection.execute(
            f"CREATE VIRTUAL TABLE temp.found_in_texts USING fts5vocab(main, {incident_text.name}, instance)"
        )
    return iter(connection.execute(question))


def found_by_words(connection: sqlite3.Connection, words: Iterable[str]) -> Iterator[Row]:
    """(search, text) for each word, and in each column for each of its prefixes that has an index of its own.

    How SQLite cuts the index into pages is of no consequence: it depends on how much was written at a time. What a
    search finds is compared, in the ways in which the service searches (`match_expression`).
    """
    prefixes = sorted({word[:length] for word in words for length in PREFIXES if len(word) >= length})
    by_column = (f'{column.name} : "{prefix}"*' for prefix in prefixes for column in _SEARCHED_COLUMNS)
    for search in chain((f'"{word}"' for word in sorted(words)), by_column):
        for (text,) in connection.execute(_FOUND_BY_WORD, (search,)):
            yield search, text


def words_of(connection: sqlite3.Connection) -> set[str]:
    """Every word that is in the text search."""
    return {row[0] for row in searched(connection, _FOUND_IN_TEXTS)}


def zip_rows(one: Iterator[Row], other: Iterator[Row]) -> Iterator[tuple[Row | None, Row | None]]:
    """Pairs of rows; `None` where one side has no more."""
    while True:
        pair = next(one, None), next(other, None)
        if pair == (None, None):
            return
        yield pair
