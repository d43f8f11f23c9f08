"""Temporary folders. Those of a killed process are removed when the next one starts."""

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
    """A new folder, removed at the end. A lock marks it as in use for as long as this process lives."""
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        unready = folder / f"{LOCK}-unready"
        with unready.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            unready.rename(folder / LOCK)  # nobody sees it before it is locked
            yield folder


def remove_abandoned() -> None:
    """Removes the folders of processes that ended without removing them. Folders in use stay, as do those of others."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            status = folder.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
                continue
            with (folder / LOCK).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
