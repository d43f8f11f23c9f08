"""Files that responses are made in. They are kept for a while, so that several ranges come from the same file.

A file is open and has no name, so its space is freed whenever the process ends.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

from app.errors import ExportUnwritable, ShareTaken, TooManyExports
from app.formats.open_file import OpenFile

KEPT_SECONDS = 300
"""How long a file is kept after its last request."""
MAX_FILES = 16
"""Files of one process that are kept or being sent. They are no `Slots`: kept files make room for new ones."""
SHARE = MAX_FILES // 4
"""Of these, files that were made for one client address."""
MAX_BYTES = 512 * 1024 * 1024
"""Bytes of the files that are kept; the newest is kept whatever its size."""


MakeFile = Callable[[], Coroutine[Any, Any, OpenFile]]
"""Makes a file."""


@dataclass(slots=True)
class _Kept:
    file: OpenFile
    expiry: asyncio.TimerHandle


@dataclass(slots=True)
class _Making:
    task: asyncio.Task[OpenFile]
    waiting: int = 0


class KeptFiles:
    """The files of one process, by the entity tags of their responses."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}  # least recently requested first
        self._making: dict[str, _Making] = {}
        self._open: WeakSet[OpenFile] = WeakSet()

    async def get(self, etag: str, make: MakeFile, address: str = "") -> OpenFile:
        """The file of this tag. If there is none it is made, once for all requests that wait for it.

        Raises what `make` raises, `TooManyExports` if `MAX_FILES` are being sent, and `ShareTaken` if `SHARE` of them
        were made for this client address.
        """
        kept = self._kept.get(etag)
        file = kept.file if kept else await self._made(etag, make, address)
        self._keep(etag, file)
        return file

    async def _made(self, etag: str, make: MakeFile, address: str) -> OpenFile:
        making = self._making.get(etag)
        if making is None:
            self._expect_room(address)
            making = self._making[etag] = _Making(asyncio.create_task(_made_for(address, make)))
            making.task.add_done_callback(lambda _: self._making.pop(etag))
        making.waiting += 1
        try:
            return await asyncio.shield(making.task)
        except ExportUnwritable:
            self.close()  # the next attempt needs their space
            raise
        except asyncio.CancelledError:
            if making.waiting == 1:
                await _cancel(making.task)
            raise
        finally:
            making.waiting -= 1

    def _expect_room(self, address: str) -> None:
        while sum(file.made_for == address for file in self._open) >= SHARE:
            own = next((etag for etag, kept in self._kept.items() if kept.file.made_for == address), None)
            if own is None:
                raise ShareTaken(SHARE, "files of Parquet")
            self._forget(own)
        while len(self._open) + len(self._making) >= MAX_FILES:
            if not self._kept:
                raise TooManyExports(MAX_FILES)
            self._forget(next(iter(self._kept)))

    def _keep(self, etag: str, file: OpenFile) -> None:
        self._forget(etag)
        self._open.add(file)
        expiry = asyncio.get_running_loop().call_later(KEPT_SECONDS, self._forget, etag)
        self._kept[etag] = _Kept(file, expiry)
        while len(self._kept) > 1 and sum(kept.file.size for kept in self._kept.values()) > MAX_BYTES:
            self._forget(next(iter(self._kept)))

    def _forget(self, etag: str) -> None:
        if kept := self._kept.pop(etag, None):
            kept.expiry.cancel()

    def close(self) -> None:
        """Forgets all files."""
        for etag in list(self._kept):
            self._forget(etag)


async def _made_for(address: str, make: MakeFile) -> OpenFile:
    file = await make()
    file.made_for = address
    return file


async def _cancel(task: asyncio.Task[OpenFile]) -> None:
    """Cancels a task and waits until it has cleaned up, however often the caller is cancelled meanwhile."""
    while not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # retrieved, so that asyncio does not log it
