"""Temporary folders: none remains after a process ends, and none of another process is removed."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.store.maintenance.temporary import remove_abandoned, temporary_folder
from tests.support import Client, environment

IN_A_FOLDER = """
import time
from app.store.maintenance.temporary import temporary_folder
with temporary_folder() as folder:
    (folder / "file").write_text("something")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, of this test alone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def other(temporary: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has a temporary folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", IN_A_FOLDER],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(TMPDIR=str(temporary)),
    )
    assert process.stdout is not None
    assert Path(process.stdout.readline().strip()).parent == temporary
    yield process
    process.kill()
    process.communicate()


def test_a_temporary_folder_is_removed_at_the_end(temporary: Path) -> None:
    with temporary_folder() as folder:
        (folder / "inner").mkdir()
        assert [folder] == list(temporary.iterdir())
    assert list(temporary.iterdir()) == []


def test_folders_in_use_are_kept(temporary: Path, other: subprocess.Popen[str]) -> None:
    with temporary_folder() as own:
        remove_abandoned()
        assert own.exists() and len(list(temporary.glob("*/file"))) == 1


def test_the_folder_of_a_killed_process_is_removed(temporary: Path, other: subprocess.Popen[str]) -> None:
    # given
    other.kill()
    other.wait(10)
    assert len(list(temporary.glob("*/file"))) == 1
    # when
    remove_abandoned()
    # then
    assert list(temporary.iterdir()) == []


def test_foreign_folders_are_kept(temporary: Path) -> None:
    # given: a folder without a lock, a file, and a link to a folder that looks abandoned
    (temporary / "incidents-by-year").mkdir()
    (temporary / "incidents-all.csv").write_text("id\n")
    (temporary / "elsewhere").mkdir()
    (temporary / "elsewhere" / ".lock").touch()
    (temporary / "incidents-link").symlink_to(temporary / "elsewhere")
    before = sorted(temporary.rglob("*"))
    # when
    remove_abandoned()
    # then
    assert sorted(temporary.rglob("*")) == before


def test_a_starting_service_removes_the_folders_of_a_killed_one(
    own_client: Client, temporary: Path, other: subprocess.Popen[str]
) -> None:
    # given
    other.kill()
    other.wait(10)

    async def start() -> list[Path]:
        async with own_client.app.router.lifespan_context(own_client.app):
            return list(temporary.glob("incidents-*"))

    # when, then
    assert asyncio.run(start()) == []
