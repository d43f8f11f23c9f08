"""A running service with imported events and some incidents, the facts given to it, and the programs that read it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from app.domain.vocabulary import Scope
from app.ingest.formats import import_file, importer_of
from app.query.code_lists import FileFormat
from app.store import keys
from app.store.db.database import Database
from app.store.maintenance import schema
from tests import ged
from tests.builders import incident_draft, record
from tests.support import Service

CODES = {
    "Mali": "ML", "Niger": "NE", "Nigeria": "NG", "Afghanistan": "AF", "Yemen (North Yemen)": "YE",
    "DR Congo (Zaire)": "CD", "Ukraine": "UA",
}  # fmt: skip
LAST_YEAR = 2019
"""Of the imported events. What comes after it is all without a figure, and longer than a page."""


@dataclass(frozen=True)
class Fact:
    """What the service knows about an incident."""

    id: str
    country: str
    start: date
    end: date
    killed: int | None
    violence: int | None
    latitude: float
    longitude: float


@dataclass(frozen=True)
class Served:
    """A running service, a key that may write, and every fact that it was given."""

    service: Service
    base: str
    key: str
    facts: dict[str, Fact]

    def ids(self, matches: Callable[[Fact], bool] = lambda fact: True) -> list[str]:
        """The ids of the matching incidents, found without the service."""
        return sorted(fact.id for fact in self.facts.values() if matches(fact))


def _of_event(event: ged.Event) -> Fact:
    places = event["latitude"], event["longitude"]
    days = event["date_start"], event["date_end"]
    return Fact(
        f"ucdp-{event['id']}", CODES[event["country"]], *days, event["best"], event["type_of_violence"], *places
    )


def _quiet(number: int) -> Fact:
    """An incident of Namibia, whose code is `NA`, at Greenwich's longitude or some 10⁻⁵° beside it, without a figure."""
    day = date(LAST_YEAR + 1, 1, 1) + timedelta(number)
    return Fact(f"quiet-{number:03}", "NA", day, day, None, None, -20.5, (number % 3 - 1) * 1e-5)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, dict[str, Fact]]:
    """A database to be copied, a key to it, and what is in it: some hundred events, and incidents without a figure."""
    folder = tmp_path_factory.mktemp("filled")
    events = [event for event in ged.events(700) if event["date_end"].year <= LAST_YEAR]
    facts = [*map(_of_event, events), *map(_quiet, range(130))]
    database = Database(f"sqlite:///{folder / 'service.db'}")
    schema.migrate(database)
    key = keys.create(database, "a client", [Scope.WRITE], None)
    release = importer_of(FileFormat.UCDP_GED, "20.1", "2020-06-01")
    imported = import_file(release, ged.write(folder / "events.csv", events), database, "tests")
    assert (imported.created, imported.refused) == (len(events), 0)
    record(
        database,
        *(
            incident_draft(f.id, day=f.start.isoformat(), country=f.country, latitude=f.latitude, longitude=f.longitude)
            for f in facts
            if f.killed is None
        ),
    )
    database.close()
    return folder / "service.db", key, {fact.id: fact for fact in facts}


@contextmanager
def _serving(filled: tuple[Path, str, dict[str, Fact]], folder: Path) -> Iterator[Served]:
    file, key, facts = filled
    shutil.copy(file, folder / "service.db")
    service = Service(folder)
    yield Served(service, service.base, key, facts)
    service.stop()
    assert "Traceback" not in service.log.read_text()


@pytest.fixture(scope="session")
def served(filled: tuple[Path, str, dict[str, Fact]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The service for all tests that only read."""
    with _serving(filled, tmp_path_factory.mktemp("served")) as made:
        yield made


@pytest.fixture
def own_served(filled: tuple[Path, str, dict[str, Fact]], tmp_path: Path) -> Iterator[Served]:
    """The same for a test that records."""
    with _serving(filled, tmp_path) as made:
        yield made


def program(name: str, package: str) -> str:
    """Where a program is. Skips the test where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: {package})")
    return found
