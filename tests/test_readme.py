"""What the README promises is what there is."""

import gzip
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import app as command_line
from app.domain.filters import INCIDENTS, Parameter
from app.settings import Settings
from tests import ged
from tests.support import Service, command, environment

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def row(parameter: Parameter) -> str:
    schema = parameter.kind.schema
    values = schema.get("enum")
    told = f" ({', '.join(f'`{v}`' for v in values)})" if values and len(values) < 12 else ""
    again = " Repeatable." if parameter.repeatable else ""
    return f"| `{parameter.name}` | {parameter.help}{told}{again} |"


def test_every_parameter_is_described_as_it_is_declared() -> None:
    table = "\n".join(["| parameter | meaning |", "|---|---|", *map(row, INCIDENTS)])
    assert table in README, f"put this table under Parameters:\n{table}"


def test_every_setting_is_described() -> None:
    named = set(re.findall(r"INCIDENTS_[A-Z_]+", README))
    assert named == {f"INCIDENTS_{name.upper()}" for name in Settings.model_fields}


def test_every_command_is_described() -> None:
    commands = {c.name or c.callback.__name__ for c in command_line.registered_commands if c.callback}
    described = set(re.findall(r"`incidents ([a-z]+)", README)) - {"keys"}
    assert described == commands


def _commands(heading: str) -> str:
    """What a section tells to type."""
    section = README.split(f"\n{heading}\n")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL))


def _typed(folder: Path, service: Service, commands: str) -> subprocess.CompletedProcess[str]:
    commands = commands.replace("http://127.0.0.1:8000", service.base)
    return subprocess.run(
        ["bash", "-euc", commands.replace(".venv/bin/incidents", f"{sys.executable} -m app")],
        cwd=folder, capture_output=True, text=True, timeout=120,
        env=environment(INCIDENTS_DATABASE_URL=f"sqlite:///{service.database}"),
    )  # fmt: skip


BASH_AND_CURL = pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl")


@pytest.mark.slow
@BASH_AND_CURL
def test_releases_can_be_imported_as_they_stand(tmp_path: Path) -> None:
    # given
    service = Service(tmp_path)
    first = [ged.with_figure(e, 9) for e in ged.events(20)]
    with gzip.open(tmp_path / "GEDEvent_v25_1.csv.gz", "wb") as out:
        out.write(ged.write(tmp_path / "first.csv", first).read_bytes())
    ged.write(tmp_path / "GEDEvent_v26_0_2.csv", [ged.with_figure(e, 7) for e in first[:3]] + first[3:])
    key = _commands("## Recording").split("post()")[0]

    # when
    told = _typed(tmp_path, service, key + _commands("## Importing"))
    service.stop()

    # then
    assert told.returncode == 0, told.stderr
    assert "GEDEvent_v26_0_2.csv: 0 created, 3 revised, 17 unchanged, 0 absent, 0 repaired, 0 refused" in told.stderr
    page, *rows, last = told.stdout.splitlines()
    assert page.count('"change":"lowered"') == 3 and len(rows) == 20
    assert json.loads(last)["summary"]["unchanged"] == 20


@pytest.mark.slow
@BASH_AND_CURL
def test_the_toll_that_moves_can_be_typed_as_it_stands(tmp_path: Path) -> None:
    # given
    service = Service(tmp_path)

    # when
    told = _typed(tmp_path, service, _commands("## Recording") + _commands("## Evidence"))
    service.stop()

    # then
    assert told.returncode == 0, told.stderr
    answers = [json.loads(line) for line in told.stdout.replace("}{", "}\n{").splitlines() if line.startswith("{")]
    assert not [a for a in answers if "errors" in a or a.get("status") in range(400, 600)]
    killed = [a["toll"]["killed"] for a in answers if a.keys() == {"toll"}]
    assert [k["best"] for k in killed] == [15, 35, 54, 49, 49, 49]
    assert [(k["high"], k["spread"], k["disputed"]) for k in killed[-2:]] == [(70, 21, True), (49, 0, False)]
    claim = next(a for a in answers if "timeline" in a)["reports"][-1]
    assert (claim["id"], claim["status"]) == ("tr-5", "retracted")
    assert claim["retraction"]["reason"] == "The group took its claim back."
    assert told.stdout.count("whole: ") == 2


@pytest.mark.slow
def test_the_files_for_other_programs_are_read_as_it_says(seeded_file: Path, tmp_path: Path) -> None:
    # given
    section = README.split("### Files for other programs")[1].split("## Recording")[0]
    written = re.findall(r"^\.venv/bin/incidents ([^#\n]*?) *(?:#.*)?$", section, re.MULTILINE)
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)

    # when
    for words in written:
        told = command(*words.split(), cwd=tmp_path, INCIDENTS_DATABASE_URL=f"sqlite:///{seeded_file}")
        assert told.returncode == 0, told.stderr
    told = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)

    # then
    assert told.returncode == 0, told.stderr
    assert [words.split()[1] for words in written] == ["incidents", "mali.csv", "acled.csv"]
    assert told.stdout.splitlines() == [
        "[(2019, 49)]",
        "[('2019-11-01', '53'), ('2019-11-02', '49')]",
        "['49', None, None]",
    ]


def test_every_file_that_is_linked_is_there() -> None:
    linked = re.findall(r"\]\(([a-zA-Z][^):]*)\)", README)
    assert linked and all((ROOT / path).exists() for path in linked)


def test_nothing_that_is_installed_talks_to_a_cloud_or_names_a_registry() -> None:
    pinned = "".join(path.read_text("utf-8") for path in ROOT.glob("requirements*.txt"))
    assert "\nfastapi==" in pinned and "fastapi-cloud" not in pinned
    assert "://" not in pinned
