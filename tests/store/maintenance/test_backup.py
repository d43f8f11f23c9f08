"""Backup and restore: consistent during writes, never over another file, with the same responses and log."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from app.domain.vocabulary import Scope
from app.errors import AppError, DatabaseUnusable, InvalidInput
from app.store import keys
from app.store.db.database import Database
from app.store.maintenance.backup import backup, restore
from app.store.maintenance.verify import Checkpoint, verify
from tests.builders import incident_draft, record, record_report
from tests.store.rich import make_older, make_rich
from tests.support import INDELIMANE, READ_ADDRESSES, Client


def _opened(path: Path) -> Database:
    return Database(f"sqlite:///{path}")


def _path(database: Database) -> Path:
    return Path(str(database.url.database))


def _answers(path: Path) -> dict[str, bytes]:
    """What every read route answers over a file."""
    client = Client(_opened(path))
    try:
        found = {
            address: client.get(address)
            for address in [*READ_ADDRESSES, "/v1/changes?limit=1000", "/v1/log/checkpoint"]
        }
        assert {answer.status_code for answer in found.values()} == {200}
        return {address: answer.content for address, answer in found.items()}
    finally:
        client.close()


def _epoch(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        epoch: str = connection.execute("SELECT epoch FROM feed").fetchone()[0]
    return epoch


def _content(path: Path) -> list[str]:
    """Everything in a database, as SQL."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def _names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir() if not p.name.endswith(("-wal", "-shm"))}


# Backups


def test_a_backup_is_the_whole_database_in_one_file(seeded: Database, tmp_path: Path) -> None:
    # given: what is still in the write-ahead log
    record(seeded, incident_draft("newest"))
    folder = tmp_path / "copies"
    folder.mkdir()

    # when
    backup(seeded, folder / "copy.db")

    # then
    assert os.listdir(folder) == ["copy.db"]
    assert _content(folder / "copy.db") == _content(_path(seeded))
    assert verify(_opened(folder / "copy.db")) == verify(seeded)
    with closing(sqlite3.connect(folder / "copy.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",), "so it stays one file"


def test_a_backup_keeps_keys_and_what_is_confidential(migrated_file: Path, tmp_path: Path) -> None:
    # given
    make_rich(tmp_path / "rich.db", migrated_file)
    rich = _opened(tmp_path / "rich.db")
    key = keys.create(rich, "an insider", [Scope.READ_CONFIDENTIAL], None)

    # when
    backup(rich, tmp_path / "copy.db")

    # then
    client = Client(_opened(tmp_path / "copy.db"))
    answer = client.get("/v1/changes?limit=1000", headers={"Authorization": f"Bearer {key}"})
    assert "CANARY who told it" in answer.text
    client.close()


@pytest.mark.parametrize("make", [
    lambda path: path.write_text("precious"), lambda path: path.write_bytes(b""), lambda path: path.mkdir(),
    lambda path: shutil.copy(__file__, path),
], ids=["a text", "an empty file", "a folder", "a copy"])  # fmt: skip
def test_a_backup_never_overwrites_an_existing_file(
    seeded: Database, tmp_path: Path, make: Callable[[Path], object]
) -> None:
    # given
    file = tmp_path / "there"
    make(file)
    before = file.read_bytes() if file.is_file() else None

    # when
    with pytest.raises(InvalidInput, match="already exists"):
        backup(seeded, file)

    # then
    assert (file.read_bytes() if file.is_file() else None) == before
    assert not [name for name in _names(tmp_path) if name.endswith(".part")]


def test_a_backup_never_overwrites_the_database(seeded: Database) -> None:
    before = _content(_path(seeded))
    with pytest.raises(InvalidInput, match="already exists"):
        backup(seeded, _path(seeded))
    assert _content(_path(seeded)) == before


def test_a_backup_never_overwrites_another_backup(seeded: Database, tmp_path: Path) -> None:
    # given
    backup(seeded, tmp_path / "copy.db")
    before = (tmp_path / "copy.db").read_bytes()
    record(seeded, incident_draft("more"))

    # then
    with pytest.raises(InvalidInput, match="already exists"):
        backup(seeded, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_bytes() == before


def test_a_backup_into_a_missing_folder_leaves_nothing(seeded: Database, tmp_path: Path) -> None:
    with pytest.raises(AppError) as told:
        backup(seeded, tmp_path / "nowhere" / "copy.db")
    assert "\n" not in told.value.detail
    assert not (tmp_path / "nowhere").exists()


def test_a_backup_of_a_missing_database_is_rejected_and_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match="does not exist"):
        backup(_opened(tmp_path / "none.db"), tmp_path / "copy.db")
    assert _names(tmp_path) == set()


def test_a_backup_during_writes_is_consistent(database: Database, tmp_path: Path) -> None:
    # given a writer that does not stop
    record(database, incident_draft("a"), incident_draft("b"))
    stop, written, faults = threading.Event(), [], []

    def write() -> None:
        other = _opened(_path(database))
        try:
            while not stop.is_set() and len(written) < 2000:
                n = len(written)
                written.append(record_report(other, ["a", "b"] if n % 3 else "a", best=n % 50, id=f"r{n}"))
        except Exception as error:
            faults.append(error)
        finally:
            other.close()

    writer = threading.Thread(target=write)
    writer.start()

    # when
    sizes = []
    try:
        for n in range(4):
            before = len(written)
            while len(written) < before + 3 and not faults:
                stop.wait(0.01)
            backup(database, tmp_path / f"copy-{n}.db")
            sizes.append(len(written))
    finally:
        stop.set()
        writer.join(60)

    # then each copy has a whole log, which is the beginning of the next one
    assert not faults and sizes == sorted(set(sizes)), "it was writing meanwhile"
    proved = [verify(_opened(tmp_path / f"copy-{n}.db")) for n in range(4)]
    assert [p.entries for p in proved] == sorted({p.entries for p in proved})
    for earlier in proved:
        verify(database, Checkpoint(earlier.entries, earlier.root))


# Restoring


def test_a_restore_brings_back_every_response_and_the_log(seeded: Database, tmp_path: Path) -> None:
    # given
    before, proved = _answers(_path(seeded)), verify(seeded)
    backup(seeded, tmp_path / "copy.db")
    seeded.close()

    # when: wiped, with what SQLite keeps beside it
    for beside in tmp_path.glob("seeded.db*"):
        beside.unlink()
    kept = restore(tmp_path / "copy.db", _opened(_path(seeded)))

    # then
    assert kept is None, "there was nothing to keep"
    assert verify(_opened(_path(seeded))) == proved
    after, epochs = _answers(_path(seeded)), (_epoch(tmp_path / "copy.db"), _epoch(_path(seeded)))
    assert {a: body.replace(epochs[1].encode(), epochs[0].encode()) for a, body in after.items()} == before
    assert {a for a in after if after[a] != before[a]} == {"/v1/changes?limit=1000", "/v1/log/checkpoint"}, "the epoch"


def test_every_restore_starts_a_new_epoch(seeded: Database, tmp_path: Path) -> None:
    # given
    backup(seeded, tmp_path / "copy.db")
    epochs = [_epoch(_path(seeded))]

    # when
    for n in range(3):
        restore(tmp_path / "copy.db", _opened(tmp_path / f"restored-{n}.db"))
        epochs.append(_epoch(tmp_path / f"restored-{n}.db"))

    # then
    assert len(set(epochs)) == 4
    assert all(len(epoch) == 16 for epoch in epochs)
    assert _epoch(tmp_path / "copy.db") == epochs[0], "the backup stays as it is"


def test_a_restore_does_not_change_the_backup(seeded: Database, tmp_path: Path) -> None:
    # given
    backup(seeded, tmp_path / "copy.db")
    before = (tmp_path / "copy.db").read_bytes()

    # when
    restore(tmp_path / "copy.db", seeded)

    # then
    assert (tmp_path / "copy.db").read_bytes() == before


def test_a_restore_keeps_the_previous_database(seeded: Database, tmp_path: Path) -> None:
    # given
    backup(seeded, tmp_path / "copy.db")
    record(seeded, incident_draft("lost"))
    before, epoch = _content(_path(seeded)), _epoch(_path(seeded))

    # when
    kept = restore(tmp_path / "copy.db", seeded)

    # then
    assert kept is not None and kept.parent == tmp_path and kept.name.startswith("seeded.db.before-")
    assert _content(kept) == before and _epoch(kept) == epoch
    assert _names(tmp_path) == {"seeded.db", "copy.db", kept.name}
    client = Client(seeded)
    assert client.get("/v1/incidents/lost").status_code == 404
    client.close()
    assert verify(_opened(kept)).entries == verify(seeded).entries + 1


def test_the_previous_database_can_be_restored(seeded: Database, tmp_path: Path) -> None:
    # given
    backup(seeded, tmp_path / "copy.db")
    record(seeded, incident_draft("lost"))
    proved = verify(seeded)
    kept = restore(tmp_path / "copy.db", seeded)
    assert kept is not None
    kept = kept.rename(tmp_path / "kept.db")

    # when
    for beside in tmp_path.glob("seeded.db.before-*"):
        beside.unlink()
    restore(kept, seeded)

    # then
    assert verify(seeded) == proved


def test_a_restore_is_rejected_while_the_database_is_open(own_client: Client, seeded: Database, tmp_path: Path) -> None:
    """Else what is recorded meanwhile and acknowledged would be in neither file."""
    # given a service that only reads, and one that writes
    backup(seeded, tmp_path / "copy.db")
    own_client.json("/v1/incidents")
    record(seeded, incident_draft("newest"))

    # when
    for closed in (seeded.close, own_client.app.state.reader.close):
        with pytest.raises(DatabaseUnusable, match="is in use; stop the service, then restore"):
            restore(tmp_path / "copy.db", _opened(_path(seeded)))
        closed()

    # then
    assert own_client.json("/v1/incidents/newest")["id"] == "newest"
    own_client.app.state.reader.close()
    restore(tmp_path / "copy.db", _opened(_path(seeded)))
    assert own_client.get("/v1/incidents/newest").status_code == 404


@pytest.mark.parametrize("address", ["/v1/changes", "/v1/log/checkpoint"])
def test_a_restore_changes_the_etag_of_responses_with_the_epoch(
    own_client: Client, seeded: Database, tmp_path: Path, address: str
) -> None:
    """Though the newest recording is the same: only so does a follower learn that it has to begin anew."""
    # given
    backup(seeded, tmp_path / "copy.db")
    had = own_client.get(address)

    # when
    own_client.app.state.reader.close()
    restore(tmp_path / "copy.db", seeded)
    answer = own_client.get(address, headers={"If-None-Match": had.headers["etag"]})

    # then
    assert answer.status_code == 200
    assert answer.json()["epoch"] != had.json()["epoch"]


def test_recording_continues_from_the_restored_state(seeded: Database, tmp_path: Path) -> None:
    # given
    backup(seeded, tmp_path / "copy.db")
    at_the_backup = verify(seeded)
    record(seeded, incident_draft("lost"))

    # when
    restore(tmp_path / "copy.db", seeded)
    record(seeded, incident_draft("found"))

    # then
    proved = verify(seeded, Checkpoint(at_the_backup.entries, at_the_backup.root))
    assert proved.entries == at_the_backup.entries + 1
    client = Client(seeded)
    assert [client.get(f"/v1/incidents/{name}").status_code for name in ("found", "lost")] == [200, 404]
    client.close()


def test_a_restore_waits_for_a_running_write(seeded: Database, tmp_path: Path) -> None:
    # given
    backup(seeded, tmp_path / "copy.db")
    began, done = threading.Event(), []

    def write() -> None:
        other = _opened(_path(seeded))
        with other.writing() as transaction:
            transaction.connection.execute("UPDATE feed SET since = since + 1")
            began.set()
            done.append("written" if not threading.Event().wait(0.5) else "")
        other.close()

    writer = threading.Thread(target=write)
    writer.start()
    assert began.wait(10)

    # when
    restore(tmp_path / "copy.db", _opened(_path(seeded)))
    done.append("restored")
    writer.join(10)

    # then
    assert done == ["written", "restored"]
    verify(seeded)


def test_a_backup_with_larger_pages_can_be_restored(seeded: Database, tmp_path: Path) -> None:
    """As `VACUUM` leaves it that was told so."""
    # given
    backup(seeded, tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA page_size = 8192")
        connection.execute("VACUUM")
    proved = verify(seeded)
    record(seeded, incident_draft("lost"))

    # when
    restore(tmp_path / "copy.db", seeded)

    # then
    assert verify(seeded) == proved


def test_a_backup_of_an_older_schema_is_migrated_in_the_copy_only(seeded: Database, tmp_path: Path) -> None:
    # given
    make_older(tmp_path / "older.db", _path(seeded))
    before, proved, answers = (tmp_path / "older.db").read_bytes(), verify(seeded), _answers(_path(seeded))
    record(seeded, incident_draft("lost"))

    # when
    restore(tmp_path / "older.db", seeded)

    # then
    assert verify(seeded) == proved
    assert {a: b for a, b in _answers(_path(seeded)).items() if a in READ_ADDRESSES} == {
        a: answers[a] for a in READ_ADDRESSES
    }
    assert (tmp_path / "older.db").read_bytes() == before


# What is not restored


def _damaged(path: Path, copy: Path) -> None:
    content = bytearray(copy.read_bytes())
    content[4096 * 3 : 4096 * 12] = bytes(n * 7919 % 251 for n in range(4096 * 9))
    path.write_bytes(content)


def _cut(path: Path, copy: Path) -> None:
    path.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2 + 100])


def _without_header(path: Path, copy: Path) -> None:
    path.write_bytes(bytes(100) + copy.read_bytes()[100:])


def _foreign(path: Path, _: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE incident (id TEXT)")


def _newer(path: Path, copy: Path) -> None:
    shutil.copy(copy, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def _with(sql: str) -> Callable[[Path, Path], None]:
    """A backup in which somebody ran this."""

    def make(path: Path, copy: Path) -> None:
        if path != copy:
            shutil.copy(copy, path)
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(sql)

    return make


PROMOTION = "CREATE TRIGGER mine AFTER INSERT ON api_key BEGIN UPDATE api_key SET scopes = 'admin'; END;"
HIDDEN = (
    "PRAGMA writable_schema = ON; UPDATE sqlite_master SET name = 'sqlite_mine', sql = replace(sql, 'mine', 'sqlite_mine') "
    "WHERE name = 'mine';"
)
REFUSED: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "a damaged file": (_damaged, "damaged|malformed"),
    "half of a file": (_cut, "damaged|malformed"),
    "a file without its header": (_without_header, "cannot be read"),
    "another program's file": (_foreign, "another program"),
    "a trigger that makes every key an administrator": (_with(PROMOTION), "trigger mine"),
    "a trigger of a hidden name": (_with(PROMOTION + HIDDEN), "trigger sqlite_mine"),
    "a trigger of a new epoch": (
        _with("CREATE TRIGGER mine AFTER INSERT ON feed BEGIN DELETE FROM api_key; END"),
        "mine",
    ),
    "a view in the place of a table": (
        _with("ALTER TABLE api_key RENAME TO kept; CREATE VIEW api_key AS SELECT * FROM kept"),
        "view api_key",
    ),
    "a table more": (
        _with("CREATE TABLE mine (a)"),
        "table mine: does not belong to this program; nothing was restored",
    ),
    "a virtual table more": (
        _with("CREATE VIRTUAL TABLE mine USING fts5(a)"),
        "mine.*: does not belong to this program",
    ),
    "an index more": (
        _with("CREATE UNIQUE INDEX mine ON segment (key)"),
        "index mine: does not belong to this program",
    ),
    "an index less": (_with("DROP INDEX ix_segment_date"), "index ix_segment_date: is missing"),
    "a table less": (_with("DROP TABLE kept_answer"), "no such table: kept_answer"),
    "a column more": (_with("ALTER TABLE api_key ADD COLUMN more TEXT"), "table api_key: was changed"),
    "an older schema with a table more": (
        lambda path, copy: (make_older(path, copy, "0003"), _with("CREATE TABLE mine (a)")(path, path)),
        "table mine: does not belong to this program",
    ),
    "a newer schema": (_newer, "newer version"),
    "a text": (lambda path, _: path.write_text("id,title\n" * 1000), "cannot be read"),
    "a folder": (lambda path, _: path.mkdir(), "not a readable file"),
    "nothing": (lambda path, _: None, "is not a readable file"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_an_invalid_backup_is_rejected_and_the_database_unchanged(seeded: Database, tmp_path: Path, kind: str) -> None:
    # given
    make, why = REFUSED[kind]
    backup(seeded, tmp_path / "copy.db")
    make(tmp_path / "bad.db", tmp_path / "copy.db")
    before, names = _content(_path(seeded)), _names(tmp_path)

    # when
    with pytest.raises(DatabaseUnusable, match=why) as told:
        restore(tmp_path / "bad.db", seeded)

    # then
    assert "\n" not in told.value.detail
    assert str(tmp_path / "bad.db") in told.value.detail, "it says which of the two"
    assert _content(_path(seeded)) == before
    assert _names(tmp_path) == names, "nothing is left beside it"


@pytest.mark.parametrize("kind", REFUSED)
def test_an_invalid_backup_creates_no_database(tmp_path: Path, seeded: Database, kind: str) -> None:
    # given
    backup(seeded, tmp_path / "copy.db")
    REFUSED[kind][0](tmp_path / "bad.db", tmp_path / "copy.db")

    # when
    with pytest.raises(DatabaseUnusable):
        restore(tmp_path / "bad.db", _opened(tmp_path / "new.db"))

    # then
    assert not [name for name in _names(tmp_path) if "new.db" in name]


def test_a_restore_into_a_missing_folder_is_rejected_on_one_line(seeded: Database, tmp_path: Path) -> None:
    backup(seeded, tmp_path / "copy.db")
    with pytest.raises(AppError) as told:
        restore(tmp_path / "copy.db", _opened(tmp_path / "nowhere" / "new.db"))
    assert "\n" not in told.value.detail
    assert not (tmp_path / "nowhere").exists()


def test_restoring_the_database_onto_itself_loses_nothing(seeded: Database, tmp_path: Path) -> None:
    # given
    record(seeded, incident_draft("newest"))
    proved, epoch = verify(seeded), _epoch(_path(seeded))

    # when
    kept = restore(_path(seeded), seeded)

    # then
    assert kept is not None and verify(_opened(kept)) == proved
    assert verify(seeded) == proved
    assert _epoch(_path(seeded)) != epoch


def test_a_failed_restore_leaves_the_database_and_no_other_files(
    seeded: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    backup(seeded, tmp_path / "copy.db")
    record(seeded, incident_draft("newest"))
    before = _content(_path(seeded))

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("app.store.maintenance.sqlite_files.replace_file", fail)

    # when
    with pytest.raises(DatabaseUnusable, match="Input/output error"):
        restore(tmp_path / "copy.db", seeded)

    # then
    assert _content(_path(seeded)) == before
    assert not [name for name in _names(tmp_path) if name.endswith((".restoring", ".part"))]


def test_the_seeds_are_served_after_a_restore_over_another_database(
    database: Database, seeded: Database, tmp_path: Path
) -> None:
    # given
    backup(seeded, tmp_path / "copy.db")
    record(database, incident_draft("other"))

    # when
    restore(tmp_path / "copy.db", database)

    # then
    client = Client(database)
    assert client.json(INDELIMANE)["toll"]["killed"]["best"] == 49
    assert client.get("/v1/incidents/other").status_code == 404
    client.close()
