"""Fixtures that every test may use."""

import gc
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from app.domain.vocabulary import Scope
from app.ingest.seeds import load_seeds
from app.store.db.database import Database
from app.store.maintenance import schema
from tests.support import Client, Editor, Service

settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Runs slow tests first, so that no worker is left with one at the end."""
    items.sort(key=lambda item: "slow" not in item.keywords)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are cores, since some tests wait for a deadline."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_finish() -> None:
    """Keeps the collected tests out of the garbage collector's sight, which would look through all of them each time."""
    gc.collect()
    gc.freeze()


def _url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the schema and no records. Copy it; never write to it."""
    path = tmp_path_factory.mktemp("migrated") / "incidents.db"
    made = Database(_url(path))
    schema.migrate(made)
    made.close()
    return path


@pytest.fixture(scope="session")
def seeded_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the seeds, recorded an hour ago. Copy it; never write to it."""
    path = tmp_path_factory.mktemp("seeded") / "incidents.db"
    shutil.copy(migrated_file, path)
    made = Database(_url(path))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("app.store.db.transaction.now", lambda: time.time_ns() // 1000 - 3600 * 1_000_000)
        load_seeds(made)
    made.close()
    return path


@pytest.fixture
def database(migrated_file: Path, tmp_path: Path) -> Iterator[Database]:
    """An empty database of the test's own."""
    path = tmp_path / "incidents.db"
    shutil.copy(migrated_file, path)
    made = Database(_url(path))
    yield made
    made.close()


@pytest.fixture
def seeded(seeded_file: Path, tmp_path: Path) -> Iterator[Database]:
    """A database with the seeds, of the test's own."""
    path = tmp_path / "seeded.db"
    shutil.copy(seeded_file, path)
    made = Database(_url(path))
    yield made
    made.close()


@pytest.fixture(scope="session")
def client(seeded_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The application over the seeds, shared by all tests that only read.

    It has a copy of its own: a process loses its locks on an open file when it copies that file.
    """
    path = tmp_path_factory.mktemp("client") / "incidents.db"
    shutil.copy(seeded_file, path)
    made = Client(Database(_url(path)))
    yield made
    made.close()


@pytest.fixture
def own_client(seeded: Database) -> Iterator[Client]:
    """The application over `seeded`, for tests that write."""
    made = Client(seeded)
    yield made
    made.close()


@pytest.fixture
def empty_client(database: Database) -> Iterator[Client]:
    """The application over `database`, for tests that record everything they need."""
    made = Client(database)
    yield made
    made.close()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The real service over the seeds, with a short deadline for slow clients."""
    made = Service(tmp_path_factory.mktemp("service"), INCIDENTS_REQUEST_SECONDS="2")
    yield made
    made.stop()


@pytest.fixture
def editor(empty_client: Client, database: Database) -> Editor:
    """A client with a key that may write."""
    return Editor(empty_client, database, Scope.WRITE, name="an editor")


@pytest.fixture
def confidential_reader(empty_client: Client, database: Database) -> Editor:
    """A client with a key that may read confidential records."""
    return Editor(empty_client, database, Scope.READ_CONFIDENTIAL, name="a confidential reader")


@pytest.fixture
def item(client: Client) -> dict[str, Any]:
    """An incident as a table gets it, without its reports."""
    incident: dict[str, Any] = client.json("/v1/incidents/ml-2019-11-01-indelimane")
    return incident | {"toll_reports": []}
