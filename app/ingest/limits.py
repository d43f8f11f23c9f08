"""Limits for input files. A file beyond a limit is rejected before any of it is recorded."""

import io
from collections.abc import Callable
from typing import Any

MAX_COLUMNS = 1000
MAX_BLANK_ROWS = 2 * 1024 * 1024
"""Blank rows: twice the maximum rows of a sheet."""
MAX_RECORD = 4 * 1024 * 1024
"""Characters of one row, including line breaks in cells."""
MAX_TORN = 100
"""Lines that are joined into one row."""
MAX_UNPACKED = 32 * 1024**3
"""Unpacked bytes of a packed file."""
MAX_RATIO = 100
"""Maximum ratio of unpacked to packed size. Tables reach 10 to 20; deflate cannot exceed 1,032."""
ALWAYS_UNPACKED = 16 * 1024 * 1024
"""Unpacked bytes that are allowed at any ratio."""


class BeyondLimit(Exception):
    """A file exceeds a limit. The message is a predicate whose subject is the file."""


class Budget:
    """The unpacked bytes that one packed file has left. `on_read` may raise to stop the import."""

    def __init__(self, packed_size: int, on_read: Callable[[], None]) -> None:
        self.on_read = on_read
        self._left = min(MAX_UNPACKED, max(ALWAYS_UNPACKED, MAX_RATIO * packed_size))
        self._granted = self._left

    def spend(self, count: int) -> None:
        """Counts unpacked bytes. Raises `BeyondLimit` if there are too many."""
        self.on_read()
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
    """Raises `BeyondLimit` for a table with too many columns."""
    if count > MAX_COLUMNS:
        raise BeyondLimit(f"has {count:,} columns; a table has at most {MAX_COLUMNS:,}")
