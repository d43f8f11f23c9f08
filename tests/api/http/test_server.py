"""Connection limits of the server, without sockets, on fake connections."""

import asyncio
import resource
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.server import ServerState

from app.api.http import server
from app.api.http.protocol import MIN_TAKEN_BYTES, DeadlineProtocol
from app.api.http.server import MAX_CONNECTIONS, SPARE_FILES
from app.api.http.slots import network_of

STATE = {"request_seconds": 10, "send_seconds": 0.05}
GET = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"


class Connection(asyncio.Transport):
    """What a connection writes, and whether it was closed."""

    def __init__(self, config: Config, state: ServerState, peer: str) -> None:
        super().__init__()
        self.written, self.closed, self.unsent, self.peer = b"", False, 0, peer
        self.protocol = DeadlineProtocol(config, state, STATE | {"stopping": asyncio.Event()})
        self.protocol.connection_made(self)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (self.peer, 1) if name == "peername" else default

    def get_write_buffer_size(self) -> int:
        return self.unsent

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


def connections(act: Callable[[Callable[..., Connection], asyncio.Event], Awaitable[None]], most: int = 3) -> None:
    """Lets `most`, less one, connections be open at once; requests are answered when the event is set."""

    async def run() -> None:
        done = asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            await done.wait()
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"ok"})

        app: ASGIApp = slow
        config = Config(app, http="httptools", limit_concurrency=most, log_level="critical", access_log=False)
        config.load()
        state = ServerState()
        made: list[Connection] = []

        def connect(peer: str = "192.0.2.1") -> Connection:
            made.append(Connection(config, state, peer))
            return made[-1]

        try:
            await act(connect, done)
        finally:
            for connection in made:
                connection.close()

    asyncio.run(run())


def test_the_longest_idle_connection_is_closed_first() -> None:
    async def act(connect: Callable[..., Connection], done: asyncio.Event) -> None:
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


def test_no_connection_with_a_request_is_closed_for_a_new_one() -> None:
    async def act(connect: Callable[..., Connection], done: asyncio.Event) -> None:
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
        assert b"#too-many-connections" in third.written and third.closed
        done.set()
        await asyncio.sleep(0.01)
        assert [one.written.endswith(b"ok") for one in busy] == [True, True]

    connections(act)


def test_idle_connections_of_the_busiest_address_are_closed_first() -> None:
    async def act(connect: Callable[..., Connection], done: asyncio.Event) -> None:
        # given: the honest one waits for longest
        honest, *many = connect("192.0.2.9"), connect(), connect(), connect()
        # when
        another = connect("192.0.2.7")
        # then
        assert [one.closed for one in (honest, *many, another)] == [False, True, False, False, False]

    connections(act, most=5)


def test_one_address_leaves_connections_for_others() -> None:
    async def act(connect: Callable[..., Connection], done: asyncio.Event) -> None:
        # given
        busy = [connect() for _ in range(7)]
        for one in busy:
            one.protocol.data_received(GET)
        # when
        other = connect("192.0.2.9")
        other.protocol.data_received(GET)
        await asyncio.sleep(0)
        # then
        refused = [one for one in busy if one.written]
        assert len(refused) == 1 and refused[0].written.startswith(b"HTTP/1.1 503 ") and not other.written
        assert b"retry-after: 1" in refused[0].written
        done.set()
        await asyncio.sleep(0.01)
        assert other.written.endswith(b"ok")
        assert DeadlineProtocol.shares.by_address == {"192.0.2.1": 6, "192.0.2.9": 1}

    connections(act, most=9)
    assert (DeadlineProtocol.shares.by_address, DeadlineProtocol.shares.waiting) == ({}, {})


@pytest.mark.parametrize(
    ("taken", "is_closed"),
    [(0, True), (MIN_TAKEN_BYTES - 1, True), (MIN_TAKEN_BYTES, False), (100_000, False)],
)
def test_a_client_that_reads_too_slowly_is_disconnected(taken: int, is_closed: bool) -> None:
    async def act(connect: Callable[..., Connection], done: asyncio.Event) -> None:
        # given
        done.set()
        client = connect()
        client.protocol.data_received(GET)
        await asyncio.sleep(0)
        client.unsent = 100_000
        client.protocol.pause_writing()
        # when
        client.unsent -= taken
        await asyncio.sleep(STATE["send_seconds"] * 1.5)
        # then
        assert client.closed is is_closed
        # and the clock runs again for the rest
        await asyncio.sleep(STATE["send_seconds"])
        assert client.closed is (taken < 100_000)

    connections(act)


def test_a_client_that_read_everything_may_be_idle() -> None:
    async def act(connect: Callable[..., Connection], done: asyncio.Event) -> None:
        client = connect()
        client.unsent = 100_000
        client.protocol.pause_writing()
        client.unsent = 0
        client.protocol.resume_writing()
        await asyncio.sleep(STATE["send_seconds"] * 2)
        assert not client.closed

    connections(act)


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::1", "2001:db8:1:2::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
        ("not:an:address", "not:an:address"),
    ],
)
def test_ipv6_addresses_are_counted_by_network(host: str, network: str) -> None:
    assert network_of(host) == network


@pytest.mark.parametrize(
    ("limits", "raised", "most"),
    [
        ((1024, 524288), (MAX_CONNECTIONS + SPARE_FILES, 524288), MAX_CONNECTIONS),
        ((1024, 1024), (1024, 1024), 1024 - SPARE_FILES),
        ((1024, resource.RLIM_INFINITY), (MAX_CONNECTIONS + SPARE_FILES, resource.RLIM_INFINITY), MAX_CONNECTIONS),
        ((65536, 65536), (65536, 65536), MAX_CONNECTIONS),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY),) * 2 + (MAX_CONNECTIONS,),
        ((64, 64), (64, 64), 1),
    ],
)
def test_connections_are_limited_by_the_open_file_limit(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], raised: tuple[int, int], most: int
) -> None:
    # given
    now = [limits]
    monkeypatch.setattr(resource, "getrlimit", lambda _: now[0])
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: now.__setitem__(0, wanted))
    # when, then
    assert (server._max_connections(), now[0]) == (most, raised)
