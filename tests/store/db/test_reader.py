"""Exports read statement by statement, so that no snapshot is held while a client reads."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.errors import TooManyReads
from app.query.parameters import IncidentQuery, ReportQuery
from app.query.query import Query, parse_query
from app.store.db import reader
from app.store.db.budget import Budget
from app.store.db.database import Database
from app.store.db.reader import Reader
from app.store.db.statements import Statement
from app.store.read import incidents as read_incidents
from app.store.read import reports as read_reports
from app.store.read import session as read_session
from tests.builders import incident_draft, record, record_report

COUNT = 60
SORTS = ["date", "-date", "killed", "-killed", "reported", "-reported", "updated", "-updated"]
SLOW = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 400000) SELECT max(n) FROM c"


@pytest.fixture
def filled(database: Database) -> Database:
    """Incidents with the same day and the same figures among them, so that the order depends on the last key."""
    record(
        database, *(incident_draft(f"i-{n:02}", day=f"2020-01-{1 + n % 7:02}", summary="word") for n in range(COUNT))
    )
    for n in range(0, COUNT, 2):
        record_report(database, f"i-{n:02}", best=n % 5, reported_on="2020-01-08")
    return database


async def _every(slices: AsyncIterator[list[str]]) -> list[str]:
    return [item async for items in slices for item in items]


def _run(database: Database, questions: dict[str, str], act: Any) -> Any:
    async def run() -> Any:
        opened = Reader(database, 2)
        try:
            question = parse_query(list(questions.items()), IncidentQuery)
            return await act(opened, await read_session.open_session(opened, question), question)
        finally:
            opened.close()

    return asyncio.run(run())


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize(("first", "cheap"), [(1, 9.0), (7, 9.0), (7, 0.0), (COUNT, 9.0), (COUNT + 1, 9.0)])
def test_several_statements_return_the_same_rows_as_one(
    filled: Database, monkeypatch: pytest.MonkeyPatch, sort: str, first: int, cheap: float
) -> None:
    async def export(opened: Reader, session: Any, question: Query) -> list[str]:
        return await _every(read_incidents.every_incident(session, question))

    # given
    whole = _run(filled, {"sort": sort}, export)
    monkeypatch.setattr(reader, "FIRST_ROWS", first)
    monkeypatch.setattr(reader, "CHEAP_SECONDS", cheap)
    monkeypatch.setattr(reader, "SLICE", 3)

    # when, then
    assert len(whole) == COUNT
    assert _run(filled, {"sort": sort}, export) == whole


@pytest.mark.parametrize("sort", ["-date", "-killed", "updated"])
def test_records_added_during_an_export_do_not_appear_in_it(
    filled: Database, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    monkeypatch.setattr(reader, "FIRST_ROWS", 5)
    monkeypatch.setattr(reader, "SLICE", 5)

    async def export(opened: Reader, session: Any, question: Query) -> tuple[list[str], list[str]]:
        whole = await _every(read_incidents.every_incident(session, question))
        found: list[str] = []
        async for items in read_incidents.every_incident(session, question):
            n = len(found)
            await asyncio.to_thread(
                record_report,
                filled,
                f"i-{n % COUNT:02}",
                best=n,
                reporter="ngo",
                reported_on="2020-01-08",
                id=f"new-{n}",
            )
            await asyncio.to_thread(record, filled, incident_draft(f"new-{n}", day="2020-01-03"))
            found += items
        return whole, found

    whole, found = _run(filled, {"sort": sort}, export)
    assert found == whole and len(whole) == COUNT


def test_a_slice_ends_at_a_size_limit(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    record(database, *(incident_draft(f"i-{n}", summary="word " * 990) for n in range(20)))
    monkeypatch.setattr(reader, "SLICE_BYTES", 12_000)
    monkeypatch.setattr(reader, "MAX_ROW_BYTES", 30_000)

    # when
    async def export(opened: Reader, session: Any, question: Query) -> tuple[list[int], int]:
        before = opened.statements
        sizes = [len(items) async for items in read_incidents.every_incident(session, question)]
        return sizes, opened.statements - before

    sizes, statements = _run(database, {}, export)

    # then
    assert sum(sizes) == 20 and max(sizes) == 3
    assert statements > 3


def test_stalled_exports_do_not_keep_the_wal_from_restarting(filled: Database, tmp_path: Path) -> None:
    """A view that is held would keep every page that is written meanwhile in the write-ahead log."""

    async def export(opened: Reader, session: Any, question: Query) -> None:
        halves = [read_incidents.every_incident(session, question) for _ in range(8)]
        halves += [read_reports.every_toll_report(session, ReportQuery()) for _ in range(8)]
        for half in halves:
            assert await anext(half)
        # when: much is recorded, and then the log is checkpointed
        await asyncio.to_thread(record, filled, *(incident_draft(f"n-{n}", summary="word " * 900) for n in range(300)))
        with closing(sqlite3.connect(tmp_path / "incidents.db", timeout=0)) as connection:
            # then
            assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
        for half in halves:
            await half.aclose()

    _run(filled, {}, export)


def test_the_next_write_truncates_a_long_wal(filled: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # given
    log = tmp_path / "incidents.db-wal"
    record(filled, *(incident_draft(f"n-{n}", summary="word " * 900) for n in range(100)))
    long = log.stat().st_size
    monkeypatch.setattr(filled, "_longest_log", long)

    # when
    with closing(sqlite3.connect(tmp_path / "incidents.db")) as view:
        view.execute("BEGIN")
        view.execute("SELECT count(*) FROM incident").fetchone()
        filled.close()
        held = Database(filled.url.render_as_string(), busy_seconds=0.05)
        monkeypatch.setattr(held, "_longest_log", long)
        record(held, incident_draft("a"))
        behind = log.stat().st_size
    record(held, incident_draft("b"))
    waits = log.stat().st_size
    monkeypatch.setattr(held, "_longest_log", long)
    record(held, incident_draft("c"))
    after = log.stat().st_size
    held.close()

    # then: behind a view it is left, and tried again only when it has grown by as much
    assert behind >= long and waits >= long
    assert after == 0


def test_an_export_waits_for_a_thread_as_long_as_it_takes(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others that keep all threads busy do not break off a response that has begun."""
    monkeypatch.setattr(reader, "QUEUE_SECONDS", 0.01)
    monkeypatch.setattr(reader, "SHORT_SECONDS", 0.0)
    monkeypatch.setattr(reader, "FIRST_ROWS", 10)
    monkeypatch.setattr(reader, "SLICE", 10)

    async def export(opened: Reader, session: Any, question: Query) -> tuple[list[str], list[str]]:
        incidents = read_incidents.every_incident(session, question, reports=True)
        found = await anext(incidents)
        free = threading.Event()
        budgets = (Budget(9, f"client {n}") for n in range(reader.THREADS))
        busy = [asyncio.create_task(opened.in_thread(budget, free.wait)) for budget in budgets]
        exports = (Budget.patient(f"client {n}") for n in range(reader.EXPORT_THREADS))
        busy += [asyncio.create_task(opened._patiently(budget, lambda _: free.wait())) for budget in exports]
        await asyncio.sleep(0.05)
        with pytest.raises(TooManyReads):
            await opened.rows(Statement(SLOW, {}))
        asyncio.get_running_loop().call_later(0.2, free.set)
        # when
        found += await _every(incidents)
        await asyncio.gather(*busy)
        return found, await _every(read_incidents.every_incident(session, question, reports=True))

    found, whole = _run(filled, {}, export)

    # then
    assert found == whole and len(whole) == COUNT


def test_an_abandoned_statement_is_interrupted(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    running, with_connection = [0], Reader._with_connection

    def noted(*arguments: Any) -> Any:
        running[0] += 1
        try:
            return with_connection(*arguments)
        finally:
            running[0] -= 1

    monkeypatch.setattr(Reader, "_with_connection", noted)

    async def ask(opened: Reader, session: Any, question: Query) -> float:
        for_ever = Statement(SLOW.replace("LIMIT 400000", ""), {})
        asking = asyncio.create_task(opened.rows(for_ever, Budget.patient(None)))
        await asyncio.sleep(0.1)
        assert running == [1]
        begun = time.monotonic()
        asking.cancel()
        await asyncio.wait([asking])
        while running[0]:
            await asyncio.sleep(0.01)
        return time.monotonic() - begun

    assert _run(database, {}, ask) < 0.5


def test_a_late_disconnect_interrupts_no_other_statement(database: Database) -> None:
    """The thread is done and its connection is used again before the event loop hears that the client has left."""

    async def ask(opened: Reader, session: Any, question: Query) -> list[Any]:
        # given
        is_running, run = threading.Event(), opened._with_connection

        def noted(*arguments: Any) -> Any:
            is_running.set()
            return run(*arguments)

        opened._with_connection = noted  # type: ignore[method-assign]
        leaving = asyncio.create_task(opened.rows(Statement(SLOW, {}), Budget.patient(None)))
        while not is_running.is_set():
            await asyncio.sleep(0.001)
        while opened._idle.empty():
            time.sleep(0.01)  # in which the loop hears nothing
        # when
        leaving.cancel()
        await asyncio.wait([leaving])
        # then
        return [await opened.rows(Statement(SLOW, {}), Budget.patient(None)) for _ in range(2)]

    assert _run(database, {}, ask) == [[(400_000,)]] * 2


def test_exports_of_one_client_leave_a_thread_for_others(database: Database) -> None:
    async def ask(opened: Reader, session: Any, question: Query) -> list[Any]:
        # given
        free = threading.Event()
        greedy = [asyncio.create_task(opened._patiently(Budget.patient("a"), lambda _: free.wait())) for _ in range(4)]
        await asyncio.sleep(0.05)
        # when
        found = await asyncio.wait_for(opened.rows(Statement("SELECT 1", {}), Budget.patient("b")), 5)
        free.set()
        await asyncio.gather(*greedy)
        return found

    assert _run(database, {}, ask) == [(1,)]
