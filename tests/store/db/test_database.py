"""The database: migrations, durability, concurrent writers, read-only readers."""

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
from tests.builders import incident_draft, record, report_body, report_draft
from tests.store.reads import StoreReads


def _ours(name: str | None, kind: str, _: object) -> bool:
    return not (kind == "table" and name and name.startswith(("incident_text", "incident_box")))


def test_the_migrations_produce_the_declared_tables(database: Database) -> None:
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


def test_older_incidents_are_found_by_region_after_the_migration(database: Database) -> None:
    # given a file of migration 0003
    told = {"region": "ML-9", "district": "Inékar", "place": "Indelimane", "summary": "Soldiers died."}
    actors = [{"name": "Malian Armed Forces", "kind": "state_forces", "role": "target"}]
    record(database, incident_draft("a", actors=actors, **told), incident_draft("b", region="ML-7"))
    with database.engine.begin() as connection:
        config = scripts_of(database.url)
        config.attributes["connection"] = connection
        command.downgrade(config, "0003")
        columns = connection.exec_driver_sql("SELECT name FROM pragma_table_info('incident_text')").scalars().all()
        assert columns == ["title", "summary", "place", "actors"]

        # when
        command.upgrade(config, "head")

    # then
    reads = StoreReads(database)
    for words in ("menaka", "Inékar", "indelimane", "soldiers", "malian arm"):
        assert reads.ids(("q", words)) == ["a"], words
    assert reads.ids(("q", "attack")) == ["b", "a"]
    assert reads.ids(("q", "gao")) == ["b"]
    assert verify(database)


def test_code_lists_are_named_check_constraints() -> None:
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
        record(database, report_draft(n, f"{name}-{n}"), about=("a",))


@pytest.mark.slow
def test_concurrent_writers_never_build_on_the_same_state(database: Database) -> None:
    """pysqlite's own transactions read first and lock later: two writers then take the same key and instant."""
    record(database, incident_draft("a"))
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
    assert StoreReads(database).page()[0]["toll"]["killed"]["reports"] == 60


def test_a_failed_transaction_records_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), recording(database, "test") as writer:
        writer.record_incident(incident_draft("a"))
        raise RuntimeError
    assert StoreReads(database).ids() == []


def test_an_incident_with_one_invalid_report_is_rejected_and_others_are_kept(database: Database) -> None:
    bad = incident_draft(
        "bad",
        toll_reports=[
            report_body(5),
            report_body(6, supersedes="nix"),
        ],
    )
    with recording(database, "test") as writer:
        writer.record_incident(incident_draft("good"))
        with pytest.raises(InvalidInput, match="supersedes"), writer.appender.savepoint():
            writer.record_incident(bad)
    assert StoreReads(database).ids() == ["good"]


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ([report_draft(9, id="r1")], "best"),
        ([incident_draft("a", title="Another")], "title"),
        ([report_draft(5, reporter="army", reported_by={"id": "gov", "name": "Other", "kind": "ngo"})], "name, kind"),
    ],
)
def test_recorded_facts_are_never_overwritten(database: Database, facts: list[object], why: str) -> None:
    record(database, incident_draft("a"), report_draft(5, id="r1"), about=("a",))
    with pytest.raises(Conflict, match=why):
        record(database, *facts, about=("a",))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"reported_on": "2999-01-01"}, "lies in the future"),
        ({"supersedes": "r1", "measure": "wounded"}, "another measure"),
        ({"supersedes": "r1", "incidents": ["b"]}, "other incidents"),
        ({"supersedes": "r1", "reported_on": "2020-01-01"}, "later than this one"),
        ({"incidents": ["nix"]}, "names an incident that does not exist"),
    ],
)
def test_an_impossible_report_is_rejected(database: Database, members: dict[str, str], why: str) -> None:
    record(database, incident_draft("a"), incident_draft("b"), report_draft(5, id="r1"), about=("a",))
    with pytest.raises(Exception, match=why):
        record(database, report_draft(9, **members), about=() if "incidents" in members else ("a",))  # type: ignore[arg-type]


def test_a_reader_cannot_write(database: Database) -> None:
    connection, _ = StoreReads(database).reader._open(1000)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM incident")


def test_reading_does_not_create_a_missing_database(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    with pytest.raises(DatabaseUnusable, match="does not exist"):
        schema.check(Database(f"sqlite:///{path}"))
    assert not path.exists()


def test_a_report_without_an_incident_or_with_another_one_is_rejected(database: Database) -> None:
    record(database, incident_draft("a"), incident_draft("b"))
    with pytest.raises(InvalidInput, match="names no incident"):
        record(database, report_draft(9))
    with pytest.raises(InvalidInput, match="leaves out the incident"):
        record(database, report_draft(9, incidents=["a"]), about=("b",))


def test_a_report_about_a_withdrawn_incident_is_rejected(database: Database) -> None:
    record(database, incident_draft("a"), report_draft(5), about=("a",))
    with recording(database, "test") as writer:
        writer.withdraw_incident("a", "wrong")
    with pytest.raises(Conflict, match="is withdrawn"):
        record(database, report_draft(9, "army"), about=("a",))


def test_an_empty_recording_leaves_no_trace(database: Database) -> None:
    first = record(database, incident_draft("a"))
    record(database, incident_draft("a"))
    connection = sqlite3.connect(str(database.url.database))
    assert connection.execute("SELECT recorded_at, recorded_by FROM recording").fetchall() == [(first, "tests")]


def test_a_process_from_before_the_log_cannot_write(database: Database) -> None:
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
