"""The command line: the same queries and results as over HTTP."""

import csv
import fcntl
import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from app.cli import main
from tests.support import Service, command, free_port


class Done(NamedTuple):
    stdout: str
    stderr: str


class CommandLine:
    """The command in this process, on one database."""

    def __init__(self, database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys
        monkeypatch.setenv("INCIDENTS_DATABASE_URL", f"sqlite:///{database}")
        monkeypatch.setenv("COLUMNS", "160")

    def run(self, *words: str, expect: int = 0) -> Done:
        self.monkeypatch.setattr(sys, "argv", ["incidents", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        told = Done(*self.capsys.readouterr())
        assert (ended.value.code or 0) == expect, told.stderr
        return told


@pytest.fixture
def incidents(seeded_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(seeded_file, monkeypatch, capsys)


def test_find_shows_a_table(incidents: CommandLine) -> None:
    shown = incidents.run("find", "--region", "menaka", "--date-from", "2019-11-01").stdout
    assert "ml-2019-11-01-indelimane" in shown and "49 ▼" in shown and shown.rstrip().endswith("1 incident")


def test_find_prints_every_other_format(incidents: CommandLine) -> None:
    lines = incidents.run("find", "--near-border", "BF", "--fields", "id,country", "--f", "ndjson").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"id": "ml-2019-10-burkina-border-2", "country": "ML"},
        {"id": "ml-2019-10-burkina-border-1", "country": "ML"},
    ]


def test_find_pages_by_cursor(incidents: CommandLine) -> None:
    first = incidents.run("find", "--limit", "2").stdout
    cursor = first.split("--cursor ")[1].split()[0]
    second = incidents.run("find", "--limit", "2", "--cursor", cursor).stdout
    assert "indelimane" in first and "burkina-border-1" in second and "indelimane" not in second


def test_find_prints_all_incidents_in_a_file_format_without_a_limit(incidents: CommandLine) -> None:
    assert len(incidents.run("find", "--f", "csv", "--fields", "id").stdout.splitlines()) == 4
    cut = incidents.run("find", "--f", "csv", "--fields", "id", "--limit", "1")
    assert len(cut.stdout.splitlines()) == 2 and cut.stderr.startswith("more with --cursor ")
    told = json.loads(incidents.run("find", "--f", "json", "--limit", "1", "--total", "true").stdout)
    assert (len(told["items"]), told["total"], bool(told["next"])) == (1, 3, True)


def test_toll_shows_the_history_and_its_chart(incidents: CommandLine) -> None:
    shown = incidents.run("toll", "ml-2019-11-01-indelimane", "--measure", "killed").stdout
    assert "lowered -4" in shown and "Government of Mali" in shown
    assert [line.split()[-1] for line in shown.splitlines()[-2:]] == ["53", "49"]
    assert "lowered" not in incidents.run("toll", "ml-2019-11-01-indelimane", "--as-of", "2019-11-01").stdout


@pytest.mark.parametrize("suffix", [".json", ".geojson", ".csv", ".ndjson"])
def test_export_writes_everything_that_matches(incidents: CommandLine, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"mali{suffix}"
    incidents.run("export", str(file), "--country", "Mali", "--killed-min", "0")
    text = file.read_text("utf-8")
    if suffix == ".csv":
        assert [row["killed_best"] for row in csv.DictReader(text.splitlines())] == ["49"]
    else:
        told = json.loads(text)
        items = told.get("items") or told.get("features") or [told]
        assert [item["id"] for item in items] == ["ml-2019-11-01-indelimane"]
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["find", "--region", "Menaca"], 2, 'incidents: region "Menaca": is not a region; did you mean Ménaka, ML-9?'),
        (
            ["find", "--f", "xlsx"],
            2,
            'incidents: f "xlsx": is not a value of this parameter; it is one of json, geojson, csv, ndjson, acled, ucdp, parquet',
        ),
        (
            ["find", "--regoin", "x"],
            2,
            "incidents: No such option: --regoin (Possible options: --region, --revisions-min, --spread-min)",
        ),
        (["toll"], 2, "incidents: Missing argument 'incident_id'."),
        (
            ["export", "/nowhere/x.csv"],
            2,
            'incidents: file "/nowhere/x.csv": cannot be written: No such file or directory',
        ),
        (["find", "--limit", "0"], 2, 'incidents: limit "0": is not a whole number from 1 to 1000'),
        (
            ["export", "x.doc"],
            2,
            'incidents: file "x.doc": has an unknown suffix; use one of .json, .geojson, .csv, .ndjson, .parquet',
        ),
        (["toll", "nix"], 1, 'incidents: No incident has the id "nix".'),
        (
            ["toll", "ml-2019-11-01-indelimane", "--as-of", "2019-10-31"],
            1,
            'incidents: "ml-2019-11-01-indelimane" was not known at the requested time. It is known from 2019-11-01.',
        ),
    ],
)
def test_an_error_is_printed_on_one_line(incidents: CommandLine, words: list[str], code: int, line: str) -> None:
    assert incidents.run(*words, expect=code).stderr.splitlines() == [line]


def test_a_wrong_setting_is_named(incidents: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INCIDENTS_READ_SECONDS", "soon")
    assert "INCIDENTS_READ_SECONDS" in incidents.run("find", expect=2).stderr


def test_openapi_prints_the_document(incidents: CommandLine) -> None:
    assert json.loads(incidents.run("openapi").stdout)["info"]["title"] == "Conflict Incidents"


def test_migrate_and_seed_are_safe_to_repeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh = CommandLine(tmp_path / "new.db", monkeypatch, capsys)
    fresh.run("migrate")
    assert fresh.run("seed").stderr == "seeds: 3 incidents and 2 shared toll reports created\n"
    assert fresh.run("seed").stderr == "seeds: 3 incidents and 2 shared toll reports unchanged\n"
    fresh.run("migrate")


def test_serve_says_where_the_pages_are_and_counts_what_they_show(tmp_path: Path) -> None:
    service = Service(tmp_path, "--port", str(free_port()))
    told = service.log.read_text()
    assert f"service.db: open {service.base}/ (API: {service.base}/docs)\n" in told
    assert "seeds: 3 incidents and 2 shared toll reports created\n" in told
    assert httpx.get(f"{service.base}/v1/incidents?total=true&fields=id").json()["total"] == 3
    service.stop()


@pytest.mark.parametrize("words", [
    "toll ID", "find --place ID", "find --region ID", "keys revoke ID", "verify --against ID",
    "keys create --name ID --scope write", "import ucdp-ged none.csv --release ID --released-on 2020-01-01",
    "import ucdp-ged none.csv --release r --released-on ID",
])  # fmt: skip
def test_arguments_that_are_not_utf_8_are_rejected_on_one_line(incidents: CommandLine, words: str) -> None:
    """A shell passes any bytes on; Python takes those that are not UTF-8 for halves of surrogate pairs."""
    told = incidents.run(*words.replace("ID", "x\udcffy").split(), expect=2).stderr
    assert told.startswith("incidents: ") and len(told.splitlines()) == 1


def test_a_file_may_have_a_name_that_is_not_utf_8(tmp_path: Path) -> None:
    assert command("migrate", cwd=tmp_path).returncode == 0
    assert command("export", "x\udcffy.parquet", cwd=tmp_path).returncode == 0
    assert (tmp_path / "x\udcffy.parquet").read_bytes().startswith(b"PAR1")


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_the_next_export_removes_the_files_of_a_killed_one(incidents: CommandLine, tmp_path: Path, name: str) -> None:
    # given
    left = tmp_path / f".{name}.part"
    (left / "incidents" / "country=ML").mkdir(parents=True)
    (left / "export").write_text("half of it")

    # when
    incidents.run("export", str(tmp_path / name))

    # then
    assert (tmp_path / name).stat().st_size > 100
    assert not left.exists()


def test_two_exports_to_one_file_do_not_mix(incidents: CommandLine, tmp_path: Path) -> None:
    # given
    folder = tmp_path / ".out.csv.part"
    folder.mkdir()
    (folder / "export").write_text("half of it")
    held = os.open(folder, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)

    # when
    ended = incidents.run("export", str(tmp_path / "out.csv"), expect=2)

    # then
    assert "another export" in ended.stderr
    assert (folder / "export").read_text() == "half of it"
    os.close(held)
