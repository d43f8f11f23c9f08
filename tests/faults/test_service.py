"""Queries that take too long, and a database that is damaged while it is served."""

import asyncio
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from app.api.http.responses import exports
from app.store.db.database import Database
from app.store.db.statements import Statement
from tests.builders import incident_draft, record
from tests.support import Client, Service

FOR_EVER = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c"


def test_a_runaway_statement_is_a_503_in_time(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr("app.store.read.incident_queries.select_incidents", lambda *_, **__: Statement(FOR_EVER, {}))

    # when
    begun = time.monotonic()
    answer = client.get("/v1/incidents")
    taken = time.monotonic() - begun

    # then
    assert 2 <= taken < 2.5
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["detail"] == "The query exceeded 2 s. Request fewer items or filter by country or date."


def test_a_runaway_export_is_a_503_in_time(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr("app.store.read.incident_queries.select_incidents", lambda *_, **__: Statement(FOR_EVER, {}))

    # when
    begun = time.monotonic()
    answer = client.get("/v1/incidents?f=csv")

    # then
    assert time.monotonic() - begun < 2.5
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")


@pytest.mark.slow
def test_a_database_damaged_while_served_causes_problem_documents(tmp_path: Path) -> None:
    # given
    service = Service(tmp_path)
    try:
        database = Database(f"sqlite:///{service.database}")
        record(database, *(incident_draft(f"i-{n}", summary="word " * 900) for n in range(300)))
        database.close()
        with closing(sqlite3.connect(service.database)) as connection:
            assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
        with service.database.open("r+b") as file:
            file.seek(4096)
            file.write(os.urandom(service.database.stat().st_size - 4096))

        # when
        answers = [httpx.get(f"{service.base}{a}") for a in ("/v1/incidents?limit=1000", "/readyz", "/healthz")]
    finally:
        service.stop()

    # then
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["content-type"] == "application/problem+json"
    assert answers[1].json()["status"] == "failing"


def test_a_runaway_statement_blocks_nobody_else(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is broken off on the event loop after some milliseconds and asked again in a thread."""
    monkeypatch.setattr("app.store.read.incident_queries.select_incidents", lambda *_, **__: Statement(FOR_EVER, {}))

    async def ask() -> list[float]:
        slow, taken = asyncio.create_task(client.send("GET", "/v1/incidents")), []
        while not slow.done():
            begun = time.monotonic()
            assert (await client.send("GET", "/v1/stats")).status_code == 200
            taken.append(time.monotonic() - begun)
            await asyncio.sleep(0.01)
        return taken

    # when other questions are asked while it runs
    taken = sorted(client.run(ask()))

    # then they are answered meanwhile
    assert len(taken) > 20 and taken[len(taken) // 2] < 0.1 and taken[-1] < 0.5


def test_an_export_above_the_limit_is_rejected_and_pages_are_served(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask() -> tuple[httpx.Response, httpx.Response, httpx.Response]:
        with monkeypatch.context() as patched:
            patched.setattr(exports, "taken", exports.size)
            refused, page = await client.send("GET", "/v1/incidents?f=csv"), await client.send("GET", "/v1/incidents")
        return refused, page, await client.send("GET", "/v1/incidents?f=csv")

    refused, page, after = client.run(ask())
    assert (refused.status_code, refused.json()["type"]) == (503, "/docs/errors#too-many-exports")
    assert (page.status_code, after.status_code) == (200, 200)
