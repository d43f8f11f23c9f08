"""The budget of a request: one time limit for all of its work, and a share of the threads."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from app.errors import ReadTooLong, TooManyReads
from app.store.db.budget import Budget
from app.store.db.database import Database
from app.store.db.reader import Reader
from app.store.db.slots import Slots
from app.store.db.statements import Statement
from app.store.read.session import ReadSession

FOR_EVER = Statement("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n", {})


def _run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 30))


def test_statements_and_python_of_a_request_share_one_time_budget(database: Database) -> None:
    async def ask() -> None:
        reader = Reader(database, 0.3)
        session = ReadSession(reader, 0, budget=Budget(0.3))
        begun = time.monotonic()
        for _ in range(5):
            with pytest.raises(ReadTooLong, match=r"exceeded 0\.3 s"):
                await session.rows(FOR_EVER)
        with pytest.raises(ReadTooLong):
            await session.in_thread(lambda: None)
        with pytest.raises(ReadTooLong):
            list(session.each([1]))
        assert time.monotonic() - begun < 1.2, "each of the five had a time of its own"
        reader.close()

    _run(ask())


def test_a_statement_is_interrupted_when_its_client_disconnects(database: Database) -> None:
    async def ask() -> None:
        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0.05)
            return {"type": "http.disconnect"}

        reader = Reader(database, 60)
        with pytest.raises(ReadTooLong):
            await reader.rows(FOR_EVER, Budget(60, "one", receive))
        reader.close()

    _run(ask())


def test_one_address_leaves_threads_for_others(database: Database) -> None:
    async def ask() -> None:
        reader = Reader(database, 1.5)
        greedy = [asyncio.create_task(reader.rows(FOR_EVER, Budget(1.5, "greedy"))) for _ in range(16)]
        await asyncio.sleep(0.1)
        long = Statement("SELECT 1", {}, long=True)
        begun = time.monotonic()
        assert await reader.rows(long, Budget(1.5, "honest")) == [(1,)]
        assert time.monotonic() - begun < 0.5
        ends = await asyncio.gather(*greedy, return_exceptions=True)
        assert {type(end) for end in ends} == {ReadTooLong, TooManyReads}
        assert sum(isinstance(end, ReadTooLong) for end in ends) == 2
        assert await reader.rows(long, Budget(1.5, "greedy")) == [(1,)], "turns are given back"
        reader.close()

    _run(ask())


def test_waiting_clients_take_turns() -> None:
    async def ask() -> None:
        turns, order = Slots(1, "turns", lambda _: TooManyReads(1), 1), list[str]()

        async def one(client: str) -> None:
            async with turns.turn(client, 5):
                order.append(client)
                await asyncio.sleep(0.001)

        await asyncio.gather(*(one(client) for client in ["a", "a", "a", "a", "b", "c"]))
        assert order == ["a", "a", "b", "c", "a", "a"]

    _run(ask())


def test_a_client_that_stops_waiting_takes_no_turn() -> None:
    async def ask() -> None:
        turns = Slots(1, "turns", lambda _: TooManyReads(1), 1)
        async with turns.turn("a", 1):
            with pytest.raises(TooManyReads):
                async with turns.turn("b", 0.01):
                    pass
            waiting = asyncio.create_task(turns.turn("b", 5).__aenter__())
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        async with turns.turn("c", 0.1):
            pass

    _run(ask())
