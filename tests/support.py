"""What tests share besides fixtures: a client in the same process, a service in another, and records to write."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import duckdb
import httpx

from app.api.application import create_app
from app.domain.incident import IncidentDraft
from app.domain.toll import TollReportDraft
from app.domain.vocabulary import Scope
from app.settings import Settings
from app.store import keys
from app.store.db.database import Database
from app.store.write.writer import recording

ROOT = Path(__file__).resolve().parents[1]
SOURCE = {"id": "src-test", "title": "A page", "published_on": "2020-01-01"}
REPORTERS: dict[str, dict[str, Any]] = {
    "gov": {"id": "gov", "name": "A government", "kind": "government"},
    "army": {"id": "army", "name": "An army", "kind": "military"},
    "ngo": {"id": "ngo", "name": "An NGO", "kind": "ngo"},
    "rebels": {"id": "rebels", "name": "An armed group", "kind": "armed_group"},
}
INDELIMANE = "/v1/incidents/ml-2019-11-01-indelimane"
READ_ADDRESSES = [
    "/v1/incidents", "/v1/incidents?f=csv", "/v1/incidents?f=geojson&limit=2", INDELIMANE, f"{INDELIMANE}/toll-history",
    f"{INDELIMANE}/versions", "/v1/toll-reports", "/v1/toll-reports/tr-indelimane-killed-gov-1", "/v1/reporters",
    "/v1/sources", "/v1/regions", "/v1/regions/ML", "/v1/stats?group_by=month",
]  # fmt: skip
"""Every read route over the seeds, as it is asked in earnest."""
PAGES = [
    "/", "/incidents/ml-2019-11-01-indelimane", "/regions/ML", "/regions/ML-9", "/sources/article-2019-11-02-indelimane",
    "/reporters/gov-ml", "/feed.atom", "/guide",
]  # fmt: skip
"""What people look at, over the seeds."""


def parquet_rows(content: bytes) -> list[dict[str, Any]]:
    """The rows of a Parquet file."""
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file, duckdb.connect() as duck:
        file.write(content)
        file.flush()
        told = duck.execute("FROM read_parquet($file)", {"file": file.name})
        names = [column[0] for column in told.description or ()]
        return [dict(zip(names, row, strict=True)) for row in told.fetchall()]


def of_slices(items: list[str], times: int = 1) -> AsyncIterator[list[str]]:
    """The same incidents over and over, as an export reads them."""

    async def slices() -> AsyncIterator[list[str]]:
        for _ in range(times):
            yield items

    return slices()


class Client:
    """The application in this process. A fault of the service is a 500 here, not an exception."""

    def __init__(self, database: Database, **settings: Any) -> None:
        url = database.url.render_as_string(hide_password=False)
        self.app = create_app(Settings(_env_file=None, database_url=url, **settings))  # type: ignore[call-arg]
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://testserver", timeout=60)

    def run(self, call: Coroutine[Any, Any, Any]) -> Any:
        """Runs what asks several things at once."""
        return self._runner.run(call)

    async def send(self, method: str, address: str, **options: Any) -> httpx.Response:
        return await self._http.request(method, address, **options)

    def request(self, method: str, address: str, **options: Any) -> httpx.Response:
        return self._runner.run(self.send(method, address, **options))

    def get(self, address: str, **options: Any) -> httpx.Response:
        return self.request("GET", address, **options)

    def json(self, address: str, **options: Any) -> Any:
        """The body of an answer that is expected to be a 200."""
        answer = self.get(address, **options)
        assert answer.status_code == 200, f"{address}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def ids(self, address: str, **options: Any) -> list[str]:
        """The ids on a page."""
        return [item["id"] for item in self.json(address, **options)["items"]]

    def raw(self, address: str, **options: Any) -> bytes:
        """The bytes of a body as they are sent, compressed or not."""

        async def read() -> bytes:
            async with self._http.stream("GET", address, **options) as answer:
                return b"".join([chunk async for chunk in answer.aiter_raw()])

        return self._runner.run(read())

    def close(self) -> None:
        self._runner.run(self._http.aclose())
        self.app.state.reader.close()
        self._runner.close()


def draft(incident_id: str, **fields: Any) -> IncidentDraft:
    """An incident of one day, in Mali unless told."""
    day = fields.pop("day", "2020-01-01")
    usual = {"title": "An incident", "date_start": day, "date_end": day, "date_precision": "day", "country": "ML"}
    return IncidentDraft.model_validate(usual | fields | {"id": incident_id})


def figure(best: int | None, reporter: str = "gov", reported_on: str = "2020-01-02", **fields: Any) -> dict[str, Any]:
    """A toll report as it is sent; 49 exactly, by the government, unless told."""
    usual = {"measure": "killed", "victims": "all", "bound": "exact", "source": SOURCE}
    told = {"best": best, "reported_by": REPORTERS[reporter], "reported_on": reported_on}
    return usual | told | fields


def record(database: Database, *drafts: IncidentDraft) -> None:
    """Records incidents in one transaction."""
    with recording(database, "tests") as writer:
        for one in drafts:
            writer.record_incident(one)


def report(database: Database, incidents: str | list[str], **fields: Any) -> str:
    """Records one toll report in its own transaction. Returns its id."""
    covered = [incidents] if isinstance(incidents, str) else incidents
    with recording(database, "tests") as writer:
        _, report_id = writer.record_report(TollReportDraft.model_validate(figure(**fields)), covered)
    return report_id


def environment(**more: str) -> dict[str, str]:
    """An environment for the command that is not coloured by the tester's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INCIDENTS_")}
    return kept | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "200"} | more


def command(*arguments: str, cwd: Path, timeout: float = 60, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        cwd=cwd, env=environment(**env), capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Service:
    """`serve` in a process of its own, on a port that the system gives it, with a database in `folder`."""

    def __init__(self, folder: Path, *arguments: str, database: Path | None = None, **env: str) -> None:
        self.database = database or folder / "service.db"
        self.log = folder / "service.log"
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", "serve", "--port", "0", *arguments],
                cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment(INCIDENTS_DATABASE_URL=f"sqlite:///{self.database}", **env),
            )  # fmt: skip
        self.port = self._wait_for(lambda: self._logged_port(before))
        self.base = f"http://127.0.0.1:{self.port}"
        self._wait_for(self._is_ready)

    def _logged_port(self, before: int) -> int:
        found = re.search(rb"running on http://127\.0\.0\.1:(\d+)", self.log.read_bytes()[before:])
        return int(found[1]) if found else 0

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.base}/readyz", timeout=5, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def _wait_for(self, answer: Callable[[], int]) -> int:
        """What is answered once it is not 0. Fails where the service ends before, or takes a minute."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            if found := answer():
                return found
            time.sleep(0.02)
        self.stop()
        raise AssertionError(f"the service did not start: {self.log.read_text()[-2000:]}")

    def connect(self, timeout: float = 10) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def resident_kib(self) -> int:
        """Memory that the process holds now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait(10)


def attack(incident_id: str | None = "attack", **fields: Any) -> dict[str, Any]:
    """An incident as it is sent over HTTP: of one day, in Mali unless told."""
    usual = {"title": "An attack", "date_start": "2020-01-01", "date_end": "2020-01-01", "date_precision": "day"}
    return usual | {"country": "ML"} | ({"id": incident_id} if incident_id else {}) | fields


HOSTILE = "</title></script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}{% raw %}&amp;"
NOT_IN_XML = "\x01\x1b\ufffe\uffff"
LEFTWARD = "\u202e\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627"


def hostile_incident() -> dict[str, Any]:
    """An incident as it is sent, whose every text is an attack: markup, templates, quotes, right-to-left, very long."""
    long = f"{'N' * 4000}{LEFTWARD}{HOSTILE}".ljust(5000, "M")
    source = {"id": "src-bad", "title": HOSTILE, "publisher": HOSTILE, "published_on": "2021-03-16"}
    source["url"] = "https://a.example/?<script>"
    reporter = {"id": "r-bad", "name": HOSTILE, "kind": "media"}
    return attack(
        "bad", title=NOT_IN_XML + HOSTILE + LEFTWARD, summary=long, place=long, district=HOSTILE, claimed_by=HOSTILE,
        actors=[{"name": long, "kind": "unknown", "role": "attacker"}], external_ids={"other": HOSTILE},
        attributes={HOSTILE[:60]: HOSTILE}, latitude=15.9, longitude=2.4, sources=[source],
        toll_reports=[figure(3, id="tr-bad", source=source, note=HOSTILE, locator=HOSTILE, reported_by=reporter)],
    )  # fmt: skip


class Editor:
    """A client with a key of its own, which it sends with everything that it asks."""

    def __init__(self, client: Client, database: Database, *scopes: Scope, name: str) -> None:
        self.client, self.name = client, name
        self.key = keys.create(database, name, scopes, None)

    def ask(self, method: str, address: str, body: Any = None, **options: Any) -> httpx.Response:
        sent = {} if body is None else {"json": body}
        headers = {"Authorization": f"Bearer {self.key}"} | options.pop("headers", {})
        return self.client.request(method, address, headers=headers, **sent, **options)

    def get(self, address: str, **options: Any) -> httpx.Response:
        return self.ask("GET", address, **options)

    def post(self, address: str, body: Any, **headers: str) -> httpx.Response:
        return self.ask("POST", address, body, headers={n.replace("_", "-"): v for n, v in headers.items()})

    def patch(self, incident_id: str, changes: Any, if_match: str = "*") -> httpx.Response:
        return self.ask("PATCH", f"/v1/incidents/{incident_id}", changes, headers={"If-Match": if_match})

    def json(self, address: str) -> Any:
        """The body of an answer that is expected to be a 200."""
        answer = self.get(address)
        assert answer.status_code == 200, f"{address}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def made(self, address: str, body: Any) -> Any:
        """The record that is made by a POST."""
        answer = self.post(address, body)
        assert answer.status_code == 201, f"{address}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def checkpoint(self) -> Any:
        """The log as it stands: its `size`, and `at`, when something was last recorded."""
        return self.json("/v1/log/checkpoint")
