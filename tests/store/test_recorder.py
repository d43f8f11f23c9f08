"""Writes that wait together: each kept or refused by itself, none answered before it is there, none left waiting."""

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
from app.store.read.session import ReadSession
from app.store.tables import ApiKey, table_of
from app.store.write import recorder
from app.store.write.idempotency import Answer, Repeatable
from app.store.write.recorder import Recorder, Respond, Work
from app.store.write.writer import Writer
from tests.store.recorded import Asking
from tests.support import draft, figure

DESK = Access("1", "desk", frozenset({Scope.WRITE}))


@pytest.fixture(autouse=True)
def desk(database: Database) -> None:
    """The key of the desk, which holds."""
    row = {"key": 1, "id": DESK.id, "name": DESK.name, "scopes": "write", "hash": b"", "created_at": 0}
    with database.writing() as transaction:
        transaction.insert(table_of(ApiKey), [row | {"expires_at": None, "revoked_at": None}])


async def respond(incident_id: str, _: ReadSession) -> Answer:
    return Answer(201, incident_id.encode())


def recording(incident_id: str) -> Work:
    """Records an incident that is not there yet."""

    def work(writer: Writer) -> Respond:
        writer.record_incident(draft(incident_id), new=True)
        return partial(respond, incident_id)

    return work


def failing(code: int) -> Work:
    """Records an incident, and is then told by SQLite what is told by this code."""

    async def fail(_: ReadSession) -> Answer:
        error = sqlite3.OperationalError("told by SQLite")
        error.sqlite_errorcode = code
        raise error

    def work(writer: Writer) -> Respond:
        writer.record_incident(draft("never"))
        return fail

    return work


def together(made: Recorder, *works: Work) -> list[Any]:
    """What becomes of works that are sent at once: answers and errors."""

    async def send() -> list[Any]:
        return await asyncio.gather(*(made.record(DESK, w) for w in works), return_exceptions=True)

    return asyncio.run(send())


def test_what_is_refused_among_others_is_refused_alone(database: Database) -> None:
    # when
    got = together(Recorder(database), recording("a"), recording("a"), recording("b"))

    # then
    assert [type(g) for g in got] == [Answer, Conflict, Answer]
    assert sorted(Asking(database).ids()) == ["a", "b"]
    assert verify(database).entries == 2


def test_nothing_is_refused_for_the_sake_of_what_was_not_kept(database: Database) -> None:
    """The second was refused since the first was there, in a transaction that was then undone as a whole."""
    # when
    got = together(Recorder(database), recording("a"), recording("a"), failing(sqlite3.SQLITE_FULL))

    # then
    assert [type(g) for g in got] == [Answer, Conflict, DatabaseFull]
    assert Asking(database).ids() == ["a"]
    assert verify(database).entries == 1


def test_a_group_that_cannot_have_its_turn_is_not_tried_one_by_one(database: Database) -> None:
    # when
    got = together(Recorder(database), recording("a"), failing(sqlite3.SQLITE_BUSY), recording("b"))

    # then
    assert [type(g) for g in got] == [DatabaseBusy] * 3
    assert Asking(database).ids() == []


def test_a_failure_of_ours_takes_nobody_else_along(database: Database) -> None:
    async def fail(_: ReadSession) -> Answer:
        raise ZeroDivisionError

    def broken(writer: Writer) -> Respond:
        writer.record_incident(draft("never"))
        return fail

    # when
    got = together(Recorder(database), recording("a"), broken, recording("b"))

    # then
    assert [type(g) for g in got] == [Answer, ZeroDivisionError, Answer]
    assert sorted(Asking(database).ids()) == ["a", "b"]


def test_who_waits_when_the_service_stops_is_sent_back_and_what_was_begun_is_finished(database: Database) -> None:
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
    assert Asking(database).ids() == ["begun"]


def test_where_no_thread_can_be_had_everybody_is_told_and_may_ask_again(
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
    assert [type(g) for g in together(made, recording("a"))] == [Answer]


def test_a_record_that_is_refused_after_it_replaced_a_figure_of_its_own_leaves_the_others(database: Database) -> None:
    # given an incident whose second figure replaces its first for two incidents, and whose third cannot be
    split = figure(7, id="r2", incidents=["bad", "other"], supersedes="r1")
    reports = [figure(5, id="r1"), split, figure(3, id="r3", supersedes="nowhere")]
    plain = {
        "title": "t",
        "date_start": "2020-01-01",
        "date_end": "2020-01-01",
        "date_precision": "day",
        "country": "ML",
    }
    items = [
        Item("first", plain | {"id": "other"}),
        Item("second", plain | {"id": "bad", "toll_reports": reports}),
        Item("third", plain | {"id": "good", "toll_reports": [figure(9, id="r9")]}),
    ]

    # when
    summary = ingest(items, database, "tests")

    # then
    assert (summary.created, summary.refused) == (2, 1)
    assert "second" in summary.reasons[0]
    assert sorted(Asking(database).ids()) == ["good", "other"]
    assert verify(database).entries == 5
