"""Writes into a removed file are not acknowledged, and nothing is dated by a clock that is behind."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from app.domain.vocabulary import Scope
from app.errors import ClockBehind, DatabaseUnusable
from app.store import keys
from app.store.db import transaction
from app.store.db.database import Database
from tests.builders import incident_body, incident_draft, record
from tests.support import Client, Editor, command


def _remove(path: Path) -> None:
    path.unlink()


def _move(path: Path) -> None:
    path.rename(path.with_name("moved.db"))


def _replace(path: Path) -> None:
    copy = path.with_name("copy.db")
    with closing(sqlite3.connect(path)) as here, closing(sqlite3.connect(copy)) as there:
        here.backup(there)
    copy.rename(path)


def _remove_log(path: Path) -> None:
    path.with_name(f"{path.name}-wal").unlink()


def _replace_log(path: Path) -> None:
    log = path.with_name(f"{path.name}-wal")
    shutil.copy(log, path.with_name("copy-wal"))
    path.with_name("copy-wal").rename(log)


LOSSES = [_remove, _move, _replace, _remove_log, _replace_log]


@pytest.mark.parametrize("lose", LOSSES)
def test_reads_and_writes_fail_when_the_file_or_its_wal_is_gone(
    own_client: Client, seeded: Database, lose: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    # given
    editor = Editor(own_client, seeded, Scope.WRITE, name="desk")
    assert editor.post("/v1/incidents", incident_body("before")).status_code == 201
    assert editor.get("/v1/incidents/before").status_code == 200

    # when
    lose(Path(str(seeded.url.database)))
    write, read, export, imported = (
        editor.post("/v1/incidents", incident_body("after")),
        editor.get("/v1/incidents/before"),
        editor.get("/v1/incidents?f=ndjson"),
        editor.request("POST", "/v1/import?format=csv", content=b"id,title,date_start,country\nx,T,2021-03-15,ML\n", headers={"Content-Type": "text/csv"}),
    )  # fmt: skip

    # then
    for answer in (write, read, export, imported):
        assert answer.status_code == 503, answer.text
        assert answer.json()["type"].endswith("database-unusable")
    assert caplog.text.count("while the database is in use") == 4
    assert own_client.get("/readyz").status_code == 503


def test_a_restored_file_is_used_again(own_client: Client, seeded: Database) -> None:
    # given
    editor = Editor(own_client, seeded, Scope.WRITE, name="desk")
    assert editor.post("/v1/incidents", incident_body("before")).status_code == 201
    path = Path(str(seeded.url.database))
    path.rename(path.with_name("moved.db"))
    assert editor.post("/v1/incidents", incident_body("after")).status_code == 503

    # when
    path.with_name("moved.db").rename(path)

    # then
    assert editor.post("/v1/incidents", incident_body("after")).status_code == 201
    assert editor.get("/v1/incidents/before").status_code == 200


def test_a_file_removed_during_a_write_is_reported(database: Database) -> None:
    # when
    with pytest.raises(DatabaseUnusable, match="is gone"), database.writing():
        Path(str(database.url.database)).unlink()


def _record_with_clock(database: Database, monkeypatch: pytest.MonkeyPatch, ahead: float, incident_id: str) -> None:
    real = transaction.time.time_ns
    with monkeypatch.context() as patched:
        patched.setattr(transaction.time, "time_ns", lambda: real() + int(ahead * 1e9))
        record(database, incident_draft(incident_id))


def test_nothing_is_recorded_while_the_clock_is_minutes_behind(
    own_client: Client, seeded: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: a clock that was a day ahead, and is corrected
    editor = Editor(own_client, seeded, Scope.WRITE, name="desk")
    _record_with_clock(seeded, monkeypatch, 86_400, "ahead")

    # when
    answer = editor.post("/v1/incidents", incident_body("after"))

    # then
    assert answer.status_code == 503
    assert answer.json()["type"].endswith("clock-behind")
    assert answer.json()["newest"] > answer.json()["clock"]
    for told in (answer.json()["clock"], answer.json()["newest"], "Correct the clock", "INCIDENTS_CLOCK_AHEAD_SECONDS"):
        assert told in answer.json()["detail"]
    assert editor.get("/v1/incidents/ahead").status_code == 200
    assert editor.get("/v1/incidents/after").status_code == 404
    keys.revoke(seeded, keys.list_keys(seeded)[0].id)  # which never waits for a clock


@pytest.mark.parametrize(("ahead", "is_recorded"), [(100, True), (150, False)])
def test_a_small_clock_difference_is_tolerated(
    database: Database, monkeypatch: pytest.MonkeyPatch, ahead: float, is_recorded: bool
) -> None:
    # given
    _record_with_clock(database, monkeypatch, ahead, "ahead")

    # then: what is recorded stays in order, a microsecond apart
    if is_recorded:
        record(database, incident_draft("after"))
    else:
        with pytest.raises(ClockBehind):
            record(database, incident_draft("after"))


@pytest.mark.slow
def test_the_command_line_rejects_a_slow_clock_unless_told_to_continue(
    tmp_path: Path, migrated_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    shutil.copy(migrated_file, tmp_path / "incidents.db")
    database = Database(f"sqlite:///{tmp_path}/incidents.db")
    _record_with_clock(database, monkeypatch, 86_400, "ahead")
    database.close()
    (tmp_path / "a.csv").write_text("id,title,date_start,country\nx,T,2021-03-15,ML\n")

    # when
    refused = [command(*arguments, cwd=tmp_path) for arguments in (("import", "csv", "a.csv"), ("seed",))]
    allowed = command("import", "csv", "a.csv", cwd=tmp_path, INCIDENTS_CLOCK_AHEAD_SECONDS="90000")

    # then
    for ended in refused:
        assert ended.returncode == 1
        assert ended.stderr.startswith("incidents: The clock says ")
        assert ended.stderr.count("\n") == 1
    assert (allowed.returncode, allowed.stderr.count("1 created")) == (0, 1)
