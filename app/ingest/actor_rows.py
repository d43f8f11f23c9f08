"""ACLED's file with a row per actor: the rows of an event become one row with all its actors."""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import replace

import orjson

from app.domain.incident import MAX_PARTS
from app.errors import echo
from app.ingest.rows import Row

_OF_ACTOR = ("actor", "inter", "assoc_actor_")
"""Columns that tell of the actor of a row, and have a number behind them."""
MOST_ACTORS = MAX_PARTS
"""Of one event."""
_OF_EVENT = ("event_date", "event_type", "country", "fatalities")
"""Columns in which all rows of an event must agree."""


class ActorRows:
    """The actors of each event of a file, kept in a file of its own: the rows of an event may stand far apart."""

    def __init__(self) -> None:
        self._known = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._known.execute("CREATE TABLE actor (event TEXT, line INTEGER, told TEXT, PRIMARY KEY (event, line))")
        self._known.execute("BEGIN")

    def __del__(self) -> None:
        self._known.close()

    def watched(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, each of which is taken into account."""
        for row in rows:
            if event := self._event(row):
                told = [row.cells.get(f"{column}1", "") for column in _OF_ACTOR]
                told += [row.cells.get(column, "") for column in _OF_EVENT]
                self._known.execute(
                    "INSERT INTO actor VALUES (?, ?, ?)", (event, row.line, orjson.dumps(told).decode())
                )
            yield row

    def merged(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The first row of each event, with the actors of all; rows that cannot be read as they are."""
        for row in rows:
            event = self._event(row)
            if event is None:
                yield row
                continue
            (first,) = self._known.execute("SELECT min(line) FROM actor WHERE event = ?", (event,)).fetchone()
            if first is None or first == row.line:
                of_event = "SELECT told FROM actor WHERE event = ? GROUP BY told ORDER BY min(line) LIMIT ?"
                found = self._known.execute(of_event, (event, MOST_ACTORS + 1)).fetchall()
                yield _merged(row, [orjson.loads(told) for (told,) in found])

    @staticmethod
    def _event(row: Row) -> str | None:
        event = row.cells.get("event_id_cnty", "").strip().upper()
        return event if event and row.fault is None else None


def _merged(row: Row, told: list[list[str]]) -> Row:
    if len(told) > MOST_ACTORS:
        return replace(row, fault=f"actor1: the event has more than {MOST_ACTORS} rows")
    width = len(_OF_ACTOR)
    for place, column in enumerate(_OF_EVENT, start=width):
        if len(values := dict.fromkeys(one[place].strip() for one in told)) > 1:
            why = f"{column}: rows of this event contradict each other: {echo(', '.join(values))}"
            return replace(row, fault=why)
    actors = dict.fromkeys(tuple(one[:width]) for one in told)
    cells = {
        f"{name}{n}": cell for n, actor in enumerate(actors, 1) for name, cell in zip(_OF_ACTOR, actor, strict=True)
    }
    return replace(row, cells={**row.cells, **cells})
