"""Copies of a SQLite file, and what only SQLite can say of one: its structure, and what its search tables hold."""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from app.errors import Broken
from app.store.sqlite import SEARCH_TABLES, path_of, write_connection

Row = tuple[Any, ...]
_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT IN ('sqlite_stat1', 'sqlite_stat4')"
_NODES_OF_NOTHING = (
    "SELECT nodeno FROM incident_box_node WHERE nodeno <> 1 AND nodeno NOT IN (SELECT nodeno FROM incident_box_parent)"
)
PREFIXES = (2, 3)
"""Lengths of beginnings that the text search has an index for; as in the first migration."""
_FOUND_BY_WORD = "SELECT rowid FROM incident_text WHERE incident_text MATCH ? ORDER BY rowid"
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
    with closing(sqlite3.connect(path_of(source))) as here, closing(sqlite3.connect(target)) as there:
        here.backup(there)
        there.execute("PRAGMA journal_mode=DELETE")
    with target.open("rb") as written:
        os.fsync(written.fileno())


def put_back(source: Path, target: URL) -> None:
    """Makes a file what another one is, in one transaction: those who read it see the one or the other."""
    with closing(sqlite3.connect(source)) as here, closing(write_connection(target)) as there:
        here.backup(there)


def check_structure(connection: sqlite3.Connection, reference: sqlite3.Connection) -> None:
    """Raises `Broken` for damage, rows that point nowhere, and tables, indexes or triggers that are not ours."""
    for (damage,) in connection.execute("PRAGMA integrity_check(1)"):
        if damage != "ok":
            raise Broken("file", " ".join(damage.split()))
    for table, key, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        raise Broken(f"{table}, row {key}", f"points to no row of {parent}")
    made, there = ({row[:2]: row for row in c.execute(_SCHEMA)} for c in (reference, connection))
    for kind, name in sorted(made.keys() | there.keys()):
        if (kind, name) not in there:
            raise Broken(f"{kind} {name}", "is missing")
        if (kind, name) not in made:
            raise Broken(f"{kind} {name}", "is not ours")
        if there[kind, name] != made[kind, name]:
            raise Broken(f"{kind} {name}", "is not as it was made")
    try:
        connection.execute("INSERT INTO incident_text (incident_text) VALUES ('integrity-check')")
        (boxes,) = connection.execute("SELECT rtreecheck('incident_box')").fetchone()
    except sqlite3.DatabaseError as error:
        raise Broken("search tables", str(error)) from None
    if boxes == "ok" and connection.execute(_NODES_OF_NOTHING).fetchone():
        boxes = "a node belongs to nothing"
    if boxes != "ok":
        raise Broken("box search", " ".join(boxes.split()))


def searched(connection: sqlite3.Connection, question: str) -> Iterator[Row]:
    """The answer to one of `SEARCHED`."""
    if question == _FOUND_IN_TEXTS:
        text = SEARCH_TABLES[0].name
        connection.execute("DROP TABLE IF EXISTS temp.found_in_texts")
        connection.execute(f"CREATE VIRTUAL TABLE temp.found_in_texts USING fts5vocab(main, {text}, instance)")
    return iter(connection.execute(question))


def found_by_words(connection: sqlite3.Connection, words: Iterable[str]) -> Iterator[Row]:
    """Which texts each word is found in, and each of its beginnings that has an index of its own."""
    beginnings = {word[:length] for word in words for length in PREFIXES if len(word) > length}
    for sought in (*(f'"{word}"' for word in sorted(words)), *(f'"{word}"*' for word in sorted(beginnings))):
        for (text,) in connection.execute(_FOUND_BY_WORD, (sought,)):
            yield sought, text


def pages_of_texts(connection: sqlite3.Connection) -> Iterator[Row]:
    """The pages of the text search, put together anew: the same wherever the same was put in, in whatever portions."""
    connection.execute("INSERT INTO incident_text (incident_text) VALUES ('optimize')")
    pages = "SELECT row_number() OVER (ORDER BY id), block FROM incident_text_data WHERE id > 10"
    return iter(connection.execute(pages))


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
