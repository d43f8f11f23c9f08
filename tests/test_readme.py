"""What the README promises is what there is."""

import re
from pathlib import Path

from app.cli import app as command_line
from app.domain.filters import INCIDENTS, Parameter
from app.settings import Settings

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
    described = set(re.findall(r"^\| `incidents ([a-z]+)", README, re.MULTILINE))
    assert described == commands


def test_every_file_that_is_linked_is_there() -> None:
    linked = re.findall(r"\]\(([a-zA-Z][^):]*)\)", README)
    assert linked and all((ROOT / path).exists() for path in linked)


def test_nothing_that_is_installed_talks_to_a_cloud_or_names_a_registry() -> None:
    pinned = "".join(path.read_text("utf-8") for path in ROOT.glob("requirements*.txt"))
    assert "\nfastapi==" in pinned and "fastapi-cloud" not in pinned
    assert "://" not in pinned
