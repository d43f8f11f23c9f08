"""The four servers, each one process with one worker on a free port of this machine."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.dataset import url_of
from tests.support import free_port

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30
SETTLE_SECONDS = 30
IDLE_SECONDS = 0.06
"""A server that uses no tick (0.01 s) of processor time for this long is idle."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    name: str
    port: int
    process: "subprocess.Popen[bytes]"

    def settle(self) -> None:
        """Waits until the server is idle. It still works on requests of connections that were closed."""
        until, before = time.monotonic() + SETTLE_SECONDS, -1
        while time.monotonic() < until and (now := self._ticks()) != before:
            before = now
            time.sleep(IDLE_SECONDS)

    def _ticks(self) -> int:
        """Processor time in ticks of the system; 0 when the system does not say."""
        try:
            stat = Path(f"/proc/{self.process.pid}/stat").read_text("ascii")
        except OSError:
            return 0
        return sum(map(int, stat.rpartition(")")[2].split()[11:13]))

    def memory(self) -> int:
        """Resident memory in bytes; 0 when the system does not say."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        except OSError:
            return 0
        return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


@contextmanager
def ours(database: Path) -> Iterator[Server]:
    """Our server, as `incidents serve` starts it."""
    env = {"INCIDENTS_DATABASE_URL": url_of(database), "INCIDENTS_SEED": "false", "INCIDENTS_LOG_LEVEL": "warning"}
    port = free_port()
    with _running("ours", [sys.executable, "-m", "app", "serve", "--port", str(port)], port, env) as server:
        yield server


@contextmanager
def floor(database: Path, plan: Path) -> Iterator[Server]:
    """Raw `sqlite3` behind a bare ASGI function."""
    port = free_port()
    call = [sys.executable, "-m", "tests.benchmarks.floor", str(database), str(plan), str(port)]
    with _running("floor", call, port) as server:
        yield server


@contextmanager
def naive(database: Path) -> Iterator[Server]:
    """The server of a tutorial."""
    port = free_port()
    with _running("naive", [sys.executable, "-m", "tests.benchmarks.naive", str(database), str(port)], port) as server:
        yield server


@contextmanager
def datasette(executable: str, database: Path, metadata: Path) -> Iterator[Server]:
    """Datasette on the same file."""
    port = free_port()
    settings = {"sql_time_limit_ms": 60_000, "max_returned_rows": 50_000, "default_cache_ttl": 0}
    options = [part for name, value in settings.items() for part in ("--setting", name, str(value))]
    call = [executable, "serve", str(database), "--metadata", str(metadata), *options, "-p", str(port)]
    with _running("Datasette", call, port) as server:
        yield server


def find_datasette() -> str | None:
    """`BENCH_DATASETTE`, else `datasette` next to this Python or on the PATH."""
    neighbor = Path(sys.executable).with_name("datasette")
    return os.environ.get("BENCH_DATASETTE") or (str(neighbor) if neighbor.exists() else shutil.which("datasette"))


@contextmanager
def _running(name: str, call: Sequence[str], port: int, env: dict[str, str] | None = None) -> Iterator[Server]:
    quiet = subprocess.DEVNULL if name == "Datasette" else None
    process = subprocess.Popen(call, cwd=ROOT, env=os.environ | (env or {}), stdout=subprocess.DEVNULL, stderr=quiet)
    try:
        _wait(name, process, port)
        yield Server(name, port, process)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait(name: str, process: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended with {process.returncode} before it listened")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{name} did not listen within {START_SECONDS} s")
