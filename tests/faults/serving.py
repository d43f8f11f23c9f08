"""Servers that are killed and started again, or have several workers; and what shows that nothing was lost."""

import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from app.domain.vocabulary import Scope
from app.store import keys
from app.store.db.database import Database
from app.store.maintenance import schema
from tests.builders import incident_body, report_body
from tests.proofs import hash_of, root_of_leaves
from tests.support import Service, command, environment


def number(name: str, usual: int) -> int:
    """How often something is done: `FAULTS_KILLS=20 make test-faults` makes a short run."""
    return int(os.environ.get(f"FAULTS_{name}", usual))


def make_key(file: Path, name: str = "desk") -> str:
    """A key that may write, in a database that is made where there is none."""
    database = Database(f"sqlite:///{file}")
    schema.migrate(database)
    key = keys.create(database, name, [Scope.WRITE], None)
    database.close()
    return key


class Forks:
    """A command on a database, started and killed again and again."""

    def __init__(self, folder: Path, database: Path, *arguments: str) -> None:
        self.log = folder / "forks.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.forks", *arguments],
                cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                env=environment(INCIDENTS_DATABASE_URL=f"sqlite:///{database}", INCIDENTS_SEED="false"),
            )  # fmt: skip

    def start(self) -> None:
        self._tell()

    def kill(self) -> int:
        """How it ended: -9, or as it ended by itself before."""
        return self._tell()

    def _tell(self) -> int:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the command cannot be started: {self.log.read_text()[-2000:]}"
        return int(line)

    def close(self) -> None:
        self._process.communicate(timeout=30)


class Killable:
    """`serve` on one address and one database, whose process is killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.port = _steady_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.database = folder / "service.db"
        self.key = make_key(self.database)
        self.up = threading.Event()
        self.forks = Forks(folder, self.database, "serve", "--port", str(self.port))

    def client(self, **options: Any) -> httpx.Client:
        return writing_client(self.base, self.key, **options)

    def start(self) -> None:
        self.forks.start()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.base}/readyz", timeout=5).status_code == 200:
                    self.up.set()
                    return
            except httpx.TransportError:
                time.sleep(0.005)
        raise AssertionError(f"the service did not start: {self.forks.log.read_text()[-2000:]}")

    def kill(self) -> None:
        self.up.clear()
        ended = self.forks.kill()
        assert ended == -9, f"the server ended by itself: {ended}"


def _steady_port() -> int:
    """A free port below those that clients are given: none of them takes it while the server is down."""
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", random.randrange(15_000, 32_000)))
            except OSError:
                continue
            port: int = probe.getsockname()[1]
            return port


class Workers(Service):
    """`serve` with some workers, on an empty database, unless one is given with its key, and a key that may write."""

    def __init__(self, folder: Path, workers: int = 1, database: Path | None = None, key: str | None = None) -> None:
        self.key = key or make_key(database or folder / "service.db")
        super().__init__(folder, "--workers", str(workers), database=database, INCIDENTS_SEED="false")

    def client(self, **options: Any) -> httpx.Client:
        return writing_client(self.base, self.key, **options)

    def incidents(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Runs the command on the database that is served."""
        return command(*arguments, cwd=cwd, INCIDENTS_DATABASE_URL=f"sqlite:///{self.database}")


def writing_client(base: str, key: str, **options: Any) -> httpx.Client:
    return httpx.Client(base_url=base, headers={"Authorization": f"Bearer {key}"}, **{"timeout": 30, **options})


def marked(mark: str) -> dict[str, Any]:
    """An incident that is recorded as five facts: a source, a reporter, itself and two figures. Each has the mark."""
    source, reporter = {"id": mark, "title": "A page"}, {"id": mark, "name": "Somebody", "kind": "ngo"}
    origin = {"source": source, "reported_by": reporter, "note": mark}
    figures = [report_body(7, **origin), report_body(5, measure="missing", **origin)]
    return incident_body(None, title=mark, toll_reports=figures)


FACTS = 5
"""What `marked` is recorded as."""


def mark_of(entry: dict[str, Any]) -> str:
    """The mark of what an entry of the log tells."""
    data = entry["data"]
    member = {"toll.reported": "note", "incident.created": "title"}.get(entry["kind"], "id")
    return str(data[member])


def pages(client: httpx.Client, address: str) -> Iterator[dict[str, Any]]:
    """Every item of a list, page after page."""
    following: str | None = address
    while following:
        response = client.get(following)
        assert response.status_code == 200, f"{following}: {response.status_code} {response.text[:500]}"
        yield from response.json()["items"]
        following = response.json()["next"]


def whole_log(client: httpx.Client) -> list[dict[str, Any]]:
    """Every entry, which were shown to have no gaps, the documented hashes, and the root of the checkpoint."""
    entries = list(pages(client, "/v1/changes?limit=1000"))
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry["hash"] for entry in entries] == [hash_of(entry) for entry in entries]
    checkpoint = client.get("/v1/log/checkpoint").json()
    root = root_of_leaves([bytes.fromhex(entry["hash"]) for entry in entries])
    assert (checkpoint["size"], checkpoint["root"]) == (len(entries), root.hex())
    return entries


def verified(database: Path, entries: int) -> None:
    """The command finds the database whole."""
    ended = command(
        "verify", cwd=database.parent, timeout=180, INCIDENTS_DATABASE_URL=f"sqlite:///{database}"
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert ended.stdout.startswith(f"verified: {entries} entries, "), ended.stdout
