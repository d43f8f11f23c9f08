"""Whether the files of a database are still those that were opened."""

import os
from pathlib import Path

from app.errors import DatabaseUnusable

Identity = tuple[int, int]
"""Device and inode."""


class SameFile:
    """The database file and the write-ahead log beside it, remembered from the first look on.

    SQLite goes on with files that were removed or replaced, and what it writes there is gone when it closes them. To
    open the new ones is no way out: the log of one database would be taken for that of another.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._paths = (str(path), f"{path}-wal")
        self._known: list[Identity | None] = [None, None]

    def expect(self) -> None:
        """Raises `DatabaseUnusable` where a file is not the one of before. One that was not there is remembered now."""
        for place, path in enumerate(self._paths):
            known = self._known[place]
            try:
                found = os.stat(path)
            except OSError:
                if known is None:
                    continue
                raise self._gone(path, "is gone") from None
            identity = (found.st_dev, found.st_ino)
            if known is None:
                self._known[place] = identity
            elif identity != known:
                raise self._gone(path, "was replaced")

    def forget_log(self) -> None:
        """The write-ahead log may go with the connection that was closed: the last one removes it."""
        self._known[1] = None

    def forget(self) -> None:
        """Nothing is open any more."""
        self._known = [None, None]

    @staticmethod
    def _gone(path: str, what: str) -> DatabaseUnusable:
        return DatabaseUnusable(
            f"{path} {what} while the database is in use; nothing more is recorded or read. "
            "Stop the service, put the file back or restore a backup, and start again"
        )
