"""Writing: one durable report, and a bulk import, against raw `sqlite3` that runs the same statements.

What our code runs is written down in a rehearsal on a copy of the file, and played back to another copy.
"""

import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import event

from app.domain.toll import TollReportDraft
from app.ingest.pipeline import ingest
from app.store.engine import Database
from app.store.write import recording
from tests.benchmarks.dataset import SEED, cache_folder, database_file, url_of
from tests.benchmarks.generator import items
from tests.benchmarks.rounds import Side

FILE_OF = 10_000
REPORTS = 100
"""Reports written one by one in a round."""
IMPORTED = 3000
"""Incidents imported in a round."""
Script = list[tuple[str, Any, bool]]
"""SQL, its values, and whether they are many rows of values."""


@contextmanager
def _noting(database: Database) -> Iterator[list[Script]]:
    """The scripts of the transactions that are run inside."""
    scripts: list[Script] = []

    def note(connection: Any, cursor: Any, sql: str, values: Any, context: Any, many: bool) -> None:
        if sql.startswith("BEGIN"):
            scripts.append([])
        else:
            scripts[-1].append((sql, values, many))

    event.listen(database.engine, "before_cursor_execute", note)
    yield scripts
    event.remove(database.engine, "before_cursor_execute", note)


def _raw(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def _play(connection: sqlite3.Connection, script: Script) -> None:
    """One transaction."""
    connection.execute("BEGIN IMMEDIATE")
    for sql, values, many in script:
        if many:
            connection.executemany(sql, values)
        else:
            connection.execute(sql, values).fetchall()
    connection.execute("COMMIT")


def one_report(rounds: int) -> list[Side]:
    """A toll report on a file of 10,000 incidents, durable, one a transaction."""
    whole = database_file(FILE_OF)
    drafts = _drafts(rounds * REPORTS)
    with tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
        paths = [Path(folder) / f"{name}.db" for name in ("rehearsal", "ours", "raw")]
        for path in paths:
            shutil.copyfile(whole, path)
        rehearsal, ours = (Database(url_of(path)) for path in paths[:2])
        with _noting(rehearsal) as scripts:
            _write(rehearsal, drafts)
        rehearsal.close()
        raw = _raw(paths[2])
        times = []
        for n in range(0, len(drafts), REPORTS):
            begun = time.perf_counter()
            _write(ours, drafts[n : n + REPORTS])
            middle = time.perf_counter()
            for script in scripts[n : n + REPORTS]:
                _play(raw, script)
            times.append((middle - begun, time.perf_counter() - middle))
        raw.close()
        ours.close()
    return [_side("one report written, against raw sqlite3", 0.5, times, REPORTS, "reports/s")]


def _drafts(count: int) -> list[TollReportDraft]:
    """A further figure for so many incidents."""
    found: list[TollReportDraft] = []
    for number, item in enumerate(i for i in items(FILE_OF, SEED) if "toll_reports" in i.data):
        if len(found) == count:
            break
        first = item.data["toll_reports"][0]
        told = {name: first[name] for name in ("measure", "victims", "reported_by", "source")}
        found.append(
            TollReportDraft.model_validate(
                told
                | {"id": f"tr-more-{number}", "incidents": [item.data["id"]], "bound": "exact", "best": number % 50}
                | {"reported_on": "2026-03-01"}
            )
        )
    return found


def _write(database: Database, drafts: list[TollReportDraft]) -> None:
    for draft in drafts:
        with recording(database, "benchmarks") as writer:
            writer.record_report(draft, [])


def bulk(rounds: int) -> list[Side]:
    """An import into an empty file, against `executemany` of the same rows in as many transactions."""
    read = list(islice(items(FILE_OF, SEED), IMPORTED))
    times = []
    with tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
        empty = Path(folder) / "empty.db"
        _migrated(empty).close()
        scripts = _rows_of_import(Path(folder), empty, read)
        for number in range(rounds):
            paths = [Path(folder) / f"{name}-{number}.db" for name in ("ours", "raw")]
            for path in paths:
                shutil.copyfile(empty, path)
            ours, raw = Database(url_of(paths[0])), _raw(paths[1])
            begun = time.perf_counter()
            ingest(read, ours, "benchmarks")
            middle = time.perf_counter()
            for script in scripts:
                _play(raw, script)
            times.append((middle - begun, time.perf_counter() - middle))
            ours.close()
            raw.close()
    return [_side("bulk import, against raw executemany", 0.4, times, IMPORTED, "incidents/s")]


def _migrated(path: Path) -> Database:
    database = Database(url_of(path))
    database.migrate()
    return database


def _rows_of_import(folder: Path, empty: Path, read: list[Any]) -> list[Script]:
    """The rows that an import writes, without what it looks up."""
    path = folder / "rehearsal.db"
    shutil.copyfile(empty, path)
    rehearsal = Database(url_of(path))
    with _noting(rehearsal) as scripts:
        ingest(read, rehearsal, "benchmarks")
    rehearsal.close()
    return [[line for line in script if line[0].startswith("INSERT")] for script in scripts]


def _side(label: str, bar: float, times: list[tuple[float, float]], count: int, unit: str) -> Side:
    ours, raw = (count / statistics.median(column) for column in zip(*times, strict=True))
    ratio = statistics.median(b / a for a, b in times)
    return Side(label, ratio, bar, note=f"{ours:,.0f} and {raw:,.0f} {unit}")
