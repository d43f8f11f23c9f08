"""Detects database files that are removed or replaced while they are open."""

import os
from pathlib import Path

from app.errors import DatabaseUnusable

Identity = tuple[int, int]
"""Device and inode."""


class SameFile:
    """The identity of a database file and of its write-ahead log, remembered at the first check.

    SQLite continues to use files that were removed or replaced, and its writes are lost when it closes them. Opening
    the new files would be worse: SQLite could apply the log of one database to another.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._paths = (str(path), f"{path}-wal")
        self._known: list[Identity | None] = [None, None]

    def expect(self) -> None:
        """Raises `DatabaseUnusable` if a file has changed its identity. A new file is remembered."""
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
        """Forgets the write-ahead log, which SQLite removes when the last connection is closed."""
        self._known[1] = None

    def forget(self) -> None:
        """Forgets both files, when nothing is open any more."""
        self._known = [None, None]

    @staticmethod
    def _gone(path: str, what: str) -> DatabaseUnusable:
        return DatabaseUnusable(
            f"{path} {what} while the database is in use; reads and writes are refused. "
            "Stop the service, put the file back or restore a backup, then start the service"
        )
