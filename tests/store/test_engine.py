"""The database: migrations, durability, writers beside each other, readers that cannot write."""

import multiprocessing
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from app.errors import Conflict, DatabaseUnusable, InvalidInput
from app.store.db.database import Database
from app.store.maintenance import schema
from app.store.maintenance.schema import scripts_of
from app.store.maintenance.verify import verify
from app.store.write.writer import recording
from tests.store.recorded import Asking, incident, record, report


def _ours(name: str | None, kind: str, _: object) -> bool:
    return not (kind == "table" and name and name.startswith(("incident_text", "incident_box")))


def test_the_migrations_make_what_the_tables_say(database: Database) -> None:
    with database.engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": _ours})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_a_downgrade_leaves_nothing_behind(database: Database) -> None:
    with database.engine.begin() as connection:
        config = scripts_of(database.url)
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        left = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
    assert left == ["alembic_version"]


def test_what_was_recorded_before_regions_were_searched_is_found_by_them(database: Database) -> None:
    # given a file of migration 0003
    told = {"region": "ML-9", "district": "Inékar", "place": "Indelimane", "summary": "Soldiers died."}
    actors = [{"name": "Malian Armed Forces", "kind": "state_forces", "role": "target"}]
    record(database, incident("a", actors=actors, **told), incident("b", region="ML-7"))
    with database.engine.begin() as connection:
        config = scripts_of(database.url)
        config.attributes["connection"] = connection
        command.downgrade(config, "0003")
        columns = connection.exec_driver_sql("SELECT name FROM pragma_table_info('incident_text')").scalars().all()
        assert columns == ["title", "summary", "place", "actors"]

        # when
        command.upgrade(config, "head")

    # then
    ask = Asking(database)
    for words in ("menaka", "Inékar", "indelimane", "soldiers", "malian arm"):
        assert ask.ids(("q", words)) == ["a"], words
    assert ask.ids(("q", "attack")) == ["b", "a"]
    assert ask.ids(("q", "gao")) == ["b"]
    assert verify(database)


def test_code_lists_are_named_constraints_and_no_native_types() -> None:
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.schema import CreateTable

    made = str(CreateTable(SQLModel.metadata.tables["toll_report"]).compile(dialect=postgresql.dialect()))
    assert "CONSTRAINT ck_toll_report_measure CHECK (measure IN ('killed'" in made
    assert "CREATE TYPE" not in made and "measure VARCHAR(40)" in made


def test_a_write_is_on_disk_before_it_is_acknowledged(database: Database) -> None:
    with database.engine.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def _write_some(url: str, name: str) -> None:
    database = Database(url)
    for n in range(15):
        record(database, report(n, f"{name}-{n}"), about=("a",))


@pytest.mark.slow
def test_writers_beside_each_other_never_build_on_the_same_past(database: Database) -> None:
    """pysqlite's own transactions read first and lock later: two writers then take the same key and instant."""
    record(database, incident("a"))
    url = database.url.render_as_string()
    writers = [multiprocessing.get_context("spawn").Process(target=_write_some, args=(url, f"w{n}")) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0, 0]
    connection = sqlite3.connect(str(database.url.database))
    keys = [row[0] for row in connection.execute("SELECT key FROM recording ORDER BY recorded_at")]
    assert keys == list(range(1, 62))
    assert Asking(database).page()[0]["toll"]["killed"]["reports"] == 60


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), recording(database, "test") as writer:
        writer.record_incident(incident("a"))
        raise RuntimeError
    assert Asking(database).ids() == []


def test_a_record_with_one_bad_report_is_refused_whole_and_its_neighbours_stay(database: Database) -> None:
    bad = incident(
        "bad", toll_reports=[report(5).model_dump(mode="json"), report(6, supersedes="nix").model_dump(mode="json")]
    )
    with recording(database, "test") as writer:
        writer.record_incident(incident("good"))
        with pytest.raises(InvalidInput, match="supersedes"), writer.appender.savepoint():
            writer.record_incident(bad)
    assert Asking(database).ids() == ["good"]


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ([report(9, id="r1")], "best"),
        ([incident("a", title="Another")], "title"),
        ([report(5, by="army", reported_by={"id": "ministry", "name": "Other", "kind": "ngo"})], "name, kind"),
    ],
)
def test_what_is_recorded_is_never_overwritten(database: Database, facts: list[object], why: str) -> None:
    record(database, incident("a"), report(5, id="r1"), about=("a",))
    with pytest.raises(Conflict, match=why):
        record(database, *facts, about=("a",))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"on": "2999-01-01"}, "lies in the future"),
        ({"supersedes": "r1", "measure": "wounded"}, "another measure"),
        ({"supersedes": "r1", "incidents": ["b"]}, "other incidents"),
        ({"supersedes": "r1", "on": "2019-10-31"}, "later than this one"),
        ({"incidents": ["nix"]}, "names an incident that does not exist"),
    ],
)
def test_a_report_that_cannot_be_is_refused(database: Database, members: dict[str, str], why: str) -> None:
    record(database, incident("a"), incident("b"), report(5, id="r1"), about=("a",))
    with pytest.raises(Exception, match=why):
        record(database, report(9, **members), about=() if "incidents" in members else ("a",))  # type: ignore[arg-type]


def test_a_reader_cannot_write(database: Database) -> None:
    connection, _ = Asking(database).reader._open(1000)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM incident")


def test_a_missing_database_is_not_made_by_looking(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    with pytest.raises(DatabaseUnusable, match="does not exist"):
        schema.check(Database(f"sqlite:///{path}"))
    assert not path.exists()


def test_a_report_about_nothing_and_one_sent_with_another_incident_are_refused(database: Database) -> None:
    record(database, incident("a"), incident("b"))
    with pytest.raises(InvalidInput, match="names no incident"):
        record(database, report(9))
    with pytest.raises(InvalidInput, match="leaves out the incident"):
        record(database, report(9, incidents=["a"]), about=("b",))


def test_a_withdrawn_incident_takes_no_more_reports(database: Database) -> None:
    record(database, incident("a"), report(5), about=("a",))
    with recording(database, "test") as writer:
        writer.withdraw_incident("a", "wrong")
    with pytest.raises(Conflict, match="is withdrawn"):
        record(database, report(9, "army"), about=("a",))


def test_recording_nothing_leaves_no_trace(database: Database) -> None:
    first = record(database, incident("a"))
    record(database, incident("a"))
    connection = sqlite3.connect(str(database.url.database))
    assert connection.execute("SELECT recorded_at, recorded_by FROM recording").fetchall() == [(first, "test")]


def test_a_process_of_before_the_log_that_still_writes_is_refused(database: Database) -> None:
    with database.engine.begin() as connection, pytest.raises(IntegrityError, match="NOT NULL"):
        connection.exec_driver_sql("INSERT INTO recording (key, recorded_at, recorded_by) VALUES (1, 1, 'old')")


@pytest.mark.parametrize(
    "made",
    [
        "CREATE TRIGGER mine AFTER INSERT ON api_key BEGIN UPDATE api_key SET scopes = 'admin'; END",
        "CREATE TRIGGER mine AFTER INSERT ON source BEGIN SELECT 1; END",
        "CREATE VIEW mine AS SELECT * FROM secret",
    ],
)
def test_a_database_with_a_trigger_or_a_view_is_not_opened(database: Database, made: str) -> None:
    # given
    schema.check(database)
    with closing(sqlite3.connect(str(database.url.database))) as connection:
        connection.executescript(made)

    # then
    for refused in (schema.check, schema.migrate):
        with pytest.raises(
            DatabaseUnusable, match=r"has the (trigger|view) mine, which this program did not create"
        ) as told:
            refused(database)
        assert "\n" not in told.value.detail
