"""Databases that are damaged, foreign, missing or too new: exit code 1, and one line with the cure."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.store.db.database import Database
from tests.builders import incident_draft, record
from tests.faults.conftest import Here
from tests.support import command

COMMANDS = [("find",), ("migrate",), ("serve", "--port", "0")]


Fault = Callable[[Path, Path], None]


def _url(path: Path) -> str:
    return f"sqlite:///{path}"


def _contents(folder: Path) -> dict[str, bytes | None]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


@pytest.fixture(scope="module")
def sizeable(seeded_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of some hundred pages."""
    path = tmp_path_factory.mktemp("sizeable") / "incidents.db"
    shutil.copy(seeded_file, path)
    database = Database(_url(path))
    record(database, *(incident_draft(f"i-{n}", summary="word " * 100) for n in range(300)))
    database.close()
    return path


def _overwrite_the_middle(path: Path, original: Path) -> None:
    content = bytearray(original.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 40_000] = os.urandom(40_000)
    path.write_bytes(content)


def _truncate(path: Path, original: Path) -> None:
    path.write_bytes(original.read_bytes()[: original.stat().st_size // 2 + 100])


def _take_the_header(path: Path, original: Path) -> None:
    path.write_bytes(bytes(100) + original.read_bytes()[100:])


def _leave_a_stump(path: Path, original: Path) -> None:
    path.write_bytes(original.read_bytes()[:50])


def _foreign(path: Path, _: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE incident (id TEXT)")
    connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    connection.commit()
    connection.close()


def _text(path: Path, _: Path) -> None:
    path.write_text("id,title\n1,not a database\n" * 100)


def _directory(path: Path, _: Path) -> None:
    path.mkdir()


def _newer(path: Path, original: Path) -> None:
    shutil.copy(original, path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()


FAULTS: dict[Fault, str] = {
    _overwrite_the_middle: "damaged", _truncate: "malformed", _take_the_header: "cannot be read",
    _leave_a_stump: "cannot be read", _foreign: "another program", _text: "cannot be read", _directory: "not a readable file",
    _newer: "newer version",
}  # fmt: skip


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda a: a[0])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.__name__.strip("_"))
def test_a_foreign_or_damaged_database_is_rejected_on_one_line_and_unchanged(
    here: Here, sizeable: Path, tmp_path: Path, fault: Fault, arguments: tuple[str, ...]
) -> None:
    # given
    folder = tmp_path / "data"
    folder.mkdir()
    path = folder / "incidents.db"
    fault(path, sizeable)
    before = _contents(folder)

    # when
    code, told, line = here(path, *arguments)

    # then
    assert (code, told) == (1, "")
    assert line.startswith(f"incidents: {path} ")
    assert line.count("\n") == 1, line
    assert FAULTS[fault] in line
    assert any(advice in line for advice in ("restore a backup", "choose another", "check the path", "install"))
    assert {
        name: content for name, content in _contents(folder).items() if not name.endswith(("-wal", "-shm"))
    } == before


def test_no_file_is_created_next_to_a_foreign_one(tmp_path: Path) -> None:
    # given
    folder = tmp_path / "data"
    folder.mkdir()
    _foreign(folder / "other.db", folder)
    before = _contents(folder)

    # when
    ended = command("serve", cwd=tmp_path, INCIDENTS_DATABASE_URL=_url(folder / "other.db"))

    # then
    assert _contents(folder) == before
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        1,
        "",
        f"incidents: {folder / 'other.db'} is a SQLite file of another program; choose another file\n",
    )


@pytest.mark.parametrize("arguments", [("find",), ("toll", "ml-2019-11-01-indelimane"), ("export", "all.csv")])
def test_reading_creates_no_missing_file(here: Here, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    # when
    ended = here(tmp_path / "none.db", *arguments)

    # then
    advice = "does not exist; `incidents migrate` or `incidents serve` creates it"
    assert ended == (1, "", f"incidents: {tmp_path / 'none.db'} {advice}\n")
    assert _contents(tmp_path) == {}


@pytest.mark.parametrize("arguments", [*COMMANDS, ("seed",)], ids=lambda a: a[0])
def test_a_missing_folder_is_reported_on_one_line(here: Here, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    # when
    code, told, line = here(tmp_path / "nowhere" / "incidents.db", *arguments)

    # then
    assert (code, told, line.count("\n")) == (1, "", 1), line


def test_an_older_database_is_rejected_with_how_to_migrate(here: Here, tmp_path: Path) -> None:
    # given
    path = tmp_path / "incidents.db"
    path.touch()

    # then
    assert here(path, "find") == (1, "", f"incidents: {path} has an older schema (none); run `incidents migrate`\n")


@pytest.fixture
def read_only(seeded_file: Path) -> Iterator[Path]:
    """A database that this process may read and not write, in a folder that it may not write either."""
    folder = Path(tempfile.mkdtemp())
    path = folder / "incidents.db"
    shutil.copy(seeded_file, path)
    path.chmod(0o444)
    folder.chmod(0o555)
    yield path
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("arguments", [*COMMANDS, ("seed",)], ids=lambda a: a[0])
def test_a_read_only_file_is_not_written(
    here: Here, read_only: Path, tmp_path: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: root may write everything, so be somebody else, after what is imported late has been imported
    here(tmp_path / "other.db", "migrate")
    monkeypatch.chdir(read_only.parent)
    before, user = _contents(read_only.parent), os.geteuid()

    # when
    os.seteuid(65534 if user == 0 else user)
    try:
        code, _, line = here(read_only, *arguments)
    finally:
        os.seteuid(user)

    # then
    assert (code, line.count("\n")) in ([(0, 0), (1, 1)] if arguments[0] == "find" else [(1, 1)]), line
    assert line == "" or line.startswith(f"incidents: {read_only} ")
    assert _contents(read_only.parent) == before


@pytest.mark.slow
def test_six_simultaneous_starts_create_one_database_with_one_set_of_seeds(tmp_path: Path) -> None:
    # given
    path = tmp_path / "incidents.db"

    def run(name: str) -> tuple[int, str]:
        ended = command(name, cwd=tmp_path, INCIDENTS_DATABASE_URL=_url(path))
        return ended.returncode, ended.stderr if ended.returncode else ""

    # when
    with ThreadPoolExecutor(6) as pool:
        ended = list(pool.map(run, ["migrate", "seed", "seed", "migrate", "seed", "seed"]))

    # then
    assert ended == [(0, "")] * 6
    connection = sqlite3.connect(path)
    counts = {t: connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("incident", "toll_report")}
    assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    assert counts == {"incident": 3, "toll_report": 6}
