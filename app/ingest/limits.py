"""How much of a file is read. A file beyond a limit is rejected whole, before any of it is recorded."""

import io
from collections.abc import Callable
from typing import Any

MAX_COLUMNS = 1000
MAX_BLANK_ROWS = 2 * 1024 * 1024
"""Rows with nothing in them: twice the rows of a sheet that was saved with all of them."""
MAX_RECORD = 4 * 1024 * 1024
"""Characters of one row, with the line breaks in its cells."""
MAX_TORN = 100
"""Lines that are put together to one row."""
MAX_UNPACKED = 32 * 1024**3
"""Bytes that come out of a packed file."""
MAX_RATIO = 100
"""Times its own size that a file may unpack to. Tables pack to a tenth or twentieth; deflate cannot exceed 1,032."""
UNPACKED_IN_ANY_CASE = 16 * 1024 * 1024
"""Bytes that may come out of a packed file whatever their ratio."""


class BeyondLimit(Exception):
    """A file has more of something than is read. The message is the end of a sentence that begins with the file."""


class Budget:
    """What may still come out of one packed file, however it is packed. `look` may raise, to stop the work."""

    def __init__(self, packed_size: int, look: Callable[[], None]) -> None:
        self.look = look
        self._left = min(MAX_UNPACKED, max(UNPACKED_IN_ANY_CASE, MAX_RATIO * packed_size))
        self._granted = self._left

    def spend(self, count: int) -> None:
        """Takes note of bytes that came out. Raises `BeyondLimit` where they are too many."""
        self.look()
        self._left -= count
        if self._left < 0:
            raise BeyondLimit(f"unpacks to more than {self._granted} bytes, the limit for a file of its size")


class Unpacked(io.RawIOBase):
    """The content of a packed file, read within a budget."""

    def __init__(self, content: Any, budget: Budget) -> None:
        self._content, self._budget = content, budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._content.read(len(buffer))
        self._budget.spend(len(part))
        buffer[: len(part)] = part
        return len(part)


def check_column_count(count: int) -> None:
    """Raises `BeyondLimit` for a table that is too wide."""
    if count > MAX_COLUMNS:
        raise BeyondLimit(f"has {count:,} columns; a table has at most {MAX_COLUMNS:,}")
