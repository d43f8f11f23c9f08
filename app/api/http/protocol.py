"""uvicorn's HTTP protocol with what it lacks: deadlines for slow requests and unread responses, and fair shares."""

import asyncio
import socket
from contextlib import suppress
from typing import Any, ClassVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.api.http.connection_shares import ConnectionShares
from app.api.http.problems import problem
from app.api.http.slots import network_of

MALFORMED = "The request is not HTTP/1.1. Percent-encode non-ASCII characters in addresses, as in M%C3%A9naka."
STEADY_BYTES = 256 * 1024
"""Of an uploaded file; when so many bytes have arrived, the deadline for the rest starts again."""
MAX_HEAD_BYTES = 1024 * 1024
"""Of a request's head or trailers. The application rejects shorter ones that are still too long, with a reason."""
MAX_UNSENT_BYTES = 128 * 1024
"""Of a response that the system buffers for a client that does not read. By default it buffers up to 4 MB, so whole
responses would be accepted before anybody notices."""
MIN_TAKEN_BYTES = 16 * 1024
"""Of a response; a client takes at least so many within `send_seconds`, unless fewer are left."""


class DeadlineProtocol(HttpToolsProtocol):
    """Closes a connection whose request is not complete in time, or whose client does not take the response.

    The time runs from the opening of the connection, or from the first byte of a request. It comes with the
    application's state, so that every worker has it. Headers or trailers that do not end close the connection too: the
    parser keeps all of them. After a response a connection may stay idle for longer (uvicorn's `timeout_keep_alive`):
    clients that use it again while it is being closed lose their request. httptools is the parser because it rejects a
    request with both Content-Length and Transfer-Encoding.
    """

    shares: ClassVar[ConnectionShares["DeadlineProtocol"]] = ConnectionShares()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._deadline: asyncio.TimerHandle | None = None
        self._arrived = 0
        self._head_bytes = 0
        """Bytes since the last ones of a body, or since the start of the request."""
        self._is_arriving = False
        """Whether a request has started and is not complete."""
        self._ignores_input = False
        """Whether further input is no request: it is of another protocol, or follows something that is not HTTP."""
        self._sending: asyncio.TimerHandle | None = None
        self._unsent = 0
        """Bytes that were not taken yet when the deadline for sending started."""
        self._address = ""

    def connection_made(self, transport: Any) -> None:
        """Starts the deadline, and closes another connection if this is one too many."""
        super().connection_made(transport)
        if peer := transport.get_extra_info("socket"):
            with suppress(OSError, AttributeError):  # some systems have no such option
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_UNSENT_BYTES)
        self._address = network_of(self.client[0] if self.client else "")
        self.shares.open(self._address)
        self._start_deadline()
        self.shares.wait(self._address, self)
        self._make_room()

    def _make_room(self) -> None:
        """Closes an idle connection if this one is one too many: requests go before idle connections."""
        if self.limit_concurrency is None or len(self.connections) < self.limit_concurrency:
            return
        longest = self.shares.longest_waiting()
        if longest is not self:
            self.shares.stop_waiting(longest._address, longest)
            self.connections.discard(longest)
            longest._end()

    def _end(self) -> None:
        """Closes an idle connection, at once if its client does not take what was sent."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def timeout_keep_alive_handler(self) -> None:
        """Closes a connection that was idle for too long."""
        if not self.transport.is_closing():
            self._end()

    def pause_writing(self) -> None:
        """The client takes less than is sent; from now on it has a deadline."""
        super().pause_writing()
        if self._sending is None:
            self._start_send_deadline()

    def resume_writing(self) -> None:
        """The client has taken most of it."""
        super().resume_writing()
        self._stop_send_deadline()

    def _start_send_deadline(self) -> None:
        self._unsent = self.transport.get_write_buffer_size()
        self._sending = self.loop.call_later(self.app_state["send_seconds"], self._check_taking)

    def _check_taking(self) -> None:
        """Aborts a connection whose client takes almost nothing: its response holds a slot, and memory."""
        self._sending = None
        left = self.transport.get_write_buffer_size()
        if left and self._unsent - left < MIN_TAKEN_BYTES:
            self.transport.abort()
        elif left:
            self._start_send_deadline()

    def _stop_send_deadline(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def data_received(self, data: bytes) -> None:
        """Starts the deadline of another request on the same connection."""
        if self._ignores_input:
            return
        if self._deadline is None and (self.cycle is None or self.cycle.response_complete):
            self._start_deadline()
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self.transport.abort()

    def on_message_begin(self) -> None:
        """A request starts."""
        self._is_arriving = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head of a request is complete."""
        self.shares.stop_waiting(self._address, self)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """An uploaded file may take longer, as long as it keeps arriving."""
        self._arrived, self._head_bytes = self._arrived + len(body), 0
        if self._arrived >= STEADY_BYTES and self.scope["path"].endswith("/v1/import"):
            self._arrived = 0
            self._stop_deadline()
            self._start_deadline()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete."""
        self._head_bytes = 0
        self._is_arriving = False
        self._stop_deadline()
        super().on_message_complete()
        if self.cycle.response_complete:
            self.shares.wait(self._address, self)

    def on_response_complete(self) -> None:
        """Starts the deadline of the next request, if a part of it has arrived."""
        super().on_response_complete()
        if self.transport.is_closing():
            if self._sending is None and self.transport.get_write_buffer_size():
                self._start_send_deadline()
            return
        if not self._is_arriving and self.cycle.response_complete:
            self.shares.wait(self._address, self)
        elif self._is_arriving and self._deadline is None:
            self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the deadlines."""
        self._stop_deadline()
        self._stop_send_deadline()
        self.shares.close(self._address, self)
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Tells streams to end."""
        self.app_state["stopping"].set()
        super().shutdown()

    def _unsupported_upgrade_warning(self) -> None:
        """Responds to a request that offers another protocol, and ignores what follows: the parser takes it as that
        protocol's."""
        self._ignore_further_input()

    def _ignore_further_input(self) -> None:
        self._ignores_input = True
        self.cycle.keep_alive = False

    def send_400_response(self, msg: str) -> None:
        """Input that is not HTTP gets a problem document too, unless it would stand inside of another response."""
        if self.cycle is not None and not self.cycle.response_complete:
            is_complete = not self.cycle.more_body
            if is_complete or self.pipeline or self.cycle.response_started:
                self._ignore_further_input()
                return
        body = problem("", 400, "malformed", "The request is malformed", MALFORMED).body
        head = (
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n" % len(body)
        )
        self.transport.write(head + bytes(body))
        self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if app is service_unavailable or self._exceeds_share():
            app = _too_many_connections
        if cycle.scope["http_version"] != "1.1":
            app = _Unchunked(app, cycle)
        super()._start_asgi_task(cycle, app)

    def _exceeds_share(self) -> bool:
        limit = self.limit_concurrency
        return limit is not None and self.shares.exceeds_share(self._address, limit)

    def _start_deadline(self) -> None:
        self._deadline = self.loop.call_later(self.app_state["request_seconds"], self._too_slow)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if self.transport is not None and not self.transport.is_closing():
            self.transport.abort()


class _Unchunked:
    """For HTTP/1.0 clients, which know no chunks: a response of unknown length ends with the connection."""

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
    slug, title, detail = "too-many-connections", "Too many connections", "All connections are in use. Try again."
    headers = {"Retry-After": "1", "Connection": "close"}
    await problem(scope["path"], 503, slug, title, detail, headers=headers)(scope, receive, send)
