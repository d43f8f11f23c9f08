"""Databases that are damaged, foreign, missing or too new: exit 1, and one line that says what is wrong and what to do."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from app.store.engine import Database
from app.store.reader import Statement
from tests.support import ROOT, Client, Service, command, draft, environment, record

COMMANDS = [("find",), ("migrate",), ("serve", "--port", "0")]
FOR_EVER = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c"


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
    record(database, *(draft(f"i-{n}", summary="word " * 100) for n in range(300)))
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


FAULTS = {
    _overwrite_the_middle: "damaged", _truncate: "damaged", _take_the_header: "cannot be read",
    _leave_a_stump: "cannot be read", _foreign: "another program", _text: "cannot be read", _directory: "not a file",
    _newer: "newer version",
}  # fmt: skip


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda a: a[0])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.__name__.strip("_"))
def test_a_file_that_is_not_ours_or_not_whole_is_refused_in_one_line_and_left_alone(
    sizeable: Path, tmp_path: Path, fault, arguments: tuple[str, ...]
) -> None:
    # given
    folder = tmp_path / "data"
    folder.mkdir()
    path = folder / "incidents.db"
    fault(path, sizeable)
    before = _contents(folder)

    # when
    ended = command(*arguments, cwd=tmp_path, INCIDENTS_DATABASE_URL=_url(path))

    # then
    assert (ended.returncode, ended.stdout) == (1, "")
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert ended.stderr.startswith(f"incidents: {path} ")
    assert FAULTS[fault] in ended.stderr
    assert any(advice in ended.stderr for advice in ("restore a backup", "choose another", "check the path", "install"))
    assert {name: content for name, content in _contents(folder).items() if not name.endswith(("-wal", "-shm"))} == before


def test_a_foreign_file_gets_no_file_beside_it(tmp_path: Path) -> None:
    # given
    folder = tmp_path / "data"
    folder.mkdir()
    _foreign(folder / "other.db", folder)
    before = _contents(folder)

    # when
    command("serve", cwd=tmp_path, INCIDENTS_DATABASE_URL=_url(folder / "other.db"))

    # then
    assert _contents(folder) == before


@pytest.mark.parametrize("arguments", [("find",), ("toll", "ml-2019-11-01-indelimane"), ("export", "all.csv")])
def test_a_missing_file_is_not_made_by_reading(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    # when
    ended = command(*arguments, cwd=tmp_path, INCIDENTS_DATABASE_URL=_url(tmp_path / "none.db"))

    # then
    assert ended.returncode == 1
    assert ended.stderr == (
        f"incidents: {tmp_path / 'none.db'} does not exist; `incidents migrate` or `incidents serve` makes it\n"
    )
    assert _contents(tmp_path) == {}


@pytest.mark.parametrize("arguments", [*COMMANDS, ("seed",)], ids=lambda a: a[0])
def test_a_folder_that_is_not_there_is_one_line_too(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    # when
    ended = command(*arguments, cwd=tmp_path, INCIDENTS_DATABASE_URL=_url(tmp_path / "nowhere" / "incidents.db"))

    # then
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1, ended.stderr


def test_a_schema_that_is_older_says_how_to_migrate(tmp_path: Path) -> None:
    # given
    path = tmp_path / "incidents.db"
    sqlite3.connect(path).close()
    path.touch()

    # when
    ended = command("find", cwd=tmp_path, INCIDENTS_DATABASE_URL=_url(path))

    # then
    assert (ended.returncode, ended.stderr) == (
        1,
        f"incidents: {path} has an older schema (none); run `incidents migrate`\n",
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to become somebody who may not write")
def test_a_file_that_may_only_be_read_is_read_and_not_served(seeded_file: Path) -> None:
    # given: a file of root in a folder of root, and a user who is not root
    folder = Path("/tmp") / f"read-only-{os.getpid()}"  # noqa: S108
    folder.mkdir(mode=0o755)
    try:
        shutil.copy(seeded_file, folder / "incidents.db")
        (folder / "incidents.db").chmod(0o444)
        env = environment(INCIDENTS_DATABASE_URL=_url(folder / "incidents.db"), HOME="/tmp")  # noqa: S108

        # when
        ended = {
            name: subprocess.run(
                [sys.executable, "-m", "app", name], cwd=ROOT, env=env, user=65534, group=65534, extra_groups=[],
                capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            for name in ("find", "migrate", "seed")
        }
    finally:
        shutil.rmtree(folder)

    # then
    assert ended["find"].returncode in (0, 1)
    assert ended["seed"].returncode == 1
    for name, one in ended.items():
        assert len(one.stderr.splitlines()) == (0 if one.returncode == 0 else 1), f"{name}: {one.stderr}"


@pytest.mark.parametrize("name", ["migrate", "seed"])
def test_six_processes_at_once_make_one_database(tmp_path: Path, name: str) -> None:
    # given
    path = tmp_path / "incidents.db"

    # when
    with ThreadPoolExecutor(6) as pool:
        ended = list(pool.map(lambda _: command(name, cwd=tmp_path, INCIDENTS_DATABASE_URL=_url(path)), range(6)))

    # then
    assert [(one.returncode, one.stderr) for one in ended if one.returncode] == []
    connection = sqlite3.connect(path)
    counts = {t: connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("incident", "toll_report")}
    assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    assert counts == ({"incident": 3, "toll_report": 6} if name == "seed" else {"incident": 0, "toll_report": 0})


def test_a_statement_that_runs_away_is_a_503_in_time(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr("app.store.queries.page_of_incidents", lambda *_, **__: Statement(FOR_EVER, {}))

    # when
    begun = time.monotonic()
    answer = client.get("/v1/incidents")
    taken = time.monotonic() - begun

    # then
    assert 2 <= taken < 2.5
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["detail"] == "not answered within 2 s; ask for less, or narrow it by country or date"


def test_an_export_that_runs_away_is_a_503_in_time(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr("app.store.queries.page_of_incidents", lambda *_, **__: Statement(FOR_EVER, {}))

    # when
    begun = time.monotonic()
    answer = client.get("/v1/incidents?f=csv")

    # then
    assert time.monotonic() - begun < 2.5
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")


def test_a_database_that_breaks_while_it_is_served_gives_problem_documents(tmp_path: Path) -> None:
    # given
    service = Service(tmp_path)
    try:
        database = Database(_url(service.database))
        record(database, *(draft(f"i-{n}", summary="word " * 900) for n in range(300)))
        database.close()
        with service.database.open("r+b") as file:
            file.seek(4096)
            file.write(os.urandom(service.database.stat().st_size - 4096))

        # when
        answers = [httpx.get(f"{service.base}{a}") for a in ("/v1/incidents?limit=1000", "/readyz", "/healthz")]
    finally:
        service.stop()

    # then
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["content-type"] == "application/problem+json"
    assert answers[1].json()["status"] == "failing"
