"""The contents of the search tables, to compare those of a database with rebuilt ones.

What a search finds is compared, and then the index after it was merged into one piece: how SQLite divides it into pages
depends on how much was written at a time.
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
_NO_ROW = 2**62
_BLOCKS = "SELECT block FROM incident_text_data WHERE id > 10 ORDER BY id"
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


def merged_index(connection: sqlite3.Connection) -> Iterator[Row]:
    """(number, block) of the index of the text search, merged into one piece.

    Here a prefix shows that no word has, which a search would find. A row is added and removed again, since FTS5 leaves
    an index alone that is in one piece already.
    """
    row = (_NO_ROW, "a")
    connection.execute("INSERT INTO incident_text (rowid, title) VALUES (?, ?)", row)
    connection.commit()
    connection.execute("INSERT INTO incident_text (incident_text, rowid, title) VALUES ('delete', ?, ?)", row)
    connection.commit()
    connection.execute("INSERT INTO incident_text (incident_text) VALUES ('optimize')")
    connection.commit()
    # The first 10 blocks hold the averages and the structure; an id of a later one holds the number of its piece.
    return enumerate(block for (block,) in connection.execute(_BLOCKS))
