"""Slots for expensive work: a fixed number in a process, and of these a share for each client address."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from app.errors import AppError, ShareTaken

SHARE_DIVISOR = 4
"""One address may hold a quarter of the slots of a kind, and always one."""


class Slots:
    """The slots of one kind in this process, taken at once (`one`, `take`) or waited for (`turn`).

    Clients that wait take turns, however much each of them waits for. The client `None` is the service itself, which
    has no share.
    """

    def __init__(self, size: int, what: str, none_left: Callable[[int], AppError], share: int | None = None) -> None:
        self.size = size
        self.what = what
        """What the slots are for, in the plural."""
        self.none_left = none_left
        """Makes the error for a process whose slots are all taken, from their number."""
        self.taken = 0
        self.by_address = Counter[str | None]()
        self._share = share
        self._waiting: dict[str | None, deque[asyncio.Future[None]]] = {}
        """The waiting requests of each client; the client whose turn is next comes first."""

    @property
    def share(self) -> int:
        """How many slots one address may hold."""
        return self._share or max(self.size // SHARE_DIVISOR, 1)

    @contextmanager
    def one(self, address: str) -> Iterator[None]:
        """Holds a slot. Raises like `take`."""
        self.take(address)
        try:
            yield
        finally:
            self.give_back(address)

    @asynccontextmanager
    async def turn(self, client: str | None, seconds: float | None) -> AsyncIterator[None]:
        """Holds a slot, and waits for one for so many seconds, or without limit. Raises `none_left` afterwards."""
        await self._wait(client, seconds)
        try:
            yield
        finally:
            self.give_back(client)

    def take(self, address: str) -> None:
        """Takes a slot, to be given back. Raises `none_left`, or `ShareTaken` if the address holds its share."""
        if self.taken >= self.size:
            raise self.none_left(self.size)
        if not self._is_free(address):
            raise ShareTaken(self.share, self.what)
        self._grant(address)

    def give_back(self, client: str | None) -> None:
        """Gives back a slot, to a client that waits if there is one."""
        self.taken -= 1
        self.by_address[client] -= 1
        if not self.by_address[client]:
            del self.by_address[client]
        for waiting in list(self._waiting):
            if self._is_free(waiting):
                self._call(waiting)

    def _is_free(self, client: str | None) -> bool:
        has_share = client is None or self.by_address[client] < self.share
        return has_share and self.taken < self.size

    def _grant(self, client: str | None) -> None:
        self.taken += 1
        self.by_address[client] += 1

    async def _wait(self, client: str | None, seconds: float | None) -> None:
        if self._is_free(client):
            self._grant(client)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(turn)
        try:
            async with asyncio.timeout(seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self.give_back(client)
            else:
                self._leave(client, turn)
            if isinstance(error, TimeoutError):
                raise self.none_left(self.size) from None
            raise

    def _leave(self, client: str | None, turn: "asyncio.Future[None]") -> None:
        queue = self._waiting.get(client)
        if queue and turn in queue:
            queue.remove(turn)
        if not queue:
            self._waiting.pop(client, None)

    def _call(self, client: str | None) -> None:
        """Calls the next request of a client, which then stands behind the other clients."""
        queue = self._waiting.pop(client)
        while queue:
            turn = queue.popleft()
            if not turn.done():
                self._grant(client)
                turn.set_result(None)
                break
        if queue:
            self._waiting[client] = queue
