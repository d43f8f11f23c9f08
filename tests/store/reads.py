"""Reads for tests of the store, below HTTP."""

import asyncio
from typing import Any

import orjson

from app.errors import NotFound
from app.query.parameters import IncidentQuery
from app.query.query import Query, parse_query
from app.store.db.database import Database
from app.store.db.reader import Reader
from app.store.read import incidents as read_incidents
from app.store.read import session as read_session


class StoreReads:
    """Reads a database as the routes do."""

    def __init__(self, database: Database) -> None:
        self.reader = Reader(database, read_seconds=5)

    def page(self, *pairs: tuple[str, str]) -> list[dict[str, Any]]:
        query = parse_query(pairs, IncidentQuery)

        async def read() -> list[str]:
            session = await read_session.open_session(self.reader, query, read_incidents.INCIDENT_PAGES)
            return (await read_incidents.page_of_incidents(session, query)).items

        return [orjson.loads(item) for item in asyncio.run(read())]

    def ids(self, *pairs: tuple[str, str]) -> list[str]:
        return [item["id"] for item in self.page(*pairs)]

    def incident(self, incident_id: str, *pairs: tuple[str, str]) -> str:
        query = parse_query(pairs, IncidentQuery)

        async def read() -> str:
            session = await read_session.open_session(self.reader, query)
            return (await read_incidents.one_incident(session, incident_id, query)).text

        return asyncio.run(read())

    def text(self, incident_id: str, *pairs: tuple[str, str]) -> str | None:
        """The JSON text of an incident, or `None` when it is not known at these times."""
        try:
            return self.incident(incident_id, *pairs)
        except NotFound:
            return None

    def killed(self, incident_id: str, *pairs: tuple[str, str]) -> int | None:
        text = self.text(incident_id, *pairs)
        return None if text is None else orjson.loads(text)["toll"].get("killed", {}).get("best")

    def plan(self, query: Query, statement: Any) -> list[str]:
        connection, _ = self.reader._open(1000)
        return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement.sql}", statement.values)]
