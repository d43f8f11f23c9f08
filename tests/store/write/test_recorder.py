"""Batched writes: each is kept or rejected on its own, none is acknowledged early, none waits for ever."""

import asyncio
import sqlite3
from functools import partial
from typing import Any

import pytest

from app.domain.access import Access
from app.domain.vocabulary import Scope
from app.errors import Conflict, DatabaseBusy, DatabaseFull, NotFound
from app.ingest.pipeline import Item, ingest
from app.store.db.database import Database
from app.store.maintenance.verify import verify
from app.store.read.session import WriteSession
from app.store.tables import ApiKey, table_of
from app.store.write import recorder
from app.store.write.idempotency import Repeatable, WriteResponse
from app.store.write.recorder import Recorder, Respond, Work
from app.store.write.writer import Writer
from tests.builders import incident_body, incident_draft, report_body
from tests.store.reads import StoreReads

DESK = Access("1", "desk", frozenset({Scope.WRITE}))


@pytest.fixture(autouse=True)
def desk(database: Database) -> None:
    """The key of the desk, which holds."""
    row = {"key": 1, "id": DESK.id, "name": DESK.name, "scopes": "write", "hash": b"", "created_at": 0}
    with database.writing() as transaction:
        transaction.insert(table_of(ApiKey), [row | {"expires_at": None, "revoked_at": None}])


def respond(incident_id: str, _: WriteSession) -> WriteResponse:
    return WriteResponse(201, incident_id.encode())


def recording(incident_id: str) -> Work:
    """Records an incident that is not there yet."""

    def work(writer: Writer) -> Respond:
        writer.record_incident(incident_draft(incident_id), new=True)
        return partial(respond, incident_id)

    return work


def failing(code: int) -> Work:
    """Records an incident, and is then told by SQLite what is told by this code."""

    def fail(_: WriteSession) -> WriteResponse:
        error = sqlite3.OperationalError("told by SQLite")
        error.sqlite_errorcode = code
        raise error

    def work(writer: Writer) -> Respond:
        writer.record_incident(incident_draft("never"))
        return fail

    return work


def together(made: Recorder, *works: Work) -> list[Any]:
    """What becomes of works that are sent at once: answers and errors."""

    async def send() -> list[Any]:
        return await asyncio.gather(*(made.record(DESK, w) for w in works), return_exceptions=True)

    return asyncio.run(send())


def test_a_rejected_write_in_a_batch_does_not_affect_the_others(database: Database) -> None:
    # when
    got = together(Recorder(database), recording("a"), recording("a"), recording("b"))

    # then
    assert [type(g) for g in got] == [WriteResponse, Conflict, WriteResponse]
    assert sorted(StoreReads(database).ids()) == ["a", "b"]
    assert verify(database).entries == 2


def test_a_write_is_not_rejected_because_of_a_rolled_back_one(database: Database) -> None:
    """The second was refused since the first was there, in a transaction that was then undone as a whole."""
    # when
    got = together(Recorder(database), recording("a"), recording("a"), failing(sqlite3.SQLITE_FULL))

    # then
    assert [type(g) for g in got] == [WriteResponse, Conflict, DatabaseFull]
    assert StoreReads(database).ids() == ["a"]
    assert verify(database).entries == 1


def test_a_batch_that_cannot_start_is_not_retried_one_by_one(database: Database) -> None:
    # when
    got = together(Recorder(database), recording("a"), failing(sqlite3.SQLITE_BUSY), recording("b"))

    # then
    assert [type(g) for g in got] == [DatabaseBusy] * 3
    assert StoreReads(database).ids() == []


def test_an_internal_error_does_not_affect_the_other_writes(database: Database) -> None:
    def fail(_: WriteSession) -> WriteResponse:
        raise ZeroDivisionError

    def broken(writer: Writer) -> Respond:
        writer.record_incident(incident_draft("never"))
        return fail

    # when
    got = together(Recorder(database), recording("a"), broken, recording("b"))

    # then
    assert [type(g) for g in got] == [WriteResponse, ZeroDivisionError, WriteResponse]
    assert sorted(StoreReads(database).ids()) == ["a", "b"]


def test_a_stopping_service_finishes_the_running_write_and_rejects_waiting_ones(database: Database) -> None:
    # given somebody else who writes
    made = Recorder(database)

    async def stopped() -> list[Any]:
        with database.writing():
            begun = asyncio.ensure_future(made.record(DESK, recording("begun")))
            await asyncio.sleep(0.05)
            waiting = asyncio.ensure_future(made.record(DESK, recording("waiting")))
            await asyncio.sleep(0.05)

            # when
            stopping = asyncio.ensure_future(made.stop())
            sent_back = await asyncio.wait_for(asyncio.gather(waiting, return_exceptions=True), 2)
        await stopping
        late = await asyncio.gather(made.record(DESK, recording("late")), return_exceptions=True)
        return [await begun, *sent_back, *late]

    # then
    begun, waiting, late = asyncio.run(stopped())
    assert (begun.status, type(waiting), type(late)) == (201, DatabaseBusy, DatabaseBusy)
    assert StoreReads(database).ids() == ["begun"]


def test_without_a_free_thread_every_write_is_rejected_and_may_be_retried(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    made = Recorder(database)
    once = Repeatable.of("key", "POST", "/", b"")

    async def none(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    async def twice() -> tuple[Any, Any]:
        with monkeypatch.context() as patched:
            patched.setattr(recorder.to_thread, "run_sync", none)
            (first,) = await asyncio.gather(made.record(DESK, recording("a"), once), return_exceptions=True)
        return first, await made.record(DESK, recording("a"), once)

    # when
    first, second = asyncio.run(twice())

    # then
    assert (type(first), second.status) == (RuntimeError, 201)


def test_the_worker_goes_on_after_an_error(database: Database) -> None:
    made = Recorder(database)

    def unknown(writer: Writer) -> Respond:
        writer.retract_report("nowhere", "wrong")
        raise AssertionError

    assert [type(g) for g in together(made, unknown)] == [NotFound]
    assert [type(g) for g in together(made, recording("a"))] == [WriteResponse]


def test_a_rejected_incident_that_replaced_its_own_figure_leaves_the_others(database: Database) -> None:
    # given an incident whose second figure replaces its first for two incidents, and whose third cannot be
    split = report_body(7, id="r2", incidents=["bad", "other"], supersedes="r1")
    reports = [report_body(5, id="r1"), split, report_body(3, id="r3", supersedes="nowhere")]
    items = [
        Item("first", incident_body("other")),
        Item("second", incident_body("bad", toll_reports=reports)),
        Item("third", incident_body("good", toll_reports=[report_body(9, id="r9")])),
    ]

    # when
    summary = ingest(items, database, "tests")

    # then
    assert (summary.created, summary.refused) == (2, 1)
    assert "second" in summary.reasons[0]
    assert sorted(StoreReads(database).ids()) == ["good", "other"]
    assert verify(database).entries == 5
