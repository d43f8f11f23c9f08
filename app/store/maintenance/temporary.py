"""Folders for temporary files that are removed even after their process was killed: by the next one that starts."""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "incidents-"
LOCK = ".lock"


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder, removed in the end. A lock says that it is in use for as long as this process lives."""
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        unready = folder / f"{LOCK}-unready"
        with unready.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            unready.rename(folder / LOCK)  # so that nobody sees it before it is locked
            yield folder


def remove_abandoned() -> None:
    """Removes folders whose process ended without removing them. What others use, or made, is left alone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            told = folder.lstat()
            if not stat.S_ISDIR(told.st_mode) or told.st_uid != os.getuid():
                continue
            with (folder / LOCK).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
