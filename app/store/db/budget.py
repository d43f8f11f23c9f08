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
    """The time that is left to a request, and who asks.

    `client` is the address of the client, `None` where nobody asks from outside. `receive` tells when it has left; what
    is done for it ends then.
    """

    __slots__ = ("_receive", "client", "is_patient", "running", "seconds", "until")

    def __init__(self, seconds: float, client: str | None = None, receive: Receive | None = None) -> None:
        self.seconds = seconds
        self.until = time.monotonic() + seconds
        self.client = client
        self.running: connections.Use | None = None
        """The use of the connection on which a statement of the request runs in a thread."""
        self._receive = receive
        self.is_patient = False

    @classmethod
    def patient(cls, client: str | None) -> "Budget":
        """For a response that may have begun already: it lasts as long as its client reads, and waits for a thread as
        long as it takes."""
        budget = cls(inf, client)
        budget.is_patient = True
        return budget

    @property
    def left(self) -> float:
        """Seconds that are left; 0 at the end."""
        return max(self.until - time.monotonic(), 0.0)

    def half(self) -> "Budget":
        """Half of what is left, for what the answer can do without."""
        return Budget(self.left / 2, self.client, self._receive)

    def expect(self) -> None:
        """Raises `ReadTooLong` where no time is left."""
        if time.monotonic() > self.until:
            raise ReadTooLong(self.seconds)

    def each(self, items: Iterable[T]) -> Iterator[T]:
        """The same items, as long as time is left. Raises `ReadTooLong`."""
        for item in items:
            self.expect()
            yield item

    def end(self) -> None:
        """Nobody waits for the answer any more: no time is left."""
        self.until = 0.0
        if running := self.running:
            running.is_over = True

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Ends what is done inside when the client leaves."""
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
