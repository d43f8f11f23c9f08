"""Facts for tests, recorded through the writer, and questions asked of them."""

import asyncio
from typing import Any

import orjson

from app.domain.incident import IncidentDraft
from app.domain.toll import TollReportDraft
from app.errors import NotFound
from app.query.parameters import INCIDENTS
from app.query.query import Query, parse_query
from app.store.db.database import Database
from app.store.db.reader import Reader
from app.store.read import incidents as read_incidents
from app.store.read import session as read_session
from app.store.write.writer import recording

SOURCE = {"id": "paper", "title": "A newspaper"}
KINDS = {"army": "military", "ministry": "government", "group": "armed_group", "nameless": "anonymous"}


def incident(incident_id: str, **members: Any) -> IncidentDraft:
    usual = {"id": incident_id, "title": f"Attack {incident_id}", "country": "ML", "date_precision": "day"}
    dates = {"date_start": "2019-11-01", "date_end": members.get("date_start", "2019-11-01")}
    return IncidentDraft.model_validate(usual | dates | members)


def report(best: int | None, by: str = "ministry", on: str = "2019-11-01", **members: Any) -> TollReportDraft:
    usual = {
        "measure": "killed", "victims": "all", "bound": "exact", "best": best, "reported_on": on, "source": SOURCE,
        "reported_by": {"id": by, "name": by.title(), "kind": KINDS.get(by, "media")},
    }  # fmt: skip
    return TollReportDraft.model_validate(usual | members)


def record(database: Database, *facts: IncidentDraft | TollReportDraft, about: tuple[str, ...] = ()) -> int:
    """Records facts in one transaction and returns its instant."""
    with recording(database, "test") as writer:
        for fact in facts:
            if isinstance(fact, IncidentDraft):
                writer.record_incident(fact)
            else:
                writer.record_report(fact, list(about))
        return writer.appender.now


class Asking:
    """Asks a database questions, as the service does."""

    def __init__(self, database: Database) -> None:
        self.reader = Reader(database, read_seconds=5)

    def page(self, *pairs: tuple[str, str]) -> list[dict[str, Any]]:
        question = parse_query(pairs, INCIDENTS)

        async def ask() -> list[str]:
            session = await read_session.open_session(self.reader, question, read_incidents.INCIDENT_PAGES)
            return (await read_incidents.page_of_incidents(session, question)).items

        return [orjson.loads(item) for item in asyncio.run(ask())]

    def ids(self, *pairs: tuple[str, str]) -> list[str]:
        return [item["id"] for item in self.page(*pairs)]

    def incident(self, incident_id: str, *pairs: tuple[str, str]) -> str:
        question = parse_query(pairs, INCIDENTS)

        async def ask() -> str:
            session = await read_session.open_session(self.reader, question)
            return (await read_incidents.one_incident(session, incident_id, question)).text

        return asyncio.run(ask())

    def text(self, incident_id: str, *pairs: tuple[str, str]) -> str | None:
        """The very text of an incident, or `None` where it is not known at the clocks."""
        try:
            return self.incident(incident_id, *pairs)
        except NotFound:
            return None

    def killed(self, incident_id: str, *pairs: tuple[str, str]) -> int | None:
        text = self.text(incident_id, *pairs)
        return None if text is None else orjson.loads(text)["toll"].get("killed", {}).get("best")

    def plan(self, question: Query, statement: Any) -> list[str]:
        connection, _ = self.reader._open(1000)
        return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement.sql}", statement.values)]
