"""The time that one request may use, for its statements and its Python work together."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, MutableMapping
from contextlib import asynccontextmanager, suppress
from math import inf
from typing import Any, TypeVar

from app.errors import ReadTooLong
from app.store.db import connections

T = TypeVar("T")
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Budget:
    """The time that a request has left, and its client.

    `client` is the client's address, `None` for the service itself. `receive` reports when the client has disconnected;
    work for it then ends.
    """

    __slots__ = ("_receive", "client", "is_patient", "running", "seconds", "until")

    def __init__(self, seconds: float, client: str | None = None, receive: Receive | None = None) -> None:
        self.seconds = seconds
        self.until = time.monotonic() + seconds
        self.client = client
        self.running: connections.Use | None = None
        """The connection that a thread uses for the request at the moment."""
        self._receive = receive
        self.is_patient = False

    @classmethod
    def patient(cls, client: str | None) -> "Budget":
        """The budget of a response that may have begun: it lasts as long as its client reads, and waits for threads."""
        budget = cls(inf, client)
        budget.is_patient = True
        return budget

    @property
    def left(self) -> float:
        """Seconds that are left; 0 at the end."""
        return max(self.until - time.monotonic(), 0.0)

    def half(self) -> "Budget":
        """Half of the time left, for optional parts of a response."""
        return Budget(self.left / 2, self.client, self._receive)

    def expect(self) -> None:
        """Raises `ReadTooLong` if no time is left."""
        if time.monotonic() > self.until:
            raise ReadTooLong(self.seconds)

    def each(self, items: Iterable[T]) -> Iterator[T]:
        """The same items, while time is left. Raises `ReadTooLong`."""
        for item in items:
            self.expect()
            yield item

    def end(self) -> None:
        """Leaves no time, since nobody waits for the response any more."""
        self.until = 0.0
        if running := self.running:
            running.is_over = True

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Ends the work inside when the client disconnects."""
        if self._receive is None:
            yield
            return
        watching = asyncio.create_task(self._watch(self._receive))
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.end()
