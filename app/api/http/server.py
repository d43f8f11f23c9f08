"""uvicorn with what it lacks: deadlines for requests that do not arrive and responses that are not taken, and a place
for those that do."""

import asyncio
import resource
import socket
from collections import Counter
from contextlib import suppress
from typing import Any, ClassVar

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.api.http.problems import problem
from app.api.http.slots import network_of
from app.settings import Settings

MOST_CONNECTIONS = 2000
SPARE_FILES = 200
"""Open files of a process besides its connections: databases, kept files, what is being imported."""
MALFORMED = "not a request of HTTP/1.1; letters outside ASCII in an address are percent-encoded, as in M%C3%A9naka"
STEADY_BYTES = 256 * 1024
"""Of a file that is imported; when so much has come, the clock for the rest begins anew."""
MOST_HEAD = 1024 * 1024
"""Bytes of a request's head or trailers that are read at all; below it the application refuses with a reason."""
MOST_UNSENT = 128 * 1024
"""Bytes of a response that the system keeps for a client that does not read. By itself it keeps up to 4 MB, in which
whole responses would disappear before anybody notices."""
LEAST_TAKEN = 16 * 1024
"""Bytes of a response that a client takes within `send_seconds` at least, unless fewer are left."""
SHARE_OF_CONNECTIONS = 0.75
"""The part of all connections that one address may have requests on."""
GRACE_SECONDS = 4
"""How long answers in flight may take after SIGTERM."""


class DeadlineProtocol(HttpToolsProtocol):
    """Closes a connection whose request is not complete in time, from its opening or its first byte on, or whose client
    does not take the response.

    So is one whose headers or trailers do not end: the parser keeps them all. The time comes with the application's
    state, so that every worker has it. After a response a connection may stay idle for longer (uvicorn's
    `timeout_keep_alive`): clients that use it again while it is being closed lose their request. httptools is the
    parser because it refuses a request with both Content-Length and Transfer-Encoding.
    """

    waiting: ClassVar[dict[str, dict["DeadlineProtocol", None]]] = {}
    """By address, connections of this process without the head of a request, the one that waits longest first."""
    by_address: ClassVar[Counter[str]] = Counter()
    """How many connections each address has open."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._deadline: asyncio.TimerHandle | None = None
        self._arrived = 0
        self._apart = 0
        """Bytes that came since the last of a body, or since the request began."""
        self._is_arriving = False
        """Whether a request has begun and is not complete."""
        self._ignores_input = False
        """Whether what comes after is not a request: it is of another protocol, or follows what is not HTTP."""
        self._sending: asyncio.TimerHandle | None = None
        self._unsent = 0
        """Bytes that were not taken yet when the clock for sending began."""
        self._address = ""

    def connection_made(self, transport: Any) -> None:
        """The clock runs from the opening of the connection."""
        super().connection_made(transport)
        if peer := transport.get_extra_info("socket"):
            with suppress(OSError, AttributeError):  # some systems have no such option
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MOST_UNSENT)
        self._address = network_of(self.client[0] if self.client else "")
        self.by_address[self._address] += 1
        self._start_clock()
        self._wait()
        self._make_room()

    def _wait(self) -> None:
        self.waiting.setdefault(self._address, {})[self] = None

    def _wait_no_more(self) -> None:
        if own := self.waiting.get(self._address):
            own.pop(self, None)
            if not own:
                del self.waiting[self._address]

    def _make_room(self) -> None:
        """Closes a connection where this one is one too many: who asks goes before who may ask.

        It is the one that waits longest, of the address that has the most of all that have one waiting.
        """
        if self.limit_concurrency is None or len(self.connections) < self.limit_concurrency:
            return
        most = max(self.waiting, key=self.by_address.__getitem__)
        longest = next(iter(self.waiting[most]))
        if longest is not self:
            longest._wait_no_more()
            self.connections.discard(longest)
            longest._end()

    def _end(self) -> None:
        """Closes an idle connection, at once where what it was sent is not taken."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def timeout_keep_alive_handler(self) -> None:
        """A connection was idle for its time."""
        if not self.transport.is_closing():
            self._end()

    def pause_writing(self) -> None:
        """More of a response is there than the client takes; from now on it must take some in time."""
        super().pause_writing()
        if self._sending is None:
            self._expect_taking()

    def resume_writing(self) -> None:
        """The client has taken most of it."""
        super().resume_writing()
        self._stop_sending_clock()

    def _expect_taking(self) -> None:
        self._unsent = self.transport.get_write_buffer_size()
        self._sending = self.loop.call_later(self.app_state["send_seconds"], self._check_taking)

    def _check_taking(self) -> None:
        """Aborts a connection whose client takes next to nothing: what is sent to it holds a slot, and memory."""
        self._sending = None
        left = self.transport.get_write_buffer_size()
        if left and self._unsent - left < LEAST_TAKEN:
            self.transport.abort()
        elif left:
            self._expect_taking()

    def _stop_sending_clock(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def data_received(self, data: bytes) -> None:
        """A further request on the same connection has its own clock."""
        if self._ignores_input:
            return
        if self._deadline is None and (self.cycle is None or self.cycle.response_complete):
            self._start_clock()
        self._apart += len(data)
        super().data_received(data)
        if self._apart > MOST_HEAD:
            self.transport.abort()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._is_arriving = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Somebody asks."""
        self._wait_no_more()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A file that is imported may take longer, as long as it keeps coming."""
        self._arrived, self._apart = self._arrived + len(body), 0
        if self._arrived >= STEADY_BYTES and self.scope["path"].endswith("/v1/import"):
            self._arrived = 0
            self._stop_clock()
            self._start_clock()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there."""
        self._apart = 0
        self._is_arriving = False
        self._stop_clock()
        super().on_message_complete()
        if self.cycle.response_complete:
            self._wait()

    def on_response_complete(self) -> None:
        """What has come of the next request meanwhile has its clock from now on."""
        super().on_response_complete()
        if self.transport.is_closing():
            if self._sending is None and self.transport.get_write_buffer_size():
                self._expect_taking()
            return
        if not self._is_arriving and self.cycle.response_complete:
            self._wait()
        elif self._is_arriving and self._deadline is None:
            self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to wait for."""
        self._stop_clock()
        self._stop_sending_clock()
        self._wait_no_more()
        self.by_address[self._address] -= 1
        if not self.by_address[self._address]:
            del self.by_address[self._address]
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Streams end by themselves when they are told."""
        self.app_state["stopping"].set()
        super().shutdown()

    def _unsupported_upgrade_warning(self) -> None:
        """A request that offers another protocol is answered, and no other after it: the parser takes the rest for that
        protocol's."""
        self._answer_no_more()

    def _answer_no_more(self) -> None:
        self._ignores_input = True
        self.cycle.keep_alive = False

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP gets a problem document too, unless it would stand inside of another response."""
        if self.cycle is not None and not self.cycle.response_complete:
            is_whole = not self.cycle.more_body
            if is_whole or self.pipeline or self.cycle.response_started:
                self._answer_no_more()
                return
        body = problem("", 400, "malformed", "The request is malformed", MALFORMED).body
        head = (
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n" % len(body)
        )
        self.transport.write(head + bytes(body))
        self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if app is service_unavailable or self._has_more_than_its_share():
            app = _too_many_connections
        if cycle.scope["http_version"] != "1.1":
            app = _Unchunked(app, cycle)
        super()._start_asgi_task(cycle, app)

    def _has_more_than_its_share(self) -> bool:
        if self.limit_concurrency is None:
            return False
        busy = self.by_address[self._address] - len(self.waiting.get(self._address, ()))
        return busy > self.limit_concurrency * SHARE_OF_CONNECTIONS

    def _start_clock(self) -> None:
        self._deadline = self.loop.call_later(self.app_state["request_seconds"], self._too_slow)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if self.transport is not None and not self.transport.is_closing():
            self.transport.abort()


class _Unchunked:
    """For clients of HTTP/1.0, which know no chunks: a response of unknown length ends where the connection does."""

    def __init__(self, app: ASGIApp, cycle: RequestResponseCycle) -> None:
        self.app, self.cycle = app, cycle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        cycle, unknown = self.cycle, False

        async def unchunked(message: Message) -> None:
            nonlocal unknown
            if message["type"] == "http.response.start":
                unknown = all(name != b"content-length" for name, _ in message["headers"])
                cycle.chunked_encoding = False if unknown else None
            elif unknown:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await self.app(scope, receive, unchunked)


async def _too_many_connections(scope: Scope, receive: Receive, send: Send) -> None:
    slug, title, detail = "too-many-connections", "Too many connections", "all connections are in use; try again"
    headers = {"Retry-After": "1", "Connection": "close"}
    await problem(scope["path"], 503, slug, title, detail, headers=headers)(scope, receive, send)


def _most_connections() -> int:
    """As many as this process may have files open for, which is raised as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = MOST_CONNECTIONS + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        needed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return max(min(MOST_CONNECTIONS, needed - SPARE_FILES), 1)


def run(settings: Settings, *, host: str, port: int, workers: int, reload: bool) -> None:
    """Serves until it is told to stop."""
    uvicorn.run(
        "app.api.application:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        reload=reload,
        loop="uvloop",
        http=DeadlineProtocol,
        ws="none",
        log_level=settings.log_level,
        access_log=settings.access_log,
        server_header=False,
        limit_concurrency=_most_connections(),
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
