"""Slots of streamed responses: each address has a share, and nothing is held beyond the end."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from starlette.requests import Request

from app.api.http import responses
from app.api.http.slots import HELD, hold
from app.api.routes import changes_stream
from app.api.routes import imports as import_route
from app.api.routes.live_log import LiveLog
from app.errors import ShareTaken, TooManyExports
from app.query.query import Query
from app.store.db.database import Database
from app.store.db.reader import Reader
from app.store.db.slots import Slots
from app.store.read import session as read_incidents
from tests.builders import incident_draft, record, record_report
from tests.support import ROOT, Client

ADDRESSES = {
    "exports": ("/v1/incidents?f=csv", responses.exports),
    "reports": ("/v1/toll-reports?f=ndjson", responses.exports),
    "streams": ("/v1/changes/stream", changes_stream.streams),
}


@pytest.mark.parametrize("kind", ADDRESSES)
def test_one_address_is_limited_to_its_share_of_slots(
    client: Client, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    # given: that of httpx
    address, slots = ADDRESSES[kind]
    monkeypatch.setitem(slots.by_address, "127.0.0.1", slots.share)

    # when
    answer = client.run(asyncio.wait_for(client.send("GET", address), 5))

    # then
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/docs/errors#too-many-from-your-address"
    assert answer.json()["detail"].endswith(f" is {slots.share} per address. Try again when one of yours has ended.")
    assert slots.taken == 0


def test_shares_leave_slots_for_others() -> None:
    slots = Slots(16, "exports", TooManyExports)
    for address in "abcd":
        for _ in range(4):
            slots.take(address)
        if address != "d":
            with pytest.raises(ShareTaken):
                slots.take(address)
    with pytest.raises(TooManyExports):
        slots.take("e")
    slots.give_back("a")
    slots.take("e")
    assert slots.by_address == {"a": 3, "b": 4, "c": 4, "d": 4, "e": 1}
    assert (responses.exports.share, changes_stream.streams.share, import_route.import_slots.share) == (4, 50, 1)


def _request(messages: list[str], **scope: Any) -> Request:
    async def receive() -> Any:
        await asyncio.sleep(0.05 if messages[0] == "http.disconnect" else 0)
        return {"type": messages.pop(0) if messages else "http.disconnect"}

    return Request({"type": "http", "client": ("192.0.2.1", 1), HELD: [], **scope}, receive)


def test_work_for_a_disconnected_client_is_cancelled() -> None:
    closed = []

    async def endless() -> AsyncGenerator[bytes]:
        try:
            while True:
                await asyncio.sleep(0.01)
                yield b""
        finally:
            closed.append(True)

    async def run() -> None:
        request = _request(["http.request", "http.disconnect"])
        content = await asyncio.wait_for(responses.ready_body(request, endless(), '"a"'), 2)
        assert (content, closed, responses.exports.taken) == (b"", [True], 1)
        for give_back in request.scope[HELD]:
            give_back()
        assert responses.exports.taken == 0

    asyncio.run(run())


def test_an_abandoned_response_is_closed() -> None:
    closed = []

    async def chunks() -> AsyncGenerator[bytes]:
        try:
            yield b"a"
            yield b"b"
        finally:
            closed.append(True)

    async def run() -> None:
        async def receive() -> Any:
            await asyncio.sleep(0.02)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message.get("body"):
                await asyncio.sleep(60)

        scope = {"type": "http", "asgi": {"spec_version": "2.3"}}
        await asyncio.wait_for(responses.Streamed(chunks())(scope, receive, send), 2)
        assert closed == [True]

    asyncio.run(run())


def test_every_streamed_response_yields_to_others_and_is_closed() -> None:
    """There is no other kind."""
    for file in (ROOT / "app").rglob("*.py"):
        named = "StreamingResponse" in file.read_text()
        assert named is (file.name == "responses.py"), file


def test_other_requests_run_between_two_chunks_of_a_response(
    empty_client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: parts that are ready without waiting, as of a client that reads as fast as it can
    turns = 0

    async def ready(*_: Any) -> AsyncGenerator[bytes]:
        for _ in range(100):
            yield b"x" * 10_000

    monkeypatch.setattr("app.formats.encoding.export", ready)

    async def run() -> int:
        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        answer = await empty_client.send("GET", "/v1/incidents?f=ndjson")
        counting.cancel()
        return len(answer.content)

    assert empty_client.run(run()) == 1_000_000
    assert turns > 50


def test_waiting_streams_share_one_poll_and_get_the_same_entries(database: Database) -> None:
    record(database, incident_draft("a"), incident_draft("b"))

    async def run() -> None:
        reader = Reader(database, 2)
        live, stopping = LiveLog(reader), asyncio.Event()

        async def follow() -> tuple[int, bytes]:
            session = await read_incidents.open_session(reader, Query())
            assert await live.after(session, 2, changes_stream._event) is None
            await live.news(session.recorded, stopping, 10)
            part = await live.after(await read_incidents.open_session(reader, Query()), 2, changes_stream._event)
            assert part
            return part

        # when
        following = [asyncio.create_task(follow()) for _ in range(50)]
        await asyncio.sleep(0.05)
        before = reader.statements
        await asyncio.sleep(0.6)
        looks = reader.statements - before
        await asyncio.to_thread(record, database, incident_draft("c"))
        before = reader.statements
        parts = await asyncio.wait_for(asyncio.gather(*following), 2)

        # then: a look each 0.25 s for all; and the entries are read once, beside the head for each
        assert looks <= 3
        assert reader.statements - before <= 50 + 4
        assert {part for _, part in parts} == {parts[0][1]} and parts[0][0] == 3
        assert all(part is parts[0][1] for _, part in parts)
        # and all wake when the service stops
        waiting = [asyncio.create_task(live.news(2**60, stopping, 10)) for _ in range(5)]
        await asyncio.sleep(0.05)
        stopping.set()
        await asyncio.wait_for(asyncio.gather(*waiting), 1)
        reader.close()

    asyncio.run(run())


def test_confidential_members_reach_only_streams_with_the_scope(database: Database) -> None:
    # given
    record(database, incident_draft("a"))
    witness = {"id": "w", "name": "A witness in danger", "kind": "ngo", "confidential": True}
    record_report(database, "a", best=3, reported_by=witness)

    async def run() -> None:
        reader = Reader(database, 2)
        live = LiveLog(reader)
        public, opened = [await read_incidents.open_session(reader, Query(), confidential=may) for may in (False, True)]
        # when
        first, other, again = [
            await live.after(session, 0, changes_stream._event) for session in (opened, public, opened)
        ]
        # then
        assert first and other and again is first
        assert b"A witness in danger" in first[1] and b"A witness in danger" not in other[1]
        reader.close()

    asyncio.run(run())


def test_the_log_is_not_polled_without_waiting_streams(database: Database) -> None:
    async def run() -> None:
        reader = Reader(database, 2)
        live = LiveLog(reader)
        await live.news(0, asyncio.Event(), 0.05)
        await asyncio.sleep(0.4)
        assert live._polling is not None and live._polling.done()
        reader.close()

    asyncio.run(run())


def test_a_slot_is_released_at_the_end_of_the_request() -> None:
    slots = Slots(4, "exports", TooManyExports)
    request = _request(["http.request"])
    hold(request, slots)
    with pytest.raises(ShareTaken):
        hold(request, slots)
    (give_back,) = request.scope[HELD]
    give_back()
    assert (slots.taken, slots.by_address) == (0, {})
