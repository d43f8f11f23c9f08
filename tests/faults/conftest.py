"""Fixtures of the fault tests: servers, and lines for the summary of the run."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.cli import main
from tests.faults.serving import Killable, Workers

Here = Callable[..., tuple[int, str, str]]
_FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture
def print_later(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Adds a line of figures to the summary."""
    return request.config.stash.setdefault(_FIGURES, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    figures = config.stash.get(_FIGURES, [])
    if figures:
        terminalreporter.section("figures")
        for line in figures:
            terminalreporter.write_line(line)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Here:
    """Runs the command in this process: its exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("app.api.http.server.run", lambda *_, **__: pytest.fail("the database is served"))

    def run(database: Path, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv("INCIDENTS_DATABASE_URL", f"sqlite:///{database}")
        monkeypatch.setattr("sys.argv", ["incidents", *arguments])
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0), *capfd.readouterr()
        return 0, *capfd.readouterr()

    return run


@pytest.fixture
def killable(tmp_path: Path) -> Iterator[Killable]:
    """A server to be killed, not started yet."""
    made = Killable(tmp_path)
    yield made
    made.forks.close()


@pytest.fixture
def two_workers(tmp_path: Path) -> Iterator[Workers]:
    """A server of two processes on an empty database."""
    made = Workers(tmp_path, 2)
    yield made
    made.stop()
