"""ACLED's files with one row per actor: the rows of an event become one row with all its actors."""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import replace

import orjson

from app.domain.incident import MAX_PARTS
from app.errors import echo
from app.ingest.rows import Row

_OF_ACTOR = ("actor", "inter", "assoc_actor_")
"""Columns of the actor of a row; a number follows the name."""
MAX_ACTORS = MAX_PARTS
"""Of one event."""
_OF_EVENT = ("event_date", "event_type", "country", "fatalities")
"""Columns in which all rows of an event must agree."""


class ActorRows:
    """The actors of each event of a file, in a temporary database: the rows of an event may be far apart."""

    def __init__(self) -> None:
        self._known = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._known.execute("CREATE TABLE actor (event TEXT, line INTEGER, cells TEXT, PRIMARY KEY (event, line))")
        self._known.execute("BEGIN")

    def __del__(self) -> None:
        self._known.close()

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yields the rows and keeps their actors."""
        for row in rows:
            if event := self._event(row):
                cells = [row.cells.get(f"{column}1", "") for column in _OF_ACTOR]
                cells += [row.cells.get(column, "") for column in _OF_EVENT]
                self._known.execute(
                    "INSERT INTO actor VALUES (?, ?, ?)", (event, row.line, orjson.dumps(cells).decode())
                )
            yield row

    def merge(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The first row of each event, with the actors of all its rows. Unreadable rows stay as they are."""
        for row in rows:
            event = self._event(row)
            if event is None:
                yield row
                continue
            (first,) = self._known.execute("SELECT min(line) FROM actor WHERE event = ?", (event,)).fetchone()
            if first is None or first == row.line:
                of_event = "SELECT cells FROM actor WHERE event = ? GROUP BY cells ORDER BY min(line) LIMIT ?"
                found = self._known.execute(of_event, (event, MAX_ACTORS + 1)).fetchall()
                yield _merged(row, [orjson.loads(cells) for (cells,) in found])

    @staticmethod
    def _event(row: Row) -> str | None:
        event = row.cells.get("event_id_cnty", "").strip().upper()
        return event if event and row.fault is None else None


def _merged(row: Row, rows: list[list[str]]) -> Row:
    if len(rows) > MAX_ACTORS:
        return replace(row, fault=f"actor1: the event has more than {MAX_ACTORS} rows")
    width = len(_OF_ACTOR)
    for place, column in enumerate(_OF_EVENT, start=width):
        if len(values := dict.fromkeys(one[place].strip() for one in rows)) > 1:
            why = f"{column}: rows of this event contradict each other: {echo(', '.join(values))}"
            return replace(row, fault=why)
    actors = dict.fromkeys(tuple(one[:width]) for one in rows)
    cells = {
        f"{name}{n}": cell for n, actor in enumerate(actors, 1) for name, cell in zip(_OF_ACTOR, actor, strict=True)
    }
    return replace(row, cells={**row.cells, **cells})
