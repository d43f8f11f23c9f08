"""An open file that is already unlinked."""

import os
from collections.abc import AsyncGenerator
from pathlib import Path
from weakref import finalize

from anyio import to_thread

CHUNK = 1 << 18


class OpenFile:
    """A complete file. It is closed when the last reference to it is gone."""

    def __init__(self, path: Path) -> None:
        self.made_for = ""
        """The client address that first requested it."""
        self._descriptor = os.open(path, os.O_RDONLY)
        finalize(self, os.close, self._descriptor)
        self.size = os.fstat(self._descriptor).st_size

    async def chunks(self, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes]:
        """The bytes from `start` up to `stop`, or to the end. Several readers may read at once."""
        end = self.size if stop is None else stop
        while start < end:
            chunk = await to_thread.run_sync(os.pread, self._descriptor, min(CHUNK, end - start), start)
            start += len(chunk)
            yield chunk
