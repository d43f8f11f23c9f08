"""Databases of generated incidents, built once and kept in a cache folder."""

import os
import sys
import tempfile
import time
from pathlib import Path

from alembic.script import ScriptDirectory

from app.ingest.pipeline import ingest
from app.settings import data_folder
from app.store.db.database import Database
from app.store.maintenance import schema
from tests.benchmarks.generator import items

SEED = 20191101


def cache_folder() -> Path:
    """`BENCH_CACHE`, else a folder in the system's folder for temporary files."""
    folder = Path(os.environ.get("BENCH_CACHE") or Path(tempfile.gettempdir()) / "incidents-benchmarks")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def url_of(path: Path) -> str:
    """The address of a database file."""
    return f"sqlite:///{path}"


def database_file(count: int) -> Path:
    """A database of `count` incidents. One of the same schema, count and seed is reused."""
    version = ScriptDirectory(str(data_folder("migrations"))).get_current_head()
    path = cache_folder() / f"incidents-{count}-{SEED}-{version}.db"
    if not path.exists():
        unfinished = path.with_suffix(".part")
        clear(unfinished)
        load(unfinished, count)
        unfinished.replace(path)
    return path


def clear(path: Path) -> None:
    """Removes a database file with its WAL and shared memory."""
    for end in ("", "-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)


def load(path: Path, count: int) -> None:
    """Writes the incidents through the service's own pipeline, and prints how long that took."""
    database = Database(url_of(path))
    schema.migrate(database)
    begun = time.perf_counter()
    summary = ingest(items(count, SEED), database, "benchmarks")
    taken = time.perf_counter() - begun
    database.close()
    if summary.refused:
        raise RuntimeError(f"{summary.refused} were refused; the first: {summary.reasons[0]}")
    size = path.stat().st_size / 2**20
    line = f"loaded {count:,} incidents in {taken:.1f} s: {count / taken:,.0f} incidents/s, {size:,.0f} MiB"
    print(line, file=sys.stderr, flush=True)
