"""Commands on databases that are damaged, foreign, missing, too new or too old: one line, and exit code 1."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.store.db.database import Database
from tests.builders import incident_draft, record
from tests.faults.conftest import Here
from tests.faults.test_databases import FAULTS, Fault, _contents, _take_the_header

ON_WHAT_IS_THERE: dict[str, tuple[str, ...]] = {
    "verify": ("verify",), "backup": ("backup", "copy.db"), "keys list": ("keys", "list"),
    "keys revoke": ("keys", "revoke", "0123456789ab"),
}  # fmt: skip
"""Commands that need a database."""
MAKING: dict[str, tuple[str, ...]] = {"keys create": ("keys", "create", "--name", "desk", "--scope", "write")}
ALL = ON_WHAT_IS_THERE | MAKING
DAMAGE = [fault for fault in FAULTS if FAULTS[fault] in ("damaged", "malformed")] + [_take_the_header]


def _sizeable(path: Path, original: Path) -> Path:
    """A database of some hundred pages."""
    shutil.copy(original, path)
    database = Database(f"sqlite:///{path}")
    record(database, *(incident_draft(f"i-{n}", summary="word " * 100) for n in range(300)))
    database.close()
    return path


@pytest.fixture(scope="module")
def whole(seeded_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _sizeable(tmp_path_factory.mktemp("whole") / "incidents.db", seeded_file)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def _kept(folder: Path) -> dict[str, bytes | None]:
    """What is in a folder, but for what SQLite makes beside a file that it reads."""
    return {name: content for name, content in _contents(folder).items() if not name.endswith(("-wal", "-shm"))}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.__name__.strip("_"))
def test_a_foreign_or_damaged_file_is_rejected_on_one_line_and_unchanged(
    here: Here, whole: Path, data: Path, fault: Fault, name: str
) -> None:
    # given
    path = data / "incidents.db"
    fault(path, whole)
    before = _kept(data)

    # when
    code, told, line = here(path, *ALL[name])

    # then
    assert (code, told) == (1, "")
    assert line.startswith(f"incidents: {path} ")
    assert line.count("\n") == 1, line
    assert FAULTS[fault] in line
    assert _kept(data) == before
    assert not (data.parent / "copy.db").exists()


@pytest.mark.parametrize("name", ON_WHAT_IS_THERE)
def test_no_command_creates_a_missing_file(here: Here, tmp_path: Path, name: str) -> None:
    # when
    ended = here(tmp_path / "none.db", *ON_WHAT_IS_THERE[name])

    # then
    advice = "does not exist; `incidents migrate` or `incidents serve` creates it"
    assert ended == (1, "", f"incidents: {tmp_path / 'none.db'} {advice}\n")
    assert _contents(tmp_path) == {}


@pytest.mark.parametrize("name", ON_WHAT_IS_THERE)
def test_an_older_schema_is_rejected_with_how_to_migrate(here: Here, tmp_path: Path, name: str) -> None:
    # given
    path = tmp_path / "incidents.db"
    path.touch()

    # then
    line = f"incidents: {path} has an older schema (none); run `incidents migrate`\n"
    assert here(path, *ON_WHAT_IS_THERE[name]) == (1, "", line)


@pytest.mark.parametrize("name", [*ALL, "restore"])
def test_a_missing_folder_is_reported_on_one_line(here: Here, tmp_path: Path, whole: Path, name: str) -> None:
    code, told, line = here(tmp_path / "nowhere" / "incidents.db", *ALL.get(name, ("restore", str(whole))))
    assert (code, told, line.count("\n")) == (1, "", 1), line


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.__name__.strip("_"))
def test_an_invalid_backup_is_not_restored(here: Here, whole: Path, data: Path, fault: Fault) -> None:
    # given
    path, file = data / "incidents.db", data / "backup.db"
    shutil.copy(whole, path)
    fault(file, whole)
    before = _kept(data)

    # when
    code, told, line = here(path, "restore", str(file))

    # then
    assert (code, told, line.count("\n")) == (1, "", 1), line
    assert line.startswith(f"incidents: {file} ")
    assert FAULTS[fault] in line
    assert _kept(data) == before


def test_a_missing_backup_is_not_restored(here: Here, whole: Path, data: Path) -> None:
    # given
    path = data / "incidents.db"
    shutil.copy(whole, path)

    # when
    code, told, line = here(path, "restore", str(data / "none.db"))

    # then
    assert (code, told, line.count("\n")) == (1, "", 1), line
    assert line.startswith(f"incidents: {data / 'none.db'} is not a readable file")
    assert "incidents serve" not in line, "a backup is not made by serving"
    assert list(_kept(data)) == ["incidents.db"]


def test_a_backup_is_restored_without_an_existing_database(here: Here, whole: Path, data: Path) -> None:
    # when
    code, _, line = here(data / "incidents.db", "restore", str(whole))

    # then
    assert (code, line) == (0, f"incidents: restored {whole}\n".removeprefix("incidents: "))
    assert here(data / "incidents.db", "verify")[0] == 0


@pytest.mark.parametrize("fault", DAMAGE, ids=lambda f: f.__name__.strip("_"))
def test_a_backup_replaces_a_damaged_database_which_is_kept(here: Here, whole: Path, data: Path, fault: Fault) -> None:
    """The line about the damage says: restore a backup."""
    # given
    path = data / "incidents.db"
    fault(path, whole)
    damaged = path.read_bytes()

    # when
    code, _, line = here(path, "restore", str(whole))

    # then
    assert code == 0, line
    assert here(path, "verify")[0] == 0
    assert damaged in _kept(data).values(), "the damaged file is kept, for whoever can read more of it"


def test_a_backup_never_replaces_a_foreign_file(here: Here, whole: Path, data: Path) -> None:
    # given
    path = data / "incidents.db"
    next(fault for fault, line in FAULTS.items() if line == "another program")(path, whole)
    before = _kept(data)

    # when
    code, told, line = here(path, "restore", str(whole))

    # then
    assert (code, told, line.count("\n")) == (1, "", 1), line
    assert "another program" in line
    assert _kept(data) == before


def test_two_restores_in_one_second_keep_both_states(here: Here, whole: Path, data: Path) -> None:
    # given
    path = data / "incidents.db"
    shutil.copy(whole, path)

    # when
    ended = [here(path, "restore", str(whole)) for _ in range(3)]

    # then
    assert [code for code, _, _ in ended] == [0, 0, 0], ended
    assert len([name for name in _kept(data) if ".before-" in name]) == 3


def test_a_backup_into_a_missing_folder_is_reported_on_one_line(here: Here, whole: Path, data: Path) -> None:
    code, told, line = here(whole, "backup", str(data / "nowhere" / "copy.db"))
    assert (code in (1, 2), told, line.count("\n")) == (True, "", 1), line


def test_a_backup_never_overwrites_a_file(here: Here, whole: Path, data: Path) -> None:
    # given
    (data / "copy.db").write_text("mine")

    # when
    code, told, line = here(whole, "backup", str(data / "copy.db"))

    # then
    assert (code, told, line.count("\n")) == (2, "", 1), line
    assert _contents(data) == {"copy.db": b"mine"}


@pytest.mark.parametrize("change", ["UPDATE toll_report SET best = best + 1", "DELETE FROM change WHERE seq = 3"])
def test_verify_reports_a_change_on_one_line(here: Here, whole: Path, data: Path, change: str) -> None:
    # given
    path = data / "incidents.db"
    shutil.copy(whole, path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(change)

    # when
    code, told, line = here(path, "verify")

    # then
    assert (code, told, line.count("\n")) == (1, "", 1), line
