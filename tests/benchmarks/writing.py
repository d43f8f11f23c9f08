"""Writing: one durable report, and a bulk import, against raw `sqlite3` that runs the same statements.

A rehearsal on a copy of the file notes the statements of our code. They are replayed on another copy.
"""

import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from app.domain.toll import TollReportDraft
from app.domain.vocabulary import Scope
from app.ingest.formats import import_file, importer_of
from app.ingest.pipeline import ingest
from app.query.code_lists import FileFormat
from app.store import keys
from app.store.db import connections
from app.store.db.database import Database
from app.store.maintenance import schema
from app.store.write.writer import recording
from tests import ged
from tests.benchmarks import load, servers
from tests.benchmarks.dataset import SEED, cache_folder, database_file, url_of
from tests.benchmarks.generator import items
from tests.benchmarks.rounds import Side
from tests.support import Client

FILE_OF = 10_000
REPORTS = 400
"""Reports written one by one in a round."""
IMPORTED = 3000
"""Incidents imported in a round."""
Script = list[tuple[str, Any, bool]]
"""SQL, its values, and whether they are many rows of values."""


class _Noting:
    """A write connection that notes its statements."""

    def __init__(self, connection: sqlite3.Connection, scripts: list[Script]) -> None:
        self._connection, self._scripts = connection, scripts

    def execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        if sql == connections.BEGIN:
            self._scripts.append([])
        elif sql != "COMMIT":
            self._scripts[-1].append((sql, values, False))
        return self._connection.execute(sql, values)

    def executemany(self, sql: str, values: Any) -> sqlite3.Cursor:
        self._scripts[-1].append((sql, list(values), True))
        return self._connection.executemany(sql, values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@contextmanager
def _noting() -> Iterator[list[Script]]:
    """The scripts of the transactions that are run inside."""
    scripts: list[Script] = []
    connect = connections.write_connection
    connections.write_connection = lambda *arguments: _Noting(connect(*arguments), scripts)  # type: ignore[assignment, return-value]
    try:
        yield scripts
    finally:
        connections.write_connection = connect


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
    """A toll report on a file of 10,000 incidents, durable, one a transaction: sent over HTTP, and without HTTP.

    Each is compared with raw `sqlite3` that runs the statements of its transactions, including what they read.
    """
    bodies = _bodies(2 * rounds * REPORTS)
    with tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
        whole = Path(folder) / "whole.db"
        shutil.copyfile(database_file(FILE_OF), whole)
        database = Database(url_of(whole))
        key = keys.create(database, "benchmarks", [Scope.WRITE], None)
        database.close()
        paths = {name: Path(folder) / f"{name}.db" for name in ("rehearsal", "sent", "written", "raw", "raw-written")}
        for path in paths.values():
            shutil.copyfile(whole, path)
        posted, recorded = bodies[::2], bodies[1::2]
        drafts = [TollReportDraft.model_validate(body) for body in recorded]
        with _noting() as scripts:
            _rehearse(Database(url_of(paths["rehearsal"])), key, posted)
        with _noting() as scripts_written:
            _write(Database(url_of(paths["rehearsal"])), drafts)
        return _against_raw(paths, key, posted, drafts, scripts, scripts_written)


def _against_raw(
    paths: dict[str, Path],
    key: str,
    posted: list[dict[str, Any]],
    drafts: list[TollReportDraft],
    scripts: list[Script],
    scripts_written: list[Script],
) -> list[Side]:
    raw, written = _raw(paths["raw"]), Database(url_of(paths["written"]))
    raw_written = _raw(paths["raw-written"])
    over_http, without = [], []
    with servers.ours(paths["sent"]) as server:
        for n in range(0, len(posted), REPORTS):
            requests = [_request(server.port, key, body) for body in posted[n : n + REPORTS]]
            sent = load.send(server.port, requests).microseconds / 1_000_000
            over_http.append((sent, _timed(lambda n=n: [_play(raw, s) for s in scripts[n : n + REPORTS]])))  # type: ignore[misc]
            took = _timed(lambda n=n: _write(written, drafts[n : n + REPORTS]))  # type: ignore[misc]
            again = _timed(lambda n=n: [_play(raw_written, s) for s in scripts_written[n : n + REPORTS]])  # type: ignore[misc]
            without.append((took, again))
    written.close()
    raw.close()
    raw_written.close()
    return [
        _side("one report POSTed, against raw sqlite3", 0.5, over_http, REPORTS, "reports/s"),
        _side("the same without HTTP", None, without, REPORTS, "reports/s"),
    ]


def _timed(call: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def _request(port: int, key: str, body: dict[str, Any]) -> bytes:
    content = orjson.dumps(body)
    head = f"POST /v1/toll-reports HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content


def _rehearse(database: Database, key: str, bodies: list[dict[str, Any]]) -> None:
    client = Client(database)
    for body in bodies:
        response = client.request("POST", "/v1/toll-reports", json=body, headers={"Authorization": f"Bearer {key}"})
        assert response.status_code == 201, response.text
    client.close()


def _bodies(count: int) -> list[dict[str, Any]]:
    """A further figure for each of `count` incidents."""
    found: list[dict[str, Any]] = []
    for number, item in enumerate(i for i in items(FILE_OF, SEED) if "toll_reports" in i.data):
        if len(found) == count:
            break
        first = item.data["toll_reports"][0]
        origin = {name: first[name] for name in ("measure", "victims", "reported_by", "source")}
        found.append(
            origin
            | {"id": f"tr-more-{number}", "incidents": [item.data["id"]], "bound": "exact", "best": number % 50}
            | {"reported_on": "2026-03-01"}
        )
    return found


def _write(database: Database, drafts: list[TollReportDraft]) -> None:
    for draft in drafts:
        with recording(database, "benchmarks") as writer:
            writer.record_report(draft, [])


def bulk(rounds: int) -> list[Side]:
    """Imports into an empty file, against `executemany` of the same rows in as many transactions."""
    read = list(islice(items(FILE_OF, SEED), IMPORTED))
    with tempfile.TemporaryDirectory(dir=cache_folder()) as name:
        folder = Path(name)
        release = ged.write(folder / "release.csv", ged.events(IMPORTED))

        def import_release(database: Database) -> None:
            import_file(importer_of(FileFormat.UCDP_GED, "26.1", "2026-06-01"), release, database, "benchmarks")

        incidents = _against_executemany(folder / "ours", rounds, lambda database: ingest(read, database, "benchmarks"))
        events = _against_executemany(folder / "released", rounds, import_release)
    return [
        _side("bulk import, against raw executemany", 0.4, incidents, IMPORTED, "incidents/s"),
        _side("the same of a CSV file of UCDP", None, events, IMPORTED, "events/s"),
    ]


def _against_executemany(folder: Path, rounds: int, run: Callable[[Database], Any]) -> list[tuple[float, float]]:
    """Seconds that an import takes, and raw `sqlite3` with its rows, in each round."""
    times = []
    folder.mkdir()
    empty = folder / "empty.db"
    _migrated(empty).close()
    scripts = _rows_of_import(folder, empty, run)
    for number in range(rounds):
        paths = [folder / f"{name}-{number}.db" for name in ("ours", "raw")]
        for path in paths:
            shutil.copyfile(empty, path)
        ours, raw = Database(url_of(paths[0])), _raw(paths[1])
        begun = time.perf_counter()
        run(ours)
        middle = time.perf_counter()
        for script in scripts:
            _play(raw, script)
        times.append((middle - begun, time.perf_counter() - middle))
        ours.close()
        raw.close()
    return times


def _migrated(path: Path) -> Database:
    database = Database(url_of(path))
    schema.migrate(database)
    return database


def _rows_of_import(folder: Path, empty: Path, run: Callable[[Database], Any]) -> list[Script]:
    """The rows that an import writes, without what it looks up."""
    path = folder / "rehearsal.db"
    shutil.copyfile(empty, path)
    rehearsal = Database(url_of(path))
    with _noting() as scripts:
        run(rehearsal)
    rehearsal.close()
    return [[line for line in script if line[0].startswith("INSERT")] for script in scripts]


def _side(label: str, bar: float | None, times: list[tuple[float, float]], count: int, unit: str) -> Side:
    ours, raw = (count / statistics.median(column) for column in zip(*times, strict=True))
    ratio = statistics.median(b / a for a, b in times)
    return Side(label, ratio, bar, note=f"{ours:,.0f} and {raw:,.0f} {unit}")
