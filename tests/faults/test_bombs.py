"""Files that need much memory or disk, in a process with 1.5 GB of address space.

`FAULTS_BOMB='gz|xlsx' make test-faults` tries those alone whose name this pattern finds.
"""

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.domain.vocabulary import Scope
from app.store import keys
from app.store.db.database import Database
from app.store.maintenance import schema
from tests.faults.bombs import HEADER, MIB, PACKED, PLAIN, gzipped
from tests.faults.serving import number
from tests.support import Service, command, environment, free_port

pytestmark = pytest.mark.faults
ADDRESS_SPACE = 1536 * MIB
SECONDS = number("BOMB_SECONDS", 60)
"""After which a bomb has gone off."""
SOON = 15
"""Seconds of processor time within which a file is refused, the 1.5 s of a start included; most take milliseconds."""
ALL = {name: bomb for name, bomb in {**PLAIN, **PACKED}.items() if re.search(os.environ.get("FAULTS_BOMB", ""), name)}


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))


class Limited(Service):
    """A service with little address space, and a folder for temporary files of its own."""

    def __init__(self, folder: Path) -> None:
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.database = folder / "service.db"
        self.log = folder / "service.log"
        made = Database(f"sqlite:///{self.database}")
        schema.migrate(made)
        self.key = keys.create(made, "desk", [Scope.WRITE], None)
        made.close()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", "serve", "--port", str(self.port)],
                cwd=folder, stdout=log, stderr=log, preexec_fn=_limited,
                env=environment(INCIDENTS_DATABASE_URL=f"sqlite:///{self.database}", INCIDENTS_SEED="false", TMPDIR=str(self.scratch)),
            )  # fmt: skip
        self._wait_until_ready()

    def forget_peak(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def peak_mib(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) // 1024

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    made = Limited(tmp_path_factory.mktemp("bombs"))
    yield made
    made.stop()


@pytest.mark.parametrize("name", ALL)
def test_a_bomb_is_rejected_over_http(
    limited: Limited, tmp_path: Path, name: str, print_later: Callable[[str], None]
) -> None:
    # given
    format, make = ALL[name]
    make(tmp_path / "bomb")
    size = (tmp_path / "bomb").stat().st_size
    limited.forget_peak()
    busy = limited.cpu_seconds()
    headers = {
        "Authorization": f"Bearer {limited.key}",
        "Content-Type": "text/csv" if format == "csv" else "application/json",
    }

    # when
    begun = time.monotonic()
    try:
        with (tmp_path / "bomb").open("rb") as file:
            answer: Any = httpx.post(
                f"{limited.base}/v1/import?format={format}&released_on=2020-01-01" if format == "acled" else f"{limited.base}/v1/import?format={format}",
                content=file, headers=headers, timeout=SECONDS,
            )  # fmt: skip
            status, body = answer.status_code, answer.text
    except httpx.TransportError as error:
        status, body = 0, repr(error)
    taken = time.monotonic() - begun
    alive = limited.process.poll() is None
    cpu = limited.cpu_seconds() - busy if alive else 0
    print_later(
        f"http  {name:42} {size / MIB:8.2f} MB  {taken:6.2f} s  {cpu:6.2f} s CPU  {limited.peak_mib() if alive else 0:5} MB  {status}  {body[-150:]!r}"
    )

    # then
    assert alive, "it was ended"
    assert httpx.get(f"{limited.base}/healthz", timeout=5).status_code == 200
    assert status in ((415,) if name in PACKED else (200, 422)), body[-500:]
    assert "error" not in body or status != 200, body[-500:]
    assert cpu < SOON
    assert _is_empty(limited.scratch)


@pytest.mark.parametrize("name", ALL)
def test_a_bomb_is_rejected_on_the_command_line(tmp_path: Path, name: str, print_later: Callable[[str], None]) -> None:
    # given
    format, make = ALL[name]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    make(tmp_path / "bomb")
    size = (tmp_path / "bomb").stat().st_size
    assert command("migrate", cwd=tmp_path).returncode == 0
    more = ["--released-on", "2020-01-01"] if format == "acled" else []

    # when
    begun = time.monotonic()
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "import", format, "bomb", *more],
            cwd=tmp_path, stdout=log, stderr=log, preexec_fn=_limited, env=environment(TMPDIR=str(scratch)),
        )  # fmt: skip
    while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
        time.sleep(0.01)
        if time.monotonic() - begun > SECONDS:
            process.kill()
            ended = os.wait4(process.pid, 0)
            break
    taken = time.monotonic() - begun
    cpu = ended[2].ru_utime + ended[2].ru_stime
    code = process.returncode = os.waitstatus_to_exitcode(ended[1])
    words = (tmp_path / "log").read_text(errors="replace")
    print_later(
        f"shell {name:42} {size / MIB:8.2f} MB  {taken:6.2f} s  {cpu:6.2f} s CPU  {ended[2].ru_maxrss // 1024:5} MB  {code:3}  {words[-150:]!r}"
    )

    # then
    assert code in (0, 1, 2), words[-2000:]
    assert "Traceback" not in words
    assert cpu < SOON
    assert _is_empty(scratch)


def _is_empty(folder: Path) -> bool:
    deadline = time.monotonic() + 2
    while any(folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(folder.iterdir())


def test_reading_a_file_ends_when_its_client_disconnects(limited: Limited) -> None:
    # given: a file that is read for some minutes before a row of it is recorded
    content = f"{HEADER}\n".encode() + b"x,T,2021-03-15,ML\n" * 6_000_000
    head = (
        f"POST /v1/import?format=csv HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {limited.key}\r\n"
        f"Content-Type: text/csv\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    with limited.connect(timeout=30) as client:
        client.sendall(head.encode() + content)
        time.sleep(2)
        busy = limited.cpu_seconds()
        time.sleep(2)
        assert limited.cpu_seconds() - busy > 0.1, "it is being read"

        # when
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    time.sleep(2)

    # then
    busy = limited.cpu_seconds()
    time.sleep(2)
    assert limited.cpu_seconds() - busy < 0.05
    assert _is_empty(limited.scratch)


def _open_files(process: int) -> list[str]:
    return [entry.path for entry in os.scandir(f"/proc/{process}/fd") if os.path.islink(entry.path)]


def test_an_interrupt_ends_decompression(tmp_path: Path) -> None:
    # given: what unpacks to 1 GB, within the limit for its size
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    rows = (
        b"".join(b"x%d,T,2021-03-15,ML\n" % (n * 7919) for n in range(p, p + 20_000))
        for p in range(0, 4_000_000, 20_000)
    )
    gzipped(tmp_path / "much.csv.gz", [f"{HEADER}\n".encode(), *rows])
    assert command("migrate", cwd=tmp_path).returncode == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "import", "csv", "much.csv.gz"],
        cwd=tmp_path, stderr=subprocess.DEVNULL, env=environment(TMPDIR=str(scratch)),
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while not any(os.readlink(fd).endswith("much.csv.gz") for fd in _open_files(process.pid)):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)

    # when
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)

    # then
    assert process.wait(10) == 130
    assert time.monotonic() - begun < 5
    assert _is_empty(scratch)
