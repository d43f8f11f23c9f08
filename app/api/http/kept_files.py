"""Files that responses are made in. They are kept for a while, so that range after range comes from the same file.

A file is open and has no name: whatever becomes of the process, its room is free again.
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
"""How long a file is kept after it was last asked for."""
MAX_FILES = 16
"""Files of one process that are kept or sent at a time."""
SHARE = MAX_FILES // 4
"""Of these, files that one client address had made."""
MAX_BYTES = 512 * 1024 * 1024
"""Bytes of the files that are kept; the newest is kept whatever its size."""


Make = Callable[[], Coroutine[Any, Any, OpenFile]]
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
    """The files of one process by the entity tags of the responses that they are."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}  # the one that was asked for last comes last
        self._making: dict[str, _Making] = {}
        self._open: WeakSet[OpenFile] = WeakSet()

    async def get(self, etag: str, make: Make, address: str = "") -> OpenFile:
        """The file of this tag. It is made where there is none, once for all who ask for it meanwhile.

        Raises what `make` raises, `TooManyExports` where `MAX_FILES` are being sent, and `ShareTaken` where `SHARE` of
        them were made for this client address.
        """
        kept = self._kept.get(etag)
        file = kept.file if kept else await self._made(etag, make, address)
        self._keep(etag, file)
        return file

    async def _made(self, etag: str, make: Make, address: str) -> OpenFile:
        making = self._making.get(etag)
        if making is None:
            self._expect_room(address)
            making = self._making[etag] = _Making(asyncio.create_task(_made_for(address, make)))
            making.task.add_done_callback(lambda _: self._making.pop(etag))
        making.waiting += 1
        try:
            return await asyncio.shield(making.task)
        except ExportUnwritable:
            self.close()  # the room of these is needed for the next try
            raise
        except asyncio.CancelledError:
            if making.waiting == 1:
                await _ended(making.task)
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
        """Keeps no file any longer."""
        for etag in list(self._kept):
            self._forget(etag)


async def _made_for(address: str, make: Make) -> OpenFile:
    file = await make()
    file.made_for = address
    return file


async def _ended(task: asyncio.Task[OpenFile]) -> None:
    """Cancels a task and waits until it has cleared up, however often the caller is cancelled meanwhile."""
    while not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # which is of no interest to anybody now
