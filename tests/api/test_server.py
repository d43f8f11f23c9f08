"""What the server does where everything is taken: without sockets, on connections that are only told of."""

import asyncio
import resource
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.server import ServerState

from app.api import server
from app.api.server import MOST_CONNECTIONS, SPARE_FILES, DeadlineProtocol

GET = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"


class Connection(asyncio.Transport):
    """What a connection writes, and whether it was closed."""

    def __init__(self, config: Config, state: ServerState) -> None:
        super().__init__()
        self.written, self.closed = b"", False
        self.protocol = DeadlineProtocol(config, state, {"request_seconds": 10, "stopping": asyncio.Event()})
        self.protocol.connection_made(self)

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.protocol.connection_lost(None)

    def abort(self) -> None:
        self.close()

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def connections(act: Callable[[Callable[[], Connection], asyncio.Event], Awaitable[None]]) -> None:
    """Lets two connections be open at once; requests are answered when the event is set."""

    async def run() -> None:
        done = asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            await done.wait()
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"ok"})

        app: ASGIApp = slow
        config = Config(app, http="httptools", limit_concurrency=3, log_level="critical", access_log=False)
        config.load()
        state = ServerState()
        made: list[Connection] = []

        def connect() -> Connection:
            made.append(Connection(config, state))
            return made[-1]

        try:
            await act(connect, done)
        finally:
            for connection in made:
                connection.close()

    asyncio.run(run())


def test_the_one_that_is_idle_for_longest_goes_first() -> None:
    async def act(connect: Callable[[], Connection], done: asyncio.Event) -> None:
        # given: one that was answered after the other opened
        done.set()
        answered, silent = connect(), connect()
        answered.protocol.data_received(GET)
        await asyncio.sleep(0)
        assert answered.written.endswith(b"ok")
        # when
        third = connect()
        # then
        assert (answered.closed, silent.closed, third.closed) == (False, True, False)

    connections(act)


def test_no_connection_with_a_request_is_closed_for_another() -> None:
    async def act(connect: Callable[[], Connection], done: asyncio.Event) -> None:
        # given
        busy = [connect() for _ in range(2)]
        for one in busy:
            one.protocol.data_received(GET)
        # when
        third = connect()
        third.protocol.data_received(GET)
        await asyncio.sleep(0)
        # then
        assert third.written.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"content-type: application/problem+json" in third.written and b"retry-after: 1\r\n" in third.written
        assert b":problem:too-many-connections" in third.written and third.closed
        done.set()
        await asyncio.sleep(0.01)
        assert [one.written.endswith(b"ok") for one in busy] == [True, True]

    connections(act)


@pytest.mark.parametrize(
    ("limits", "raised", "most"),
    [
        ((1024, 524288), (MOST_CONNECTIONS + SPARE_FILES, 524288), MOST_CONNECTIONS),
        ((1024, 1024), (1024, 1024), 1024 - SPARE_FILES),
        ((1024, resource.RLIM_INFINITY), (MOST_CONNECTIONS + SPARE_FILES, resource.RLIM_INFINITY), MOST_CONNECTIONS),
        ((65536, 65536), (65536, 65536), MOST_CONNECTIONS),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY),) * 2 + (MOST_CONNECTIONS,),
        ((64, 64), (64, 64), 1),
    ],
)
def test_there_are_no_more_connections_than_files_that_may_be_open(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], raised: tuple[int, int], most: int
) -> None:
    # given
    now = [limits]
    monkeypatch.setattr(resource, "getrlimit", lambda _: now[0])
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: now.__setitem__(0, wanted))
    # when, then
    assert (server._most_connections(), now[0]) == (most, raised)
