"""`serve` starts and `/readyz` responds in milliseconds at any size; damage is found there, by reads and by `verify`."""

import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from app.store.db import connections
from app.store.db.database import Database
from app.store.tables import TABLES
from tests.faults.conftest import Here
from tests.support import PAGES, READ_ADDRESSES, Client

MIB = 1024 * 1024
COUNTS = Path("/proc/self/io")
PAGE = 4096
NOT_READY = "The database cannot be used. The log of the service says why."


def _filled(path: Path, original: Path, incidents: int, bodies: int) -> Path:
    """A copy of a database with so many more incidents, and kept answers of so many MiB, written without care."""
    shutil.copy(original, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"""
            PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
            WITH RECURSIVE n(n) AS (SELECT 1000 UNION ALL SELECT n + 1 FROM n LIMIT {incidents})
            INSERT INTO incident SELECT n, 'i-' || n FROM n;
            WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT {bodies})
            INSERT INTO kept_answer SELECT 'key', n, x'00', 200, '{{}}', zeroblob({MIB}), n FROM n;
            PRAGMA journal_mode = WAL;
        """)
    return path


@pytest.fixture(scope="module")
def sizes(seeded_file: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two databases that are too large to be read whole at start, the second one by far."""
    folder = tmp_path_factory.mktemp("sizes")
    files = [
        _filled(folder / "10k.db", seeded_file, 10_000, 65),
        _filled(folder / "500k.db", seeded_file, 500_000, 300),
    ]
    assert files[1].stat().st_size > 4 * files[0].stat().st_size > 4 * connections.CHECKED_BYTES
    return files


def _bytes_read(call: Callable[[], object]) -> int:
    """Bytes that this process reads from files during a call."""

    def read() -> int:
        return int(COUNTS.read_text().split()[1])

    before = read()
    call()
    return read() - before


@pytest.mark.skipif(not COUNTS.exists(), reason="the system does not count what a process reads")
def test_a_start_reads_a_constant_part_of_a_large_file(
    here: Here, sizes: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a service that ends when it would begin to answer, and modules that are imported already
    monkeypatch.setattr("app.api.http.server.run", lambda *_, **__: None)
    start = lambda path: here(path, "serve", "--port", "0")  # noqa: E731
    assert start(sizes[0])[0] == 0

    # when
    small, large = (_bytes_read(lambda path=path: start(path)) for path in sizes)

    # then a tree that is one page higher costs one page more on each way down
    assert large < 2 * MIB
    assert large - small < 0.2 * MIB


@pytest.mark.skipif(not COUNTS.exists(), reason="the system does not count what a process reads")
def test_readiness_takes_milliseconds_at_any_size(sizes: list[Path]) -> None:
    read, taken = [], []
    for path in sizes:
        client = Client(Database(f"sqlite:///{path}"))
        assert client.json("/readyz")["status"] == "ok"
        read.append(_bytes_read(lambda client=client: client.get("/readyz")))  # type: ignore[misc]
        for _ in range(10):
            begun = time.process_time()
            client.get("/readyz")
            taken.append(time.process_time() - begun)
        client.close()

    # then
    assert read[1] < MIB and read[1] - read[0] < 0.2 * MIB
    assert min(taken[10:]) < 0.005


def test_a_large_file_damaged_in_any_table_is_not_served(
    here: Here, seeded_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr(connections, "CHECKED_BYTES", 0)
    with closing(sqlite3.connect(seeded_file)) as connection:
        roots = dict(connection.execute("SELECT name, rootpage FROM sqlite_master WHERE type = 'table'"))
    path = tmp_path / "incidents.db"

    for table in TABLES:
        content = bytearray(seeded_file.read_bytes())
        content[(roots[table] - 1) * PAGE : roots[table] * PAGE] = bytes(PAGE)
        path.write_bytes(content)

        # when
        code, told, line = here(path, "serve", "--port", "0")

        # then
        assert (code, told, line.count("\n")) == (1, "", 1), (table, line)
        assert line.startswith(f"incidents: {path} cannot be read "), table
        assert line.endswith("check its permissions, restore a backup or choose another file\n"), table


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE change SET hash = zeroblob(32) WHERE seq = (SELECT max(seq) FROM change)",
        "DELETE FROM change WHERE seq = (SELECT max(seq) FROM change)",
        "UPDATE toll_report SET record = replace(record, '\"best\":', '\"best\":1')",
        "DELETE FROM toll_report WHERE key = (SELECT fact FROM change ORDER BY seq DESC LIMIT 1)",
        "UPDATE recording SET log_size = log_size - 1",
        "UPDATE recording SET log_size = log_size + 1",
        "UPDATE recording SET log_root = zeroblob(32)",
        "UPDATE log_node SET hash = zeroblob(32) WHERE level = (SELECT max(level) FROM log_node)",
        "DELETE FROM log_node WHERE level = (SELECT max(level) FROM log_node)",
    ],
)
def test_a_log_with_a_wrong_newest_entry_is_not_served(
    here: Here, seeded_file: Path, tmp_path: Path, change: str
) -> None:
    # given
    path = tmp_path / "incidents.db"
    shutil.copy(seeded_file, path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        assert connection.execute(change).rowcount >= 1

    # when
    code, told, line = here(path, "serve", "--port", "0")

    # then
    assert (code, told, line.count("\n")) == (1, "", 1), line
    assert "log" in line and ("restore a backup" in line or "`incidents verify` names" in line), line


def _remove(path: Path, _: Path) -> None:
    path.unlink()


def _replace_by_a_copy(path: Path, original: Path) -> None:
    shutil.copy(original, path.with_name("other.db"))
    path.with_name("other.db").replace(path)


def _replace_by_a_folder(path: Path, _: Path) -> None:
    path.unlink()
    path.mkdir()


def _replace_by_an_empty_file(path: Path, _: Path) -> None:
    path.unlink()
    path.touch()


def _replace_by_another_program(path: Path, _: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE incident (id TEXT)")


def _set_schema(version: str) -> Callable[[Path, Path], None]:
    def change(path: Path, _: Path) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (version,))

    return change


def _overwrite(first: int, last: int | None) -> Callable[[Path, Path], None]:
    def change(path: Path, _: Path) -> None:
        with path.open("r+b") as file:
            file.seek(first)
            file.write(os.urandom((last or path.stat().st_size) - first))

    return change


def _truncate(path: Path, _: Path) -> None:
    os.truncate(path, path.stat().st_size // PAGE // 2 * PAGE)


BREAKS: dict[str, tuple[Callable[[Path, Path], None], str]] = {
    "removed": (_remove, "does not exist"),
    "replaced by a whole database": (_replace_by_a_copy, "was replaced while the database is in use"),
    "replaced by a folder": (_replace_by_a_folder, "is not a readable file"),
    "replaced by an empty file": (_replace_by_an_empty_file, "has an older schema (none)"),
    "replaced by another program's": (_replace_by_another_program, "another program"),
    "newer schema": (_set_schema("9999"), "newer version"),
    "older schema": (_set_schema("0001"), "has an older schema (0001); run `incidents migrate`"),
    "header overwritten": (_overwrite(0, 100), "cannot be read"),
    "all but the header overwritten": (_overwrite(PAGE, None), "cannot be read"),
    "cut in half": (_truncate, "cannot be read"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_database_damaged_while_open_is_not_ready_and_only_the_log_names_it(
    seeded_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    # given
    path = tmp_path / "incidents.db"
    shutil.copy(seeded_file, path)
    client = Client(Database(f"sqlite:///{path}"))
    assert client.json("/v1/incidents")["items"] and client.json("/readyz")["status"] == "ok"
    fault, why = BREAKS[name]
    fault(path, seeded_file)

    # when
    answer = client.get("/readyz")
    process = client.get("/healthz")
    client.close()

    # then
    assert (answer.status_code, answer.json()["status"], answer.json()["detail"]) == (503, "failing", NOT_READY)
    assert process.status_code == 200
    assert f"{path} " in caplog.text and why in caplog.text


DAMAGE = [os.urandom, bytes, lambda size: b"{" * size]


@pytest.mark.slow
def test_a_read_of_a_damaged_page_is_a_logged_503(
    seeded_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Page after page is damaged, whole or at its end, where the rows are: with noise, zeros and braces in turn."""
    caplog.set_level(logging.ERROR)
    whole = seeded_file.read_bytes()
    path = tmp_path / "incidents.db"
    asked = [*READ_ADDRESSES, *PAGES, "/v1/changes", "/v1/log/proof?seq=3", "/ogc/collections/incidents/items"]
    met = 0
    for number in range(1, len(whole) // PAGE):
        content, first = bytearray(whole), number % 2 * 3000
        content[number * PAGE + first : (number + 1) * PAGE] = DAMAGE[number % 3](PAGE - first)
        path.write_bytes(content)
        client = Client(Database(f"sqlite:///{path}"))
        for address in asked:
            caplog.clear()

            # when
            answer = client.get(address)

            # then
            assert answer.status_code < 500 or answer.status_code == 503, (number, address, answer.text[:300])
            if answer.status_code == 503:
                met += 1
                assert NOT_READY in answer.text  # a problem document, or a page for people
                assert "database-unusable" in caplog.text, (number, address)
        client.close()
    assert met > 30
