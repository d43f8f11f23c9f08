"""What the streams of a process share: one look for news, and what was read of the log for one of them."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from app.domain.dates import Instant
from app.errors import AppError
from app.query.query import Query
from app.store.db.reader import Reader
from app.store.read import log as read_log
from app.store.read import session as read_incidents
from app.store.read.session import ReadSession

LOOK_SECONDS = 0.25
"""Between two looks for news."""
AT_ONCE = 50
"""Entries that a stream is sent at once, or fewer where they are large."""
MOST_BYTES = 64 * 1024
KEPT = 32
"""Parts of the log that are kept as they were sent. Streams that wait for news are all sent the same."""

Part = tuple[int, bytes]
"""The last entry of a part of the log, and the part as events."""


class LiveFeed:
    """The log as the streams of a process follow it.

    One stream at a time reads, and all other requests have their turn before the next one does: the event loop is never
    held for longer than one part takes. A part that discloses what is confidential is kept apart, for those alone whose
    key may read such.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._turn = asyncio.Lock()
        self._parts: dict[tuple[bool, int, Instant], Part] = {}
        self._waiting: dict[asyncio.Future[None], Instant] = {}
        """Those who wait, with the newest recording that each has seen."""
        self._looking: asyncio.Task[None] | None = None
        self._newest: Instant = 0

    async def after(
        self, session: ReadSession, last: int, as_event: Callable[[read_log.LoggedChange], str]
    ) -> Part | None:
        """The next part of the log after an entry, or `None` where there is none."""
        key = (session.confidential, last, session.recorded)
        async with self._turn:
            if key not in self._parts:
                found = await read_log.changes(session, last, AT_ONCE, MOST_BYTES)
                if not found:
                    return None
                while len(self._parts) >= KEPT:
                    del self._parts[next(iter(self._parts))]
                self._parts[key] = found[-1].seq, "".join(map(as_event, found)).encode()
                await asyncio.sleep(0)
            return self._parts[key]

    async def news(self, seen: Instant, stopping: asyncio.Event, seconds: float) -> None:
        """Returns when something is recorded after what was seen, when the service stops, or after so many seconds."""
        self._wake(seen)  # what one stream has read is news for the others
        if self._newest > seen or stopping.is_set():
            return
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(stopping))
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[waiting] = seen
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await waiting
        finally:
            self._waiting.pop(waiting, None)

    async def _look(self, stopping: asyncio.Event) -> None:
        """Wakes those who wait, for as long as there are any."""
        while self._waiting:
            newest = self._newest
            with suppress(AppError):  # what cannot be read now is read later, and each stream notices for itself
                newest = (await read_incidents.open_session(self._reader, Query())).recorded
            self._wake(newest, everybody=stopping.is_set())
            if stopping.is_set():
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await stopping.wait()

    def _wake(self, newest: Instant, *, everybody: bool = False) -> None:
        self._newest = max(self._newest, newest)
        for waiting, seen in self._waiting.items():
            if (everybody or seen < self._newest) and not waiting.done():
                waiting.set_result(None)
