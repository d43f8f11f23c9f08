"""TypeScript: types made of the OpenAPI document compile under `--strict`, and the program made with them runs."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.conftest import Served, program
from tests.docs.pages import ROOT, blocks

pytestmark = pytest.mark.clients
SOURCES = Path(__file__).with_name("typescript")
PACKAGES = Path(sys.prefix) / "npm"
"""Where `make test-clients` puts what `package.json` names."""


def _run(folder: Path, *arguments: str | Path) -> str:
    ran = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def _tools(folder: Path) -> Path:
    """The folder of the compilers, for a program in `folder`."""
    if not (PACKAGES / ".installed").exists():
        pytest.skip("what tests/clients/typescript/package.json names is not installed (make test-clients does it)")
    (folder / "node_modules").symlink_to(PACKAGES / "node_modules")
    return folder / "node_modules" / ".bin"


def test_a_program_compiles_with_the_generated_types_and_runs(own_served: Served, tmp_path: Path) -> None:
    # given
    node = program("node", "nodejs")
    for name in ("package.json", "tsconfig.json", "program.ts"):
        shutil.copy(SOURCES / name, tmp_path)
    tools = _tools(tmp_path)

    # when
    _run(tmp_path, tools / "openapi-typescript", f"{own_served.base}/openapi.json", "--output", "schema.d.ts")
    _run(tmp_path, tools / "tsc", "--project", ".")
    told = json.loads(_run(tmp_path, node, "program.js", own_served.base, own_served.key, "ML"))

    # then
    assert told == {
        "killed": {f.id: f.killed for f in own_served.facts.values() if f.country == "ML"},
        "refused": [422, 422, ["limit"]],
        "recorded": 7,
        "reports": [["killed", 7, "standing"]],
    }


def test_the_program_of_the_docs_compiles_and_lists_everything(own_served: Served, tmp_path: Path) -> None:
    # given
    node, tools = program("node", "nodejs"), _tools(tmp_path)
    page = ROOT / "docs/how-to/page-through-results.md"
    (block,) = [b for b in blocks(page) if b.language == "typescript"]
    (tmp_path / "docs.mts").write_text(block.text.replace("http://127.0.0.1:8000", own_served.base))

    # when
    options = ["--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2023,dom"]
    _run(tmp_path, tools / "tsc", *options, "docs.mts")
    told = _run(tmp_path, node, "docs.mjs").splitlines()

    # then
    of_mali = {f.id: f.killed for f in own_served.facts.values() if f.country == "ML"}
    assert {line.split()[0] for line in told} == set(of_mali)
    assert len(told) == len(of_mali)
