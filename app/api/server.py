"""uvicorn with what it lacks: a deadline for requests that are sent slowly or not at all."""

import asyncio
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.api.problems import problem
from app.settings import Settings

MOST_CONNECTIONS = 2000
MALFORMED = "not a request of HTTP/1.1; letters outside ASCII in an address are percent-encoded, as in M%C3%A9naka"
STEADY_BYTES = 256 * 1024
"""Of a file that is imported; when so much has come, the clock for the rest begins anew."""
MOST_HEAD = 1024 * 1024
"""Bytes of a request's head or trailers that are read at all; below it the application refuses with a reason."""
GRACE_SECONDS = 4
"""How long answers in flight may take after SIGTERM."""


class DeadlineProtocol(HttpToolsProtocol):
    """Closes a connection whose request is not complete in time, from its opening or its first byte on.

    So is one whose headers or trailers do not end: the parser keeps them all. The time comes with the application's
    state, so that every worker has it. httptools is the parser because it refuses a request with both Content-Length
    and Transfer-Encoding.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._deadline: asyncio.TimerHandle | None = None
        self._arrived = 0
        self._apart = 0
        """Bytes that came since the last of a body, or since the request began."""
        self._ignores_input = False
        """Whether what comes after is not a request: it is of another protocol, or follows what is not HTTP."""

    def connection_made(self, transport: Any) -> None:
        """The clock runs from the opening of the connection."""
        super().connection_made(transport)
        self._start_clock()

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
        self._stop_clock()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to wait for."""
        self._stop_clock()
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
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
