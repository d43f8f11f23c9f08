"""What one request may use: a time for its statements and its Python work together, and its client's turns."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, MutableMapping
from contextlib import asynccontextmanager, suppress
from math import inf
from typing import Any, TypeVar

from app.errors import ReadTooLong, TooManyReads
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


class Turns:
    """So many may work at once, and so many of one client. Clients that wait take turns, whatever each asks for."""

    def __init__(self, most: int, share: int) -> None:
        self.most, self.share = most, share
        self._taken: dict[str | None, int] = {}
        self._waiting: dict[str | None, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def one(self, client: str | None, wait: float | None) -> AsyncIterator[None]:
        """Holds a turn. Raises `TooManyReads` where none is free within `wait` seconds, unless that is `None`."""
        await self._take(client, wait)
        try:
            yield
        finally:
            self._give_back(client)

    async def _take(self, client: str | None, wait: float | None) -> None:
        if self._is_free(client):
            self._grant(client)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(turn)
        try:
            async with asyncio.timeout(wait):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._give_back(client)
            else:
                self._leave(client, turn)
            if isinstance(error, TimeoutError):
                raise TooManyReads(self.share) from None
            raise

    def _is_free(self, client: str | None) -> bool:
        has_share = client is None or self._taken.get(client, 0) < self.share  # the service itself has no share
        return has_share and sum(self._taken.values()) < self.most

    def _grant(self, client: str | None) -> None:
        self._taken[client] = self._taken.get(client, 0) + 1

    def _leave(self, client: str | None, turn: "asyncio.Future[None]") -> None:
        queue = self._waiting.get(client)
        if queue and turn in queue:
            queue.remove(turn)
        if not queue:
            self._waiting.pop(client, None)

    def _give_back(self, client: str | None) -> None:
        self._taken[client] -= 1
        if not self._taken[client]:
            del self._taken[client]
        for waiting in list(self._waiting):
            if self._is_free(waiting):
                self._call(waiting)

    def _call(self, client: str | None) -> None:
        """The next one of a client, which then stands behind the other clients."""
        queue = self._waiting.pop(client)
        while queue:
            turn = queue.popleft()
            if not turn.done():
                self._grant(client)
                turn.set_result(None)
                break
        if queue:
            self._waiting[client] = queue
