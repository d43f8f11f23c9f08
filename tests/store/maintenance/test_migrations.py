"""A migrated database equals one that the current version would have written."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory

from app.domain.incident import IncidentDraft
from app.domain.source import ReporterDraft
from app.domain.toll import TollReportDraft
from app.domain.vocabulary import ReporterKind
from app.ingest.formats import import_file, importer_of
from app.query.code_lists import FileFormat
from app.store.db.database import Database
from app.store.maintenance import schema
from app.store.maintenance.schema import scripts_of
from app.store.maintenance.verify import Checkpoint, Verified, verify
from app.store.write.writer import recording
from tests.builders import incident_draft, record, report_body, report_draft
from tests.ged import events as ged_events
from tests.ged import with_figure, write
from tests.ingest.test_acled import WEEKS, as_csv
from tests.store.rich import make_older, write_legacy_kinds
from tests.support import Client


def migrate_to(database: Database, revision: str) -> None:
    with database.engine.begin() as connection:
        config = scripts_of(database.url)
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


RELEASE_ADDRESSES = (
    "/v1/stats?group_by=year",
    "/v1/stats?group_by=month",
    "/v1/stats?group_by=day",
    "/v1/incidents?dropped=true&fields=id",
    "/v1/incidents?dropped=false&limit=1000",
)


def answers(database: Database) -> dict[str, Any]:
    client = Client(database)
    found = {address: client.json(address) for address in RELEASE_ADDRESSES}
    client.close()
    return found


def test_a_migration_recovers_dataset_days_and_release_spans(database: Database, tmp_path: Path) -> None:
    # given weeks around days, an interval that goes on into the stated year, and an event that a release dropped
    content = tmp_path / "acled.csv"
    content.write_bytes(as_csv(*WEEKS))
    import_file(importer_of(FileFormat.ACLED, None, "2020-01-01"), content, database, "tests")
    record(
        database,
        incident_draft(
            "turn", date_start="2018-12-20", date_end="2019-01-10", date_precision="longer", attributes={"year": 2019}
        ),
        incident_draft(
            "odd",
            date_start="2018-12-20",
            date_end="2019-01-10",
            date_precision="longer",
            attributes={"year": "2²", "event_date": "soon"},
        ),
    )
    events = [
        with_figure(event, 5)
        | {
            "year": 2020,
            "date_start": "2020-05-01",
            "date_end": "2020-05-01",
            "country": "Mali",
            "country_id": 432,
            "adm_1": "",
        }
        for event in ged_events(1000)
    ]
    for release, listed in (("24.1", events), ("25.1", events[1:])):
        file = write(tmp_path / f"{release}.csv", listed)
        import_file(importer_of(FileFormat.UCDP_GED, release, f"20{release[:2]}-06-01"), file, database, "tests")
    right = answers(database)
    assert [item["id"] for item in right["/v1/incidents?dropped=true&fields=id"]["items"]] == ["ucdp-1"]

    # when it goes down to the schema before, and up again
    migrate_to(database, "0004")
    schema.migrate(database)

    # then
    assert answers(database) == right
    assert verify(database).entries > 1000


WORDS = "attack village patrol convoy market road bridge post camp river mine ambush drone militia herders".split()
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
ADDRESSES = (
    "/v1/incidents?limit=1000",
    "/v1/incidents?q=attack+mark&limit=1000&fields=id",
    "/v1/incidents?actor=group+7&limit=1000&fields=id",
    "/v1/incidents?place=place+1&limit=1000&fields=id",
    "/v1/incidents?q=menaka&limit=1000&fields=id",
    "/v1/incidents?bbox=-3,10,1,14&limit=1000&fields=id",
    "/v1/incidents?as_of=2019-01-01&limit=1000&fields=id,toll",
    "/v1/incidents?near_border=NE&limit=1000&fields=id",
    "/v1/incidents?place_precision=near&limit=1000&fields=id",
    "/v1/incidents/i-0000",
    "/v1/incidents/i-0000?as_of=2020-02-10",
    "/v1/incidents/i-0302",
    "/v1/incidents/i-0000/toll-history",
    "/v1/incidents/i-0001/versions",
    "/v1/toll-reports?limit=1000",
    "/v1/stats?group_by=year",
    "/v1/stats?group_by=month",
    "/v1/stats?group_by=day",
    "/v1/regions",
    "/v1/sources",
    "/v1/reporters",
    "/v1/changes?limit=1000",
    "/v1/changes?after=2000&limit=1000",
    "/v1/log/proof?seq=1234",
)


def thousand(database: Database) -> None:
    """1,000 incidents, recorded 50 at a time; then long texts, revisions, corrections, retractions, shared figures,
    withdrawals."""
    for start in range(0, 1000, 50):
        record(database, *(_incident(n) for n in range(start, start + 50)))
    _long_texts(database)
    for n in range(0, 1000, 100):
        with recording(database, "an editor") as writer:
            writer.revise_incident(f"i-{n + 1:04}", {"title": f"Another title {n}"})
            corrected = report_draft(7, "gov", "2020-03-01", id=f"r-{n}-3", supersedes=f"r-{n}-1")
            writer.record_report(corrected, [f"i-{n:04}"])
            shared = report_draft(70, "ngo", "2020-03-02", id=f"r-{n}-4")
            writer.record_report(shared, [f"i-{n:04}", f"i-{n + 4:04}"])
            writer.retract_report(f"r-{n + 2}-2", "counted twice", "2020-03-03")
            writer.withdraw_incident(f"i-{n + 3:04}", "recorded twice", f"i-{n:04}")
    with recording(database, "an editor") as writer:
        writer.retract_report("r-gone", "both were recorded twice", "2020-03-03")


def _long_texts(database: Database) -> None:
    """A figure that 450 incidents share, an incident with reports of 40 sources, and a set that is withdrawn whole."""
    with recording(database, "an editor") as writer:
        many = [f"i-{n:04}" for n in range(450)]
        for n in range(2):
            writer.record_report(_report(900 + n, f"r-many-{n}", 1), many)
        writer.record_report(_report(9, "r-gone", 1), ["i-0003", "i-0103"])
    for n in range(40):
        with recording(database, "an editor") as writer:
            writer.record_report(_report(n, f"r-source-{n}", n), ["i-0000"])


def _report(best: int, report_id: str, source: int) -> TollReportDraft:
    title = f"“{' '.join(WORDS)}” é {source}"
    source_body = {"id": f"source-{source}", "title": title}
    return report_draft(best, "ngo", f"2020-02-{1 + best % 20:02}", id=report_id, source=source_body)


def _incident(n: int) -> IncidentDraft:
    summary = " ".join(f"{WORDS[n * k % 15]} {WORDS[k]}{n * k % 97}" for k in range(15))
    long = n % 9 == 0
    return incident_draft(
        f"i-{n:04}", title=f"{WORDS[n % 15]} near {WORDS[n * 7 % 15]}", summary=summary, place=f"Place {n % 50}",
        country=("ML", "NE", "BF")[n % 3], region="Menaka" if n % 30 == 0 else None, near_border=["NE"] if n % 5 == 0 else [],
        date_start="2017-12-20" if long else f"2018-{1 + n % 12:02}-{1 + n % 28:02}",
        date_end="2018-01-10" if long else f"2018-{1 + n % 12:02}-{1 + n % 28:02}", date_precision="longer" if long else "day",
        latitude=10 + n % 9 + n / 1024, longitude=-3 + n % 11 / 8, attributes={"year": 2018},
        place_precision=("exact", "near", None)[n % 3],
        actors=[{"name": f"Group {n % 40}", "role": "attacker", "kind": "rebel_group"}],
        external_ids={"ucdp": str(n)} if n % 2 else {},
        toll_reports=[report_body(n % 60, "gov", "2019-01-01", id=f"r-{n}-1"), report_body(n % 45, "ngo", "2018-12-31", id=f"r-{n}-2")],
    )  # fmt: skip


@pytest.fixture(scope="module")
def thousand_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To be copied, not written."""
    path = tmp_path_factory.mktemp("thousand") / "thousand.db"
    shutil.copy(migrated_file, path)
    made = Database(f"sqlite:///{path}")
    thousand(made)
    made.close()
    return path


def bodies(path: Path) -> dict[str, Any]:
    """What every kind of read answers over a file, without the epoch, which begins when the log does."""
    client = Client(Database(f"sqlite:///{path}"))
    found = {address: client.json(address) for address in (*ADDRESSES, "/v1/log/checkpoint")}
    client.close()
    return {
        address: {name: value for name, value in told.items() if name != "epoch"} for address, told in found.items()
    }


@pytest.fixture(scope="module")
def legacy_file(thousand_file: Path) -> Path:
    """The same facts with a log as it was written before 0007. To be copied, not written."""
    path = thousand_file.with_name("legacy.db")
    shutil.copy(thousand_file, path)
    write_legacy_kinds(path)
    return path


def _state(path: Path) -> tuple[Verified, dict[str, Any]]:
    return verify(Database(f"sqlite:///{path}")), bodies(path)


@pytest.fixture(scope="module")
def expected(thousand_file: Path, legacy_file: Path) -> dict[str, tuple[Verified, dict[str, Any]]]:
    """By revision: a log that is begun by the migration, or begins with 0007, has no legacy entries."""
    current, legacy = _state(thousand_file), _state(legacy_file)
    return dict.fromkeys(REVISIONS, legacy) | {"0001": current, "0007": current, "0008": current}


def test_every_migration_is_tested() -> None:
    scripts = ScriptDirectory.from_config(scripts_of(Database("sqlite:///none.db").url))
    assert sorted(script.revision for script in scripts.walk_revisions()) == list(REVISIONS)


@pytest.mark.slow
@pytest.mark.parametrize("revision", REVISIONS)
def test_a_migrated_database_verifies_and_gives_the_same_responses(
    thousand_file: Path, expected: dict[str, tuple[Verified, dict[str, Any]]], tmp_path: Path, revision: str
) -> None:
    # given a database as the program of that revision wrote it
    path = tmp_path / "older.db"
    make_older(path, thousand_file, revision)

    # when
    database = Database(f"sqlite:///{path}")
    schema.migrate(database)
    database.close()

    # then
    proved = verify(database)
    assert proved.entries > 3000
    assert (proved, bodies(path)) == expected[revision]


def test_entries_of_earlier_versions_keep_their_kind_and_hash_and_new_ones_follow_them(
    thousand_file: Path, tmp_path: Path
) -> None:
    # given a database as it was before 0007
    path = tmp_path / "older.db"
    make_older(path, thousand_file, "0006")
    with closing(sqlite3.connect(path)) as connection:
        before = connection.execute("SELECT seq, kind, hash FROM change ORDER BY seq").fetchall()
        (root,) = connection.execute("SELECT log_root FROM recording ORDER BY key DESC LIMIT 1").fetchone()

    # when it is migrated, and another reporter recorded
    database = Database(f"sqlite:///{path}")
    schema.migrate(database)
    with recording(database, "an editor") as writer:
        writer.record_reporter_or_source(ReporterDraft(name="Another reporter", kind=ReporterKind.NGO))
    database.close()

    # then
    with closing(sqlite3.connect(path)) as connection:
        after = connection.execute("SELECT seq, kind, hash FROM change ORDER BY seq").fetchall()
    kinds = [kind for _, kind, _ in after]
    assert after[: len(before)] == before
    assert kinds[len(before) :] == ["reporter.created"]
    assert "source.reporter_created" in kinds and "reporter.created" not in kinds[: len(before)]
    assert verify(database, Checkpoint(len(before), root.hex())).entries == len(after)
