"""`incidents import`: what it prints, what it leaves behind and how it ends."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from app.store.db.database import Database
from tests import ged
from tests.support import Client, command
from tests.test_cli import CommandLine

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


def test_a_file_is_imported_and_summed_up_in_one_line(incidents: CommandLine, tmp_path: Path) -> None:
    # given
    file = str(ged.write(tmp_path / "ged.csv", ged.events(30)))

    # when
    told = incidents.run("import", "ucdp-ged", file, *RELEASE)
    again = incidents.run("import", "ucdp-ged", file, *RELEASE)

    # then
    assert told.stdout == ""
    assert told.stderr == "ged.csv: 30 created, 0 revised, 0 unchanged, 0 absent, 0 repaired, 0 refused\n"
    assert again.stderr == "ged.csv: 0 created, 0 revised, 30 unchanged, 0 absent, 0 repaired, 0 refused\n"


def test_events_that_a_release_no_longer_lists_are_named(incidents: CommandLine, tmp_path: Path) -> None:
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


def test_refused_rows_end_with_1_and_the_others_are_kept(
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


def test_to_keep_going_ends_with_0(incidents: CommandLine, tmp_path: Path) -> None:
    assert "3 refused" in incidents.run("import", "csv", put(tmp_path, MIXED), "--keep-going").stderr


def test_rejects_can_be_mended_and_imported(incidents: CommandLine, count: Callable[[], int], tmp_path: Path) -> None:
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


def test_a_dry_run_tells_everything_and_keeps_nothing(
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
def test_what_cannot_be_asked_ends_with_2_and_a_reason(
    incidents: CommandLine, count: Callable[[], int], tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    # given
    file = put(tmp_path, GOOD)

    # when
    told = incidents.run("import", *(file if word == "FILE" else word for word in words), expect=2)

    # then
    assert why.lower() in told.stderr.lower()
    assert count() == 0


def test_a_file_that_is_no_table_stops_the_rest_unless_it_is_to_keep_going(
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


def test_progress_is_drawn_for_a_terminal_only(tmp_path: Path) -> None:
    # given
    file = put(tmp_path, GOOD)
    assert command("migrate", cwd=tmp_path).returncode == 0

    # when
    piped = command("import", "csv", file, cwd=tmp_path)

    # then
    assert piped.stderr == "table.csv: 1 created, 0 revised, 0 unchanged, 0 absent, 0 repaired, 0 refused\n"
