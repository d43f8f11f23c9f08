"""`incidents import`: its output, its files and its exit codes."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from app.store.db.database import Database
from tests import ged
from tests.cli.test_commands import CommandLine
from tests.support import Client, command

RELEASE = ("--release", "26.1", "--released-on", "2026-06-01")
GOOD = "id,title,date_start,country\nx,T,2020-01-01,Mali\n"
MIXED = GOOD + ",T,2020-01-01,Mali\ny,T,2020-13-01,Mali\nz,=1+1,2020-01-01,Atlantis\n"


@pytest.fixture
def incidents(database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(Path(database.url.database or ""), monkeypatch, capsys)


def put(folder: Path, content: str, name: str = "table.csv") -> str:
    path = folder / name
    path.write_text(content)
    return str(path)


@pytest.fixture
def count(database: Database) -> Callable[[], int]:
    """How many incidents there are."""

    def asked() -> int:
        client = Client(database)
        total: int = client.json("/v1/incidents?limit=1&total=true")["total"]
        client.close()
        return total

    return asked


def test_an_import_prints_a_summary_on_one_line(incidents: CommandLine, tmp_path: Path) -> None:
    # given
    file = str(ged.write(tmp_path / "ged.csv", ged.events(30)))

    # when
    told = incidents.run("import", "ucdp-ged", file, *RELEASE)
    again = incidents.run("import", "ucdp-ged", file, *RELEASE)

    # then
    assert told.stdout == ""
    assert told.stderr == "ged.csv: 30 created, 0 revised, 0 unchanged, 0 absent, 0 repaired, 0 refused\n"
    assert again.stderr == "ged.csv: 0 created, 0 revised, 30 unchanged, 0 absent, 0 repaired, 0 refused\n"


def test_an_import_names_the_events_that_a_release_no_longer_lists(incidents: CommandLine, tmp_path: Path) -> None:
    # given
    events = list(ged.events(30))
    incidents.run("import", "ucdp-ged", str(ged.write(tmp_path / "a.csv", events)), *RELEASE)

    # when
    later = ("--release", "27.1", "--released-on", "2026-09-01")
    kept = [event for event in events if event["year"] not in (1989, 2025)][:20] + events[-3:]
    told = incidents.run("import", "ucdp-ged", str(ged.write(tmp_path / "b.csv", kept)), *later)

    # then
    counts, absent = told.stderr.splitlines()
    missing = {f"ucdp-{event['id']}" for event in events if event not in kept}
    named = set(absent.removeprefix("  absent: ").split(" and ")[0].split(", "))
    assert named <= missing
    assert f", {len(named)} absent," in counts or " more" in absent


def test_rejected_rows_exit_with_1_and_the_other_rows_are_kept(
    incidents: CommandLine, count: Callable[[], int], tmp_path: Path
) -> None:
    # when
    told = incidents.run("import", "csv", put(tmp_path, MIXED), expect=1)

    # then
    lines = told.stderr.splitlines()
    assert lines[0] == "table.csv: 1 created, 0 revised, 0 unchanged, 0 absent, 0 repaired, 3 refused"
    assert lines[1] == "  refused: table.csv, line 3: id: is empty"
    assert "line 4: date_start: " in lines[2]
    assert "Atlantis" in lines[3]
    assert count() == 1


def test_keep_going_exits_with_0(incidents: CommandLine, tmp_path: Path) -> None:
    assert "3 refused" in incidents.run("import", "csv", put(tmp_path, MIXED), "--keep-going").stderr


def test_rejected_rows_can_be_corrected_and_imported(
    incidents: CommandLine, count: Callable[[], int], tmp_path: Path
) -> None:
    # given
    rejects = tmp_path / "rejects.csv"
    incidents.run("import", "csv", put(tmp_path, MIXED), "--rejects", str(rejects), expect=1)
    with rejects.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["refused_line"] for row in rows] == [f"table.csv, line {n}" for n in (3, 4, 5)]
    assert rows[0]["refused_because"] == "id: is empty"

    # when
    mended = rejects.read_text().replace("Atlantis", "Mali").replace("2020-13-01", "2020-12-01")
    rejects.write_text(mended.replace(",,T,", ",w,T,"))
    told = incidents.run("import", "csv", str(rejects))

    # then
    assert told.stderr == "rejects.csv: 3 created, 0 revised, 0 unchanged, 0 absent, 0 repaired, 0 refused\n"
    assert count() == 4


def test_a_dry_run_prints_everything_and_records_nothing(
    incidents: CommandLine, count: Callable[[], int], tmp_path: Path
) -> None:
    # when
    rejects = tmp_path / "rejects.csv"
    told = incidents.run("import", "csv", put(tmp_path, MIXED), "--dry-run", "--rejects", str(rejects), expect=1)

    # then
    assert "1 created" in told.stderr
    assert "(dry run: nothing was recorded)" in told.stderr
    assert rejects.read_text().count("\n") == 4
    assert count() == 0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("ucdp-ged", "FILE"), "release"), (("ucdp-ged", "FILE", "--release", "1"), "released_on"), (("ucdp-ged", "FILE", *RELEASE), "is not a UCDP GED file"),
        (("csv", "nowhere.csv"), "No such file"), (("xls", "FILE"), "xls"), (("csv",), "FILES"), (("csv", "FILE", "--rejects", "no/where.csv"), "cannot be written"),
    ],
)  # fmt: skip
def test_invalid_options_exit_with_2_and_a_reason(
    incidents: CommandLine, count: Callable[[], int], tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    # given
    file = put(tmp_path, GOOD)

    # when
    told = incidents.run("import", *(file if word == "FILE" else word for word in words), expect=2)

    # then
    assert why.lower() in told.stderr.lower()
    assert count() == 0


def test_an_unreadable_file_stops_the_import_unless_keep_going_is_set(
    incidents: CommandLine, count: Callable[[], int], tmp_path: Path
) -> None:
    # given
    bad, good = put(tmp_path, "a,b\n", "bad.csv"), put(tmp_path, GOOD, "good.csv")

    # when
    incidents.run("import", "csv", bad, good, expect=2)
    stopped = count()
    told = incidents.run("import", "csv", bad, good, "--keep-going")

    # then
    assert stopped == 0
    assert "bad.csv: " in told.stderr
    assert "good.csv: 1 created" in told.stderr


def test_progress_is_shown_only_on_a_terminal(tmp_path: Path) -> None:
    # given
    file = put(tmp_path, GOOD)
    assert command("migrate", cwd=tmp_path).returncode == 0

    # when
    piped = command("import", "csv", file, cwd=tmp_path)

    # then
    assert piped.stderr == "table.csv: 1 created, 0 revised, 0 unchanged, 0 absent, 0 repaired, 0 refused\n"
