"""How long the service is silent, and how long an honest client waits, while somebody attacks it.

Limits are for each client address, so attacker, honest client and watcher each have one of 127.0.0.0/8 of their own.
"""

import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.faults.serving import writing_client
from tests.support import Service

ATTACKER, HONEST, WATCHER = "127.0.0.2", "127.0.0.3", "127.0.0.4"
PATIENCE = 8.0
"""Seconds after which a response counts as missing, and the longest silence that is measured."""
PAUSE = 0.004
"""Seconds between two requests of the honest client, and of the watcher."""
ADDRESS_SPACE = 1536 * 1024 * 1024
"""Bytes that the service may map: what makes a machine run out of memory ends the service here."""
SETTLE_SECONDS = 5
_PROGRAM = Path(__file__).with_name("attacker.py")


def request(path: str, **headers: str) -> str:
    """A request as it is sent. Names of headers have `_` in the place of `-`."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n"


def client(service: "Attacked", address: str, **options: Any) -> httpx.Client:
    """A client with the key of the service, from an address."""
    transport = httpx.HTTPTransport(local_address=address)
    return writing_client(service.base, service.key, transport=transport, **{"timeout": PATIENCE, **options})


def waited_for_a_core(thread: int) -> float:
    """Seconds in which a thread could have run and another one did; 0 where the system does not tell.

    Other programs on the machine cause most of it; the service cannot avoid it.
    """
    try:
        return int(Path(f"/proc/{thread}/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


class Poller:
    """Asks for one path after another on one connection, in a thread, and keeps how long each response took."""

    def __init__(self, service: "Attacked", source: str, paths: Sequence[str]) -> None:
        self._service, self._port, self._source = service, service.port, source
        self._requests = [request(path).encode() for path in paths]
        self.taken: list[float] = []
        """Seconds; one that did not come counts as `PATIENCE`."""
        self.held: list[float] = []
        """The same without the time in which the service's event loop, or this thread, waited for a core."""
        self.failed: list[str] = []
        """What came in the place of a `200`."""
        self._socket: socket.socket | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Poller":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(PATIENCE + 1)
        self._close()

    def _run(self) -> None:
        number = 0
        while not self._ended.wait(PAUSE):
            begun, waited = time.monotonic(), self._waited()
            try:
                status = self._ask(self._requests[number % len(self._requests)])
            except OSError as error:
                status = f"{type(error).__name__} after {time.monotonic() - begun:.1f} s"
                self._close()
            self.taken.append(time.monotonic() - begun)
            self.held.append(self.taken[-1] - (self._waited() - waited))
            if status != "200":
                self.failed.append(status)
            number += 1

    def _waited(self) -> float:
        return waited_for_a_core(self._service.process.pid) + waited_for_a_core(threading.get_native_id())

    def _ask(self, sent: bytes) -> str:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), PATIENCE, (self._source, 0))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(sent)
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._part()
        head, _, body = got.partition(b"\r\n\r\n")
        left = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]) - len(body)
        while left > 0:
            left -= len(self._part())
        return head[9:12].decode()

    def _part(self) -> bytes:
        assert self._socket is not None
        if got := self._socket.recv(65536):
            return got
        raise ConnectionResetError

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def p99(taken: Sequence[float]) -> float:
    """Seconds within which 99 of 100 responses came."""
    return sorted(taken)[int(len(taken) * 0.99)]


@dataclass(frozen=True, slots=True)
class Attack:
    """The requests of one address: paths, or whole requests as bytes."""

    requests: Sequence[str]
    connections: int = 16
    how: str = "read"


@dataclass(slots=True)
class Attacker:
    """An attack under way, in a process of its own."""

    process: "subprocess.Popen[str]"
    statuses: dict[str, int] = field(default_factory=dict)
    """Number of responses by status, once it has ended."""

    def wait(self) -> None:
        """Waits for its end."""
        with suppress(subprocess.TimeoutExpired, json.JSONDecodeError):
            self.statuses = json.loads(self.process.communicate(timeout=PATIENCE)[0] or "{}")


@contextmanager
def attacking(port: int, attack: Attack, seconds: float) -> Iterator[Attacker]:
    """Attacks from `ATTACKER` for so many seconds, or until the end of the block."""
    sent = [one if one[0] != "/" else request(one) for one in attack.requests]
    plan = {"port": port, "source": ATTACKER, "connections": attack.connections, "how": attack.how}
    process = subprocess.Popen([sys.executable, _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps(plan | {"seconds": seconds, "requests": sent}))
        process.stdin.close()
        process.stdin = None
        assert process.stdout.readline() == "begun\n"
        yield Attacker(process)
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


class Attacked(Service):
    """A service with little address space, and a folder for temporary files of its own.

    It is killed and not stopped in the end, since it may not listen.
    """

    def __init__(self, folder: Path, database: Path, key: str) -> None:
        self.key, self.scratch = key, folder / "scratch"
        self.scratch.mkdir(exist_ok=True)
        super().__init__(folder, database=database, INCIDENTS_SEED="false", TMPDIR=str(self.scratch))
        resource.prlimit(self.process.pid, resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))

    def restart(self) -> None:
        """Starts again on the same database, with another process and port."""
        self.kill()
        self.__init__(self.scratch.parent, self.database, self.key)  # type: ignore[misc]

    def kill(self) -> None:
        """Ends it at once."""
        self.process.kill()
        self.process.wait()

    def cpu_seconds(self) -> float:
        """Processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def forget_peak(self) -> None:
        """Resets `peak_kib`."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def peak_kib(self) -> int:
        """The most memory that it held."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))

    def settle(self) -> None:
        """Waits until it is idle; starts it again where it does not become so, or has ended."""
        until = time.monotonic() + SETTLE_SECONDS
        while self.process.poll() is None and time.monotonic() < until:
            busy = self.cpu_seconds()
            time.sleep(0.2)
            if self.process.poll() is None and self.cpu_seconds() - busy < 0.05 and self._is_ready():
                return
        self.restart()


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of an attack has shown.

    Times are seconds, without those in which there was no core for the event loop or the client; `clock_` those with them.
    """

    silence: float
    """The longest time without a response of `/healthz`."""
    alone: float
    """The honest client's p99 without the attack."""
    attacked: float
    """Its p99 during the attack."""
    clock_silence: float
    clock_alone: float
    clock_attacked: float
    failed: Sequence[str]
    """What the honest client got that is no `200`."""
    statuses: dict[str, int]
    grown_mib: float
    survived: bool


def attack_once(service: Attacked, attack: Attack, honest: Sequence[str], alone: float, attacked: float) -> Round:
    """Measures the honest client alone for `alone` seconds, and then during the attack for `attacked` seconds."""
    with Poller(service, HONEST, honest) as before:
        time.sleep(alone)
    service.forget_peak()
    resident = service.resident_kib()
    with Poller(service, WATCHER, ["/healthz"]) as watcher, Poller(service, HONEST, honest) as during:
        with attacking(service.port, attack, attacked) as attacker:
            time.sleep(attacked)
            attacker.wait()
        time.sleep(0.3)  # what is left of it may hold up others too
    survived = service.process.poll() is None
    grown = (service.peak_kib() - resident) / 1024 if survived else 0.0
    return Round(
        max(watcher.held), p99(before.held), p99(during.held),
        max(watcher.taken), p99(before.taken), p99(during.taken),
        during.failed, attacker.statuses, grown, survived,
    )  # fmt: skip
