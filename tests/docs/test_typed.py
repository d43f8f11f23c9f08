"""What the docs say to type is typed here, page by page, and gives what they say it gives.

The blocks of a page run in their order in one shell, against one running service: `sh` blocks as they stand, `python`
blocks as programs, and of `console` blocks each line after `$ `, whose output must be the lines below it (`…` stands for
any text). A `text` block below one that runs is the output of that one.
"""

import gzip
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ged
from tests.docs.pages import PAGES, Block, blocks, name
from tests.support import Service, environment

ADDRESS = "http://127.0.0.1:8000"
RUN = ("sh", "console", "python")
TYPED = [page for page in PAGES if any(b.language in RUN and not b.reason for b in blocks(page))]
WRITES = re.compile(r"keys create|incidents (import|seed|migrate|restore)|python -m tests\.ged")
MOST_NOT_RUN = 8
_MARK = "\x1e"

pytestmark = pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl")


def _folder(folder: Path) -> Path:
    """A folder as a reader has it after `make install`, with releases of UCDP GED that they loaded down."""
    command = folder / ".venv/bin/incidents"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m app "$@"\n')
    command.chmod(0o755)
    command.with_name("python").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    command.with_name("python").chmod(0o755)
    first = [ged.with_figure(e, 9) for e in ged.events(20)]
    second = [ged.with_figure(e, 7) for e in first[:3]] + first[3:]
    with gzip.open(folder / "GEDEvent_v25_1.csv.gz", "wb") as out:
        out.write(ged.write(folder / "first.csv", first).read_bytes())
    ged.write(folder / "GEDEvent_v26_0_2.csv", second)
    return folder


@pytest.fixture(scope="module")
def reading(seeded_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service for all pages that only read."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copy(seeded_file, folder / "service.db")
    made = Service(folder)
    yield made
    made.stop()


def _steps(page: Path) -> Iterator[tuple[int, str, str | None]]:
    """(line, what is typed, the output that the page shows) of everything that a page says to type."""
    found = blocks(page)
    for block, following in zip(found, [*found[1:], Block("", "", 0, None)], strict=True):
        if block.language not in RUN or block.reason:
            continue
        if block.language == "console":
            yield from _of_console(block)
            continue
        shown = following.text if following.language == "text" else None
        program = block.text
        if block.language == "python":
            program = f".venv/bin/python - <<'PROGRAM_ENDS'\n{block.text}PROGRAM_ENDS\n"
        yield block.line, program, shown


def _of_console(block: Block) -> Iterator[tuple[int, str, str]]:
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        typed, _, shown = part.partition("\n")
        yield block.line, typed, shown


def _script(page: Path) -> str:
    parts = ["set -euo pipefail"]
    for line, typed, shown in _steps(page):
        parts.append(f"printf '{_MARK}%s\\n' {line}")
        parts.append(f"{{ {typed}\n}} 2>&1" if shown is not None else typed)
    return "\n".join(parts)


def _as_shown(output: str, shown: str) -> bool:
    pattern = ".*?".join(re.escape(part) for part in re.split("…", shown.strip()))
    return re.fullmatch(pattern, re.sub(r"[ \t]+$", "", output.strip(), flags=re.MULTILINE), re.DOTALL) is not None


@pytest.mark.slow
@pytest.mark.parametrize("page", TYPED, ids=name)
def test_commands_in_the_docs_print_what_the_docs_show(
    page: Path, reading: Service, seeded_file: Path, tmp_path: Path
) -> None:
    # given
    writes = any(WRITES.search(typed) for _, typed, _ in _steps(page))
    folder = _folder(tmp_path / "reader")
    service = reading
    if writes:
        shutil.copy(seeded_file, folder / "incidents.db")
        service = Service(folder, database=folder / "incidents.db")
    script = _script(page).replace(ADDRESS, service.base)

    # when
    ran = subprocess.run(
        ["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=120,
        env=environment(
            INCIDENTS_DATABASE_URL=f"sqlite:///{service.database}", COLUMNS="120",
            PATH=f"{folder / '.venv/bin'}{os.pathsep}{os.environ['PATH']}",
        ),
    )  # fmt: skip
    if writes:
        service.stop()

    # then
    output = ran.stdout.replace(service.base, ADDRESS)
    assert ran.returncode == 0, output[-3000:] + ran.stderr[-3000:]
    outputs = [part.partition("\n") for part in output.split(_MARK)[1:]]
    steps = list(_steps(page))
    assert [int(line) for line, _, _ in outputs] == [line for line, _, _ in steps]
    for (line, typed, shown), (_, _, printed) in zip(steps, outputs, strict=True):
        assert shown is None or _as_shown(printed, shown), f"{name(page)}:{line}\n$ {typed}\n{printed}"
        assert '"status":4' not in printed or shown is not None, f"{name(page)}:{line}\n$ {typed}\n{printed}"


def test_few_blocks_are_skipped_and_each_states_why() -> None:
    reasons = [(name(page), b.reason) for page in PAGES for b in blocks(page) if b.language in RUN and b.reason]
    assert len(reasons) <= MOST_NOT_RUN, reasons


def test_every_block_names_its_language() -> None:
    known = {*RUN, "text", "json", "csv", "typescript", "r", "bibtex", "ini", "nginx"}
    assert {b.language for page in PAGES for b in blocks(page)} <= known


@pytest.mark.parametrize("page", [p for p in PAGES if any(b.language == "r" for b in blocks(p))], ids=name)
@pytest.mark.skipif(not shutil.which("Rscript"), reason="needs R")
def test_the_programs_in_r_can_be_parsed(page: Path, tmp_path: Path) -> None:
    file = tmp_path / "program.R"
    file.write_text("\n".join(b.text for b in blocks(page) if b.language == "r"))
    subprocess.run(["Rscript", "-e", f"invisible(parse('{file}'))"], check=True, timeout=60)
