"""Clients for tests: the application in this process, the service in another, and the command line."""

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
from app.domain.vocabulary import Scope
from app.settings import Settings
from app.store import keys
from app.store.db.database import Database

ROOT = Path(__file__).resolve().parents[1]
INDELIMANE = "/v1/incidents/ml-2019-11-01-indelimane"
READ_ADDRESSES = [
    "/v1/incidents", "/v1/incidents?f=csv", "/v1/incidents?f=geojson&limit=2", INDELIMANE, f"{INDELIMANE}/toll-history",
    f"{INDELIMANE}/versions", "/v1/toll-reports", "/v1/toll-reports/tr-indelimane-killed-gov-1", "/v1/reporters",
    "/v1/sources", "/v1/regions", "/v1/regions/ML", "/v1/stats?group_by=month",
]  # fmt: skip
"""Every read route over the seeds, with realistic parameters."""
PAGES = [
    "/", "/incidents/ml-2019-11-01-indelimane", "/regions/ML", "/regions/ML-9", "/sources/article-2019-11-02-indelimane",
    "/reporters/gov-ml", "/feed.atom", "/guide",
]  # fmt: skip
"""Every page over the seeds."""


def parquet_rows(content: bytes) -> list[dict[str, Any]]:
    """The rows of a Parquet file."""
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file, duckdb.connect() as duck:
        file.write(content)
        file.flush()
        result = duck.execute("FROM read_parquet($file)", {"file": file.name})
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def of_slices(items: list[str], times: int = 1) -> AsyncIterator[list[str]]:
    """The same incidents `times` times, in slices as an export reads them."""

    async def slices() -> AsyncIterator[list[str]]:
        for _ in range(times):
            yield items

    return slices()


class Client:
    """The application in this process. An exception in the application is a 500 here."""

    def __init__(self, database: Database, **settings: Any) -> None:
        url = database.url.render_as_string(hide_password=False)
        self.app = create_app(Settings(_env_file=None, database_url=url, **settings))  # type: ignore[call-arg]
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://testserver", timeout=60)

    def run(self, call: Coroutine[Any, Any, Any]) -> Any:
        """Runs a coroutine, for instance one that sends several requests at once."""
        return self._runner.run(call)

    async def send(self, method: str, address: str, **options: Any) -> httpx.Response:
        return await self._http.request(method, address, **options)

    def request(self, method: str, address: str, **options: Any) -> httpx.Response:
        return self._runner.run(self.send(method, address, **options))

    def get(self, address: str, **options: Any) -> httpx.Response:
        return self.request("GET", address, **options)

    def json(self, address: str, **options: Any) -> Any:
        """The JSON body of a response that must be a 200."""
        response = self.get(address, **options)
        assert response.status_code == 200, f"{address}: {response.status_code} {response.text[:500]}"
        return response.json()

    def ids(self, address: str, **options: Any) -> list[str]:
        """The ids of the items of a page."""
        return [item["id"] for item in self.json(address, **options)["items"]]

    def raw(self, address: str, **options: Any) -> bytes:
        """The bytes of a body as they are sent, before decompression."""

        async def read() -> bytes:
            async with self._http.stream("GET", address, **options) as response:
                return b"".join([chunk async for chunk in response.aiter_raw()])

        return self._runner.run(read())

    def close(self) -> None:
        self._runner.run(self._http.aclose())
        self.app.state.reader.close()
        self._runner.close()


def environment(**more: str) -> dict[str, str]:
    """An environment for the command, without settings of the service from this process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INCIDENTS_")}
    return kept | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "200"} | more


def command(*arguments: str, cwd: Path, timeout: float = 60, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs the command `incidents` and waits for its end."""
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
    """`serve` in a process of its own, on a free port, with a database in `folder`."""

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

    def _wait_for(self, probe: Callable[[], int]) -> int:
        """The first truthy result of `probe`. Fails when the service ends, or after a minute."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            if found := probe():
                return found
            time.sleep(0.02)
        self.stop()
        raise AssertionError(f"the service did not start: {self.log.read_text()[-2000:]}")

    def connect(self, timeout: float = 10) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def resident_kib(self) -> int:
        """Resident memory of the process."""
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


class Editor:
    """A client that sends an API key of its own with every request."""

    def __init__(self, client: Client, database: Database, *scopes: Scope, name: str) -> None:
        self.client, self.name = client, name
        self.key = keys.create(database, name, scopes, None)

    def request(self, method: str, address: str, body: Any = None, **options: Any) -> httpx.Response:
        sent = {} if body is None else {"json": body}
        headers = {"Authorization": f"Bearer {self.key}"} | options.pop("headers", {})
        return self.client.request(method, address, headers=headers, **sent, **options)

    def get(self, address: str, **options: Any) -> httpx.Response:
        return self.request("GET", address, **options)

    def post(self, address: str, body: Any, **headers: str) -> httpx.Response:
        return self.request("POST", address, body, headers={n.replace("_", "-"): v for n, v in headers.items()})

    def patch(self, incident_id: str, changes: Any, if_match: str = "*") -> httpx.Response:
        return self.request("PATCH", f"/v1/incidents/{incident_id}", changes, headers={"If-Match": if_match})

    def json(self, address: str) -> Any:
        """The JSON body of a response that must be a 200."""
        response = self.get(address)
        assert response.status_code == 200, f"{address}: {response.status_code} {response.text[:500]}"
        return response.json()

    def create(self, address: str, body: Any) -> Any:
        """The record that a POST creates."""
        response = self.post(address, body)
        assert response.status_code == 201, f"{address}: {response.status_code} {response.text[:500]}"
        return response.json()

    def checkpoint(self) -> Any:
        """The newest checkpoint of the log."""
        return self.json("/v1/log/checkpoint")
