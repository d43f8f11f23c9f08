"""Clients that read everything at once, slowly, or not at all block nobody and hold nothing for ever."""

import json
import selectors
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.benchmarks.dataset import database_file
from tests.builders import incident_body
from tests.faults.serving import make_key, writing_client
from tests.support import Service

pytestmark = pytest.mark.faults

INCIDENTS = 23_000
"""With their reports, sources and reporters more than 100,000 entries of the log."""
STREAM = "/v1/changes/stream?after=0"
EXPORT = "/v1/incidents?f=ndjson"
SEND_SECONDS = 2
MOST_SILENCE = 0.1
"""Seconds in which nobody is answered."""
MOST_WAL = 16 * 1024 * 1024


class Loaded(Service):
    """The service over a long log, and clients of many addresses."""

    def __init__(self, folder: Path) -> None:
        database = folder / "service.db"
        shutil.copy(database_file(INCIDENTS), database)
        self.key = make_key(database)
        sending = {"INCIDENTS_SEND_SECONDS": str(SEND_SECONDS), "INCIDENTS_SEED": "false"}
        super().__init__(folder, database=database, **sending)

    def request(self, path: str, host: int) -> socket.socket:
        """A request from one of the addresses of this machine."""
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.bind((f"127.0.1.{host}", 0))
        client.settimeout(20)
        client.connect(("127.0.0.1", self.port))
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        return client

    def wal(self) -> int:
        return Path(f"{self.database}-wal").stat().st_size


@pytest.fixture
def loaded(tmp_path: Path) -> Iterator[Loaded]:
    made = Loaded(tmp_path)
    yield made
    made.stop()


@contextmanager
def _many(loaded: Loaded, path: str, count: int, hosts: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(loaded.request(path, 1 + n % hosts)) for n in range(count)]


@contextmanager
def _silences(loaded: Loaded) -> Iterator[list[float]]:
    """Times in which an honest client waited for an answer of `/healthz`, which it asks for all the time."""
    stop, taken = threading.Event(), list[float]()

    def ask() -> None:
        with httpx.Client(base_url=loaded.base) as client:
            while not stop.is_set():
                begun = time.monotonic()
                assert client.get("/healthz").status_code == 200
                taken.append(time.monotonic() - begun)
                time.sleep(0.005)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield taken
    finally:
        stop.set()
        asking.join()


@contextmanager
def _read(clients: list[socket.socket], at_once: int = 1 << 18, every: float = 0.0) -> Iterator[list[int]]:
    """Reads what comes, in another thread. Tells how much it was."""
    stop, size, room = threading.Event(), [0], memoryview(bytearray(at_once))
    with selectors.DefaultSelector() as selector:
        for client in clients:
            client.setblocking(False)
            selector.register(client, selectors.EVENT_READ)

        def read() -> None:
            while not stop.is_set():
                for key, _ in selector.select(0.1):
                    try:
                        size[0] += key.fileobj.recv_into(room)  # type: ignore[union-attr]
                    except OSError:
                        continue
                stop.wait(every)

        reading = threading.Thread(target=read)
        reading.start()
        try:
            yield size
        finally:
            stop.set()
            reading.join()


def _statuses(clients: list[socket.socket]) -> list[bytes]:
    return [client.recv(12)[9:] for client in clients]


def test_two_hundred_slow_readers_of_the_log_block_nobody(loaded: Loaded, print_later: Callable[[str], None]) -> None:
    # given
    head = httpx.get(f"{loaded.base}/v1/log/checkpoint").json()["size"]
    assert head >= 100_000
    longest = []
    with _many(loaded, STREAM, 200, 10) as clients, _read(clients) as size:
        # when: a span in which the machine itself does something else does not count
        for _ in range(3):
            with _silences(loaded) as taken:
                time.sleep(3)
            longest.append(max(taken))
        read = size[0]

        # then
        assert read > 10_000_000
        assert min(longest) <= MOST_SILENCE, longest
        with loaded.request(STREAM, 1) as one_more:
            assert _statuses([one_more]) == [b"503"]

    # and when all leave
    begun = time.monotonic()
    with _silences(loaded) as taken:
        while True:
            with loaded.request(STREAM, 1) as again:
                if _statuses([again]) == [b"200"]:
                    break
            assert time.monotonic() < begun + 5
        noticed = time.monotonic() - begun
        time.sleep(2)

    # then: their slots are free, and nothing is left to do for them
    assert noticed < 1
    print_later(
        f"200 streams from 0 of {head:,} entries: longest silence {min(longest) * 1000:.0f} ms "
        f"({', '.join(f'{span * 1000:.0f}' for span in longest)}), {read / 9e6:.0f} MB/s; a slot of those who left was "
        f"free after {noticed:.2f} s, longest silence then {max(taken) * 1000:.0f} ms"
    )
    assert max(taken) <= 2 * MOST_SILENCE


def test_sigterm_ends_all_running_responses_in_time(loaded: Loaded, print_later: Callable[[str], None]) -> None:
    # given: streams that are read, and exports that are not
    with _many(loaded, STREAM, 200, 10) as clients, _many(loaded, EXPORT, 16, 8) as exports:
        assert _statuses(exports) == [b"200"] * 16
        with _read(clients):
            time.sleep(0.5)

            # when
            begun = time.monotonic()
            loaded.process.send_signal(signal.SIGTERM)
            code = loaded.process.wait(30)
            taken = time.monotonic() - begun

    # then
    assert code in (0, -signal.SIGTERM)
    assert taken < 5
    print_later(f"SIGTERM with 200 streams that catch up and 16 exports that nobody reads: ended after {taken:.1f} s")


@pytest.mark.parametrize(("path", "most"), [(EXPORT, 16), (STREAM, 200)], ids=["exports", "streams"])
def test_slots_of_stalled_clients_are_released(
    loaded: Loaded, print_later: Callable[[str], None], path: str, most: int
) -> None:
    # given: all slots, by as few addresses as there can be
    with _many(loaded, path, most, 4) as silent:
        assert _statuses(silent) == [b"200"] * most
        begun = time.monotonic()
        with loaded.request(path, 9) as one_more:
            assert _statuses([one_more]) == [b"503"]

        # when
        while time.monotonic() - begun < 5 * SEND_SECONDS:
            with loaded.request(path, 9) as one_more:
                if _statuses([one_more]) == [b"200"]:
                    break
            time.sleep(0.1)
        taken = time.monotonic() - begun

        # then
        assert taken < 2 * SEND_SECONDS + 1
        time.sleep(SEND_SECONDS)
        for client in silent:  # which were not told that it is whole
            assert not _rest(client).endswith(b"0\r\n\r\n")
    print_later(
        f"{most} {path} that nobody reads, {SEND_SECONDS} s for the next bytes: a slot was free after {taken:.1f} s"
    )


def _rest(client: socket.socket) -> bytes:
    got = b""
    try:
        while part := client.recv(1 << 20):
            got = (got + part)[-100:]
    except OSError:
        pass
    return got


def test_one_address_cannot_take_all_slots(loaded: Loaded) -> None:
    with _many(loaded, EXPORT, 16, 1) as greedy, loaded.request(EXPORT, 2) as honest:
        assert sorted(_statuses(greedy)) == [b"200"] * 4 + [b"429"] * 12
        assert _statuses([honest]) == [b"200"]


def test_the_wal_stays_small_during_slow_exports(loaded: Loaded, print_later: Callable[[str], None]) -> None:
    # given: each is read just fast enough to be kept
    with _many(loaded, EXPORT, 16, 8) as slow, _read(slow, 1 << 17, 0.2) as size:
        with writing_client(loaded.base, loaded.key) as client:
            # when
            written, largest, begun = 0, 0, time.monotonic()
            while time.monotonic() - begun < 10:
                body = incident_body(f"slow-{written}", summary="word " * 990, attributes={"a": "b" * 20_000})
                assert client.post("/v1/incidents", json=body).status_code == 201
                written += 1
                largest = max(largest, loaded.wal())
        read = size[0]

    # then
    assert largest <= MOST_WAL
    print_later(
        f"{written} records of 25 kB in 10 s behind 16 slow exports ({read / 1e6:.0f} MB read): the write-ahead log "
        f"had at most {largest / 2**20:.1f} MiB"
    )


def test_a_slow_export_is_complete_during_writes_and_reads(loaded: Loaded) -> None:
    # given
    whole = httpx.get(f"{loaded.base}{EXPORT}", timeout=60).text

    # when
    with (
        _many(loaded, "/v1/incidents?f=csv", 12, 3),
        writing_client(loaded.base, loaded.key) as client,
        httpx.stream("GET", f"{loaded.base}{EXPORT}", timeout=60) as answer,
    ):
        lines = []
        for n, line in enumerate(answer.iter_lines()):
            if n % 4000 == 0:
                assert client.post("/v1/incidents", json=incident_body(f"new-{n}")).status_code == 201
            lines.append(line)

    # then
    assert "\n".join(lines) + "\n" == whole
    assert len({json.loads(line)["id"] for line in lines}) == INCIDENTS
