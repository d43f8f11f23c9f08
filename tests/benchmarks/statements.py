"""Which SQL our server runs for a request: its own code is asked, and what it runs is written down."""

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
from tests.benchmarks.works import Ask


class Noting(Reader):
    """A reader that remembers the statements it ran."""

    def __init__(self, path: Path) -> None:
        super().__init__(Database(url_of(path)), read_seconds=60)
        self.seen: list[Statement] = []

    async def rows(self, statement: Statement, *arguments: Any, **options: Any) -> Any:
        """The rows, as ever."""
        self.seen.append(statement)
        return await super().rows(statement, *arguments, **options)


def plans(path: Path, asks: Iterable[Ask]) -> dict[str, dict[str, Any]]:
    """Address → what the floor runs for it: the statements, and how their rows become an answer."""

    async def every() -> dict[str, dict[str, Any]]:
        reader = Noting(path)
        try:
            return {ask.path: await _plan(reader, ask) for ask in asks}
        finally:
            reader.close()

    return asyncio.run(every())


async def _plan(reader: Noting, ask: Ask) -> dict[str, Any]:
    question = ask.question
    session = await read_session.open_session(
        reader, question, read_incidents.INCIDENT_PAGES if ask.kind == "page" else None
    )
    reader.seen.clear()
    if ask.kind == "stats":
        await read_statistics.stats(session, question)
    elif ask.kind == "page":
        await read_incidents.page_of_incidents(session, question)
        del reader.seen[:-1]
    elif ask.kind == "incident":
        await read_incidents.one_incident(session, ask.incident, question)
    else:
        await read_history.history(session, ask.incident, question)
    run = [(s.sql, dict(s.values)) for s in reader.seen]
    return {"kind": ask.kind, "statements": run, "between": between(question), "limit": question.limit}


def between(question: IncidentQuery) -> str:
    """What stands between a record and its toll."""
    told = f'"{question.as_of.text}"' if question.as_of else "null"
    return f',"toll":{{"as_of":{told},'


def export_plan(path: Path) -> dict[str, Any]:
    """The one statement of an export of everything."""

    async def newest() -> int:
        reader = Noting(path)
        try:
            return (await read_session.open_session(reader, IncidentQuery())).recorded
        finally:
            reader.close()

    statement = incident_queries.select_incidents(
        IncidentQuery(), asyncio.run(newest()), None, by_tree=False, paged=False
    )
    run = [(statement.sql, dict(statement.values))]
    return {"kind": "export", "statements": run, "between": between(IncidentQuery())}
