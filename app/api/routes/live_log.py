"""What the streams of a process share: one poll for new entries, and the parts of the log that were read."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from app.domain.dates import Instant
from app.errors import AppError
from app.query.query import Query
from app.store.db.reader import Reader
from app.store.read import log as read_log
from app.store.read.session import ReadSession, open_session

POLL_SECONDS = 0.25
"""Between two polls for new entries."""
MAX_ENTRIES, MAX_BYTES = 50, 64 * 1024
"""Of a part of the log that a stream is sent at once."""
MAX_PARTS = 32
"""Parts of the log that are kept as they were sent: streams that wait for new entries are all sent the same."""

Part = tuple[int, bytes]
"""The last entry of a part of the log, and the part as events."""


class LiveLog:
    """The log as the streams of a process follow it.

    One stream at a time reads, and all other requests run before the next one does: the event loop is never blocked for
    longer than one part takes. Parts with confidential members are kept apart, for keys that may read them.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._turn = asyncio.Lock()
        self._parts: dict[tuple[bool, int, Instant], Part] = {}
        self._waiting: dict[asyncio.Future[None], Instant] = {}
        """Waiting streams, with the newest recording that each has seen."""
        self._polling: asyncio.Task[None] | None = None
        self._newest: Instant = 0

    async def after(
        self, session: ReadSession, last: int, as_event: Callable[[read_log.LoggedChange], str]
    ) -> Part | None:
        """The next part of the log after an entry, or `None` if there is none."""
        key = (session.confidential, last, session.recorded)
        async with self._turn:
            if key not in self._parts:
                entries = await read_log.changes(session, last, MAX_ENTRIES, MAX_BYTES)
                if not entries:
                    return None
                while len(self._parts) >= MAX_PARTS:
                    del self._parts[next(iter(self._parts))]
                self._parts[key] = entries[-1].seq, "".join(map(as_event, entries)).encode()
                await asyncio.sleep(0)
            return self._parts[key]

    async def news(self, seen: Instant, stopping: asyncio.Event, seconds: float) -> None:
        """Returns when something newer than `seen` is recorded, when the service stops, or after so many seconds."""
        self._wake(seen)  # what one stream has read may be new to others
        if self._newest > seen or stopping.is_set():
            return
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll(stopping))
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[waiting] = seen
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await waiting
        finally:
            self._waiting.pop(waiting, None)

    async def _poll(self, stopping: asyncio.Event) -> None:
        """Wakes waiting streams, for as long as there are any."""
        while self._waiting:
            newest = self._newest
            with suppress(AppError):  # each stream notices errors by itself
                newest = (await open_session(self._reader, Query())).recorded
            self._wake(newest, wake_all=stopping.is_set())
            if stopping.is_set():
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await stopping.wait()

    def _wake(self, newest: Instant, *, wake_all: bool = False) -> None:
        self._newest = max(self._newest, newest)
        for waiting, seen in self._waiting.items():
            if (wake_all or seen < self._newest) and not waiting.done():
                waiting.set_result(None)
