"""The real service in a process of its own, and a Chromium that can reach no other host.

Playwright is imported when a fixture needs it: without it, these modules can still be collected and left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from app.domain.incident import IncidentDraft
from app.ingest.formats import import_file, importer_of
from app.query.code_lists import FileFormat
from app.store.db.database import Database
from app.store.maintenance import schema
from tests import ged
from tests.builders import hostile_incident, record
from tests.support import Service

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, Route

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
REFUSED: list[str] = []
"""Every address off loopback that any page requested."""
VISITED: list[str] = []
"""The services that were visited."""
SAMPLED = 1298


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service with its seeds in a database of its own."""
    with _serving(tmp_path_factory.mktemp("service")) as address:
        yield address


@pytest.fixture(scope="session")
def sample_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service with 1,298 incidents of a month: UCDP's own (`UCDP_SAMPLE`), or as many generated ones."""
    folder = tmp_path_factory.mktemp("sample")
    release = Path(os.environ.get("UCDP_SAMPLE") or ged.write(folder / "release.csv", ged.events(SAMPLED)))
    with _database(folder) as database:
        import_file(importer_of(FileFormat.UCDP_GED, "26.0.2", "2026-03-20"), release.absolute(), database, "tests")
    with _serving(folder) as address:
        yield address


@pytest.fixture(scope="session")
def hostile_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service with one record, whose every text is an attack."""
    folder = tmp_path_factory.mktemp("hostile")
    with _database(folder) as database:
        record(database, IncidentDraft.model_validate(hostile_incident()))
    with _serving(folder) as address:
        yield address


@contextmanager
def _database(folder: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{folder / 'service.db'}")
    schema.migrate(database)
    yield database
    database.close()


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    service = Service(folder)
    yield service.base
    service.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    if not Path(CHROMIUM).exists():
        pytest.fail(f"no Chromium at {CHROMIUM}: install it, or set CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@dataclass
class Visit:
    """A page, and everything that went wrong or went out while it was open."""

    page: Page
    server: str
    screenshots: Path
    refused: list[str] = field(default_factory=list)
    """Addresses off loopback that the page requested."""
    faults: list[str] = field(default_factory=list)
    """Errors and warnings of the console (policy violations among them), exceptions, failed requests."""
    served: list[str] = field(default_factory=list)
    """Addresses on loopback that the page requested."""

    def open(self, path: str) -> None:
        """Goes to a path of the service, which must return 200."""
        response = self.page.goto(f"{self.server}{path}")
        assert response is not None
        assert response.status == 200

    def expect_clean(self) -> None:
        """Nothing left loopback, nothing was refused by the policy, nothing failed."""
        assert self.refused == []
        assert self.faults == []

    def expect_no_overflow(self) -> None:
        """Nothing sticks out to the side."""
        wide, room = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= room

    def screenshot(self, name: str) -> Path:
        """Saves what is seen."""
        file = self.screenshots / f"{name}.png"
        self.page.screenshot(path=file)
        assert file.stat().st_size > 10_000, "the picture is all but empty"
        return file


@pytest.fixture
def visit(visits: Callable[..., Visit], server: str) -> Visit:
    """A page over the seeds."""
    return visits(server)


@pytest.fixture
def visits(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Visit]]:
    """Makes a page over a service, as wide and as dark as told."""
    with ExitStack() as stack:
        yield lambda server, **options: stack.enter_context(_visit(browser, server, tmp_path, options))


@contextmanager
def _visit(browser: Browser, server: str, screenshots: Path, options: dict[str, Any]) -> Iterator[Visit]:
    """A fresh page that reaches this machine alone, watched from before its first script runs."""
    usual = {"viewport": {"width": 1280, "height": 900}, "service_workers": "block"}
    context = browser.new_context(**(usual | options))
    page = context.new_page()
    VISITED.append(server)
    watched = Visit(page, server, screenshots)
    page.set_default_timeout(20_000)

    def pass_or_refuse(route: Route) -> None:
        url = route.request.url
        if urlsplit(url).hostname in LOOPBACK:
            watched.served.append(url)
            route.continue_()
        else:
            watched.refused.append(url)
            REFUSED.append(url)
            route.abort()

    def console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            watched.faults.append(f"console {message.type}: {message.text}")

    def exception(error: Error) -> None:
        watched.faults.append(f"exception: {error}")

    def failed(request: Request) -> None:
        watched.faults.append(f"failed: {request.url} ({request.failure})")

    def violation(text: str) -> None:
        watched.faults.append(text)

    context.route(lambda url: urlsplit(url).scheme in {"http", "https", "ws", "wss"}, pass_or_refuse)
    page.on("console", console)
    page.on("pageerror", exception)
    page.on("requestfailed", failed)
    page.on("dialog", lambda dialog: violation(f"dialog: {dialog.message}"))
    page.expose_function("policyViolation", violation)
    page.add_init_script(
        "addEventListener('securitypolicyviolation', (event) =>"
        " policyViolation(`policy: ${event.violatedDirective} refused ${event.blockedURI}`))"
    )
    yield watched
    context.close()
    assert watched.refused == [], "a page requested another host"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Counts what went out."""
    if VISITED:
        terminalreporter.write_line(f"requests off loopback: {len(REFUSED)}")
