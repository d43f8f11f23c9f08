"""Which SQL our server runs for a request: runs the code of the server and notes each statement."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from app.query.parameters import IncidentQuery
from app.store.db.database import Database
from app.store.db.reader import Reader
from app.store.db.statements import Statement
from app.store.read import history as read_history
from app.store.read import incident_queries
from app.store.read import incidents as read_incidents
from app.store.read import session as read_session
from app.store.read import statistics as read_statistics
from tests.benchmarks.dataset import url_of
from tests.benchmarks.works import Request

EVERYTHING = 2**40
"""A limit that no data set reaches."""


class Noting(Reader):
    """A reader that remembers the statements it ran."""

    def __init__(self, path: Path) -> None:
        super().__init__(Database(url_of(path)), read_seconds=60)
        self.seen: list[Statement] = []

    async def rows(self, statement: Statement, *arguments: Any, **options: Any) -> Any:
        """The rows, as `Reader` gives them."""
        self.seen.append(statement)
        return await super().rows(statement, *arguments, **options)


def plans(path: Path, requests: Iterable[Request]) -> dict[str, dict[str, Any]]:
    """Address → what the floor runs for it: the statements, and how their rows become a response."""

    async def every() -> dict[str, dict[str, Any]]:
        reader = Noting(path)
        try:
            return {request.path: await _plan(reader, request) for request in requests}
        finally:
            reader.close()

    return asyncio.run(every())


async def _plan(reader: Noting, request: Request) -> dict[str, Any]:
    query = request.query
    session = await read_session.open_session(
        reader, query, read_incidents.INCIDENT_PAGES if request.kind == "page" else None
    )
    reader.seen.clear()
    if request.kind == "stats":
        await read_statistics.stats(session, query)
    elif request.kind == "page":
        await read_incidents.page_of_incidents(session, query)
        del reader.seen[:-1]
    elif request.kind == "incident":
        await read_incidents.one_incident(session, request.incident, query)
    else:
        await read_history.history(session, request.incident, query)
    run = [(s.sql, dict(s.values)) for s in reader.seen]
    return {"kind": request.kind, "statements": run, "between": between(query), "limit": getattr(query, "limit", None)}


def between(query: IncidentQuery) -> str:
    """What stands between a record and its toll."""
    as_of = f'"{query.as_of.text}"' if query.as_of else "null"
    return f',"toll":{{"as_of":{as_of},'


def export_plan(path: Path) -> dict[str, Any]:
    """The one statement of an export of everything."""

    async def newest() -> int:
        reader = Noting(path)
        try:
            return (await read_session.open_session(reader, IncidentQuery())).recorded
        finally:
            reader.close()

    statement = incident_queries.select_incidents(
        IncidentQuery().but(limit=EVERYTHING), asyncio.run(newest()), None, by_tree=False
    )
    run = [(statement.sql, dict(statement.values))]
    return {"kind": "export", "statements": run, "between": between(IncidentQuery())}
