"""The contents of the search tables, to compare those of a database with rebuilt ones.

What a search finds is compared, and not how SQLite divides an index into pages: that depends on how much was written at
a time.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from app.errors import Broken
from app.store.db.statements import Row
from app.store.tables.search import incident_text

PREFIXES = (2, 3)
"""Lengths of the prefixes that the text search has an index for; as in the first migration."""
_COLUMNS = tuple(column.name for column in incident_text.c if column.name != "rowid")
_FIND_TEXTS = "SELECT rowid FROM incident_text WHERE incident_text MATCH ? ORDER BY rowid"


def check(connection: sqlite3.Connection) -> None:
    """Raises `Broken` where a search table contradicts itself, by the checks of SQLite."""
    try:
        connection.execute("INSERT INTO incident_text (incident_text) VALUES ('integrity-check')")
        (boxes,) = connection.execute("SELECT rtreecheck('incident_box')").fetchone()
    except sqlite3.DatabaseError as error:
        raise Broken("search tables", str(error)) from None
    if boxes != "ok":
        raise Broken("box search", " ".join(boxes.split()))


def select_words(connection: sqlite3.Connection) -> Iterator[Row]:
    """(word, version, column, place) of every word in the text search."""
    connection.execute("DROP TABLE IF EXISTS temp.words")
    connection.execute(f"CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, {incident_text.name}, instance)")
    return iter(connection.execute("SELECT term, doc, col, offset FROM temp.words ORDER BY 1, 2, 3, 4"))


def select_boxes(connection: sqlite3.Connection) -> Iterator[Row]:
    """The rows of the box search."""
    return iter(connection.execute("SELECT * FROM incident_box ORDER BY 1"))


CONTENTS: dict[str, Callable[[sqlite3.Connection], Iterator[Row]]] = {
    "words of the text search": select_words,
    "boxes of the box search": select_boxes,
}


def words(connection: sqlite3.Connection) -> set[str]:
    """Every word in the text search."""
    return {row[0] for row in select_words(connection)}


def found_by_words(connection: sqlite3.Connection, words: Iterable[str]) -> Iterator[Row]:
    """(search, version) found by each word, and in each column by each of its indexed prefixes.

    These are the searches of the service (`match_expression`).
    """
    prefixes = sorted({word[:length] for word in words for length in PREFIXES if len(word) >= length})
    by_column = (f'{column} : "{prefix}"*' for prefix in prefixes for column in _COLUMNS)
    for search in chain((f'"{word}"' for word in sorted(words)), by_column):
        for (version,) in connection.execute(_FIND_TEXTS, (search,)):
            yield search, version
