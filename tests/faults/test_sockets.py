"""Clients that violate HTTP or are slow, against the real service."""

import gzip
import re
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from app.api.http.server import MAX_CONNECTIONS
from app.settings import Settings
from app.store.db.database import Database
from tests.builders import incident_draft, record
from tests.support import Service

HOST = b"Host: localhost\r\n"
HONEST = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
SECOND = b"GET /v1/regions HTTP/1.1\r\n" + HOST + b"\r\n"
CHUNKED = b"POST /v1/incidents HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
DEADLINE = 2
"""Seconds that `service` gives a client for its request."""


def _exchange(service: Service, *sent: bytes, wait: float = DEADLINE + 3) -> bytes:
    """What comes back until the service closes the connection, which it must do within `wait`."""
    with service.connect(timeout=wait) as client:
        for part in sent:
            try:
                client.sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                break
        return _until_closed(client)


def _until_closed(client: socket.socket) -> bytes:
    got = b""
    try:
        while part := client.recv(65536):
            got += part
    except ConnectionResetError:
        pass
    return got


def _status_lines(got: bytes) -> list[bytes]:
    return re.findall(rb"HTTP/1\.[01] \d{3}", got)


def _assert_alive(service: Service) -> None:
    begun = time.monotonic()
    assert httpx.get(f"{service.base}/v1/incidents", timeout=5).status_code == 200
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding : chunked\r\n", b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5, 6\r\n", b"Content-Length: +5\r\n", b"Content-Length: -1\r\n", b"Content-Length: 5 5\r\n",
        b"Content-Length: 99999999999999999999\r\n", b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: xchunked\r\n", b"X: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\nX y: z\r\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_an_ambiguous_body_length_smuggles_no_second_request(service: Service, method: bytes, framing: bytes) -> None:
    # when
    got = _exchange(service, method + b" /healthz HTTP/1.1\r\n" + HOST + framing + b"\r\n0\r\n\r\n" + SECOND)

    # then
    assert len(_status_lines(got)) <= 1
    assert b"HTTP/1.1 200" not in _status_lines(got)
    _assert_alive(service)


@pytest.mark.parametrize(
    "request_bytes",
    [
        HONEST.replace(b"\r\n", b"\n"), b"GET /healthz HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\n" + HOST + b"\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01", b"\x00" * 100, b"GET /\xff\xfe HTTP/1.1\r\n" + HOST,
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n", b"GET /healthz HTTP/1.1\r\n" + HOST + b": x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /healthz HTTP/1.1\r\n" + HOST + b"X : y\r\n\r\n",
    ],
)  # fmt: skip
def test_a_malformed_request_is_rejected_and_the_connection_closed(service: Service, request_bytes: bytes) -> None:
    # when
    got = _exchange(service, request_bytes, b"" if request_bytes.endswith(b"\n") else b"\r\n\r\n")

    # then
    assert _status_lines(got) in ([], [b"HTTP/1.1 400"])
    _assert_alive(service)


@pytest.mark.parametrize(
    "hosts", [b"", HOST + HOST, b"Host: a\r\nHost: b\r\n"], ids=["none", "twice the same", "two"]
)  # fmt: skip
def test_a_request_without_exactly_one_host_gets_a_problem_document(service: Service, hosts: bytes) -> None:
    # when
    got = _exchange(service, b"GET /healthz HTTP/1.1\r\n" + hosts + b"Connection: close\r\n\r\n")

    # then
    head, body = got.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head.lower()
    assert b'"status":400' in body


def test_options_of_the_whole_service_are_served(service: Service) -> None:
    got = _exchange(service, b"OPTIONS * HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 204 ") and b"content-length" not in got.lower()


def test_http_1_0_needs_no_host(service: Service) -> None:
    assert _exchange(service, b"GET /healthz HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "headers",
    [
        b"X-Long: " + b"a" * 1_000_000 + b"\r\n", b"".join(b"X-%d: b\r\n" % n for n in range(90_000)),
        b"X" * 1_000_000 + b": a\r\n", b"Cookie: " + b"a" * 70_000 + b"\r\n",
    ],
    ids=["one long value", "90,000 headers", "one long name", "just too long"],
)  # fmt: skip
def test_a_megabyte_of_headers_is_rejected(service: Service, headers: bytes) -> None:
    # given
    before = service.resident_kib()

    # when
    got = _exchange(service, b"GET /healthz HTTP/1.1\r\n" + HOST + headers + b"Connection: close\r\n\r\n")

    # then
    assert _status_lines(got) in ([], [b"HTTP/1.1 400"], [b"HTTP/1.1 431"])
    assert service.resident_kib() - before < 32 * 1024
    _assert_alive(service)


@pytest.mark.parametrize(
    ("begun", "endless"),
    [
        (b"GET /healthz HTTP/1.1\r\n" + HOST, b"X: " + b"a" * 60_000 + b"\r\n"),
        (b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: ", b"a" * 60_000),
        (b"GET /", b"a" * 60_000),
        (CHUNKED + b"1\r\na\r\n0\r\n", b"X: " + b"a" * 60_000 + b"\r\n"),
        (CHUNKED + b"1;", b"a" * 60_000),
    ],
    ids=["headers", "one header", "address", "trailers", "extension of a chunk"],
)
def test_an_endless_request_is_cut_off_before_it_fills_the_memory(
    service: Service, begun: bytes, endless: bytes
) -> None:
    # given
    before, sent = service.resident_kib(), 0

    # when
    with service.connect() as client:
        client.sendall(begun)
        start = time.monotonic()
        try:
            while time.monotonic() - start < DEADLINE + 4:
                client.sendall(endless)
                sent += len(endless)
        except OSError:
            pass
        taken = time.monotonic() - start

    # then
    assert taken < DEADLINE + 2
    assert sent < 32 * 1024 * 1024
    assert service.resident_kib() - before < 32 * 1024
    _assert_alive(service)


@pytest.mark.slow
def test_idle_and_slow_clients_are_disconnected_while_others_are_served(service: Service) -> None:
    # given: a hundred say nothing, a hundred stop half-way, a hundred send a byte at a time
    begun = time.monotonic()
    clients = [service.connect() for _ in range(300)]
    for client in clients[100:200]:
        client.sendall(HONEST[:30])
    slow = clients[200:]

    # when
    slowest, position = 0.0, 0
    while time.monotonic() - begun < DEADLINE + 2:
        for client in slow:
            try:
                client.sendall(HONEST[position : position + 1] or b"x")
            except OSError:
                continue
        position += 1
        asked = time.monotonic()
        assert httpx.get(f"{service.base}/v1/incidents", timeout=5).status_code == 200
        slowest = max(slowest, time.monotonic() - asked)
        time.sleep(0.1)

    # then
    assert slowest < 1
    for client in clients:
        client.settimeout(1)
        with client:
            assert b" 200 " not in _until_closed(client)


def test_a_slow_body_is_cut_off(service: Service) -> None:
    # when
    begun = time.monotonic()
    head = b"POST /v1/incidents HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\n"
    got = _exchange(service, head, b"a", wait=10)

    # then
    assert time.monotonic() - begun < DEADLINE + 4
    assert _status_lines(got) in ([], [b"HTTP/1.1 401"], [b"HTTP/1.1 408"])


def test_pipelined_requests_get_responses_in_order(service: Service) -> None:
    # given
    paths = [b"/healthz", b"/nowhere", b"/v1/regions", b"/v1/incidents?limit=0", b"/healthz"]

    # when
    sent = b"".join(b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n" for path in paths)
    got = _exchange(service, sent[:-2] + b"Connection: close\r\n\r\n", wait=10)

    # then
    assert [line[9:] for line in _status_lines(got)] == [b"200", b"404", b"200", b"422", b"200"]


@pytest.mark.parametrize("method", [b"POST", b"GET"])
@pytest.mark.parametrize("framing", [b"Content-Length: 104857600\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_a_body_of_a_hundred_megabytes_is_not_buffered(service: Service, method: bytes, framing: bytes) -> None:
    # given
    before, most = service.resident_kib(), 0
    part = b"a" * 2**20
    if b"chunked" in framing:
        part = b"100000\r\n" + part + b"\r\n"

    # when
    with service.connect(timeout=5) as client:
        try:
            client.sendall(method + b" /v1/incidents HTTP/1.1\r\n" + HOST + framing + b"\r\n")
            for _ in range(100):
                client.sendall(part)
                most = max(most, service.resident_kib())
            if b"chunked" in framing:
                client.sendall(b"0\r\n\r\n")
            got = client.recv(65536)
        except OSError:
            got = b""

    # then
    assert most - before < 32 * 1024
    assert [line[9:] for line in _status_lines(got)] in ([], [b"401"], [b"413"], [b"200"] if method == b"GET" else [])
    _assert_alive(service)


def _answered(client: socket.socket) -> bytes:
    """The head of one answer, which has a `Content-Length`."""
    with client.makefile("rb", buffering=0) as lines:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = lines.read(1)
            assert byte, f"closed after {head!r}"
            head += byte
        length = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]
        while length:
            length -= len(lines.read(length) or b"")
    return head


def _closed_after(client: socket.socket) -> float:
    begun = time.monotonic()
    _until_closed(client)
    return time.monotonic() - begun


def test_a_connection_is_kept_alive(service: Service) -> None:
    """Also by those behind a proxy, or in a program that is busy meanwhile: most wait for a minute."""
    assert Settings(_env_file=None).keep_alive_seconds >= 65  # type: ignore[call-arg]
    with service.connect() as client:
        for idle in (0, 0.1, DEADLINE + 4):
            time.sleep(idle)
            client.sendall(HONEST)
            assert b"200 OK" in _answered(client)


@pytest.mark.parametrize("together", [False, True], ids=["later", "together with the last"])
def test_a_partial_next_request_has_the_request_deadline(service: Service, together: bool) -> None:
    # given
    halves = [HONEST[:1], HONEST[:-2], CHUNKED, CHUNKED + b"1\r\na", *([] if together else [b"\r\n"])]
    with ExitStack() as stack:
        clients = [stack.enter_context(service.connect()) for _ in halves]
        for client, half in zip(clients, halves, strict=True):
            client.sendall(HONEST + half if together else HONEST)
            _answered(client)

        # when
        if not together:
            time.sleep(DEADLINE + 0.5)
            for client, half in zip(clients, halves, strict=True):
                client.sendall(half)
        begun = time.monotonic()
        closed = []
        for client in clients:
            _until_closed(client)
            closed.append(time.monotonic() - begun)

    # then
    assert closed[0] > DEADLINE - 0.5 and closed[-1] < DEADLINE + 1


def test_an_idle_connection_is_closed_after_its_timeout(tmp_path: Path) -> None:
    # given
    service = Service(tmp_path, INCIDENTS_KEEP_ALIVE_SECONDS="3")
    try:
        with service.connect() as client:
            client.sendall(HONEST)
            _answered(client)
            # when
            idle = _closed_after(client)
    finally:
        service.stop()

    # then
    assert 2.5 < idle < 4.5


@contextmanager
def _many_files() -> Iterator[None]:
    """As many open sockets as a test of many connections needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = MAX_CONNECTIONS + 500
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip(f"a process may have only {hard} files open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("sent", [b"", HONEST, HONEST[:30]], ids=["silent", "finished", "half-sent"])
def test_too_many_idle_connections_shut_nobody_out(tmp_path: Path, sent: bytes) -> None:
    # given
    service = Service(tmp_path, INCIDENTS_REQUEST_SECONDS="30")
    try:
        with _many_files(), ExitStack() as stack:
            for _ in range(MAX_CONNECTIONS + 50):
                client = stack.enter_context(service.connect())
                client.sendall(sent)
                if sent == HONEST:
                    _answered(client)

            # when, then
            for _ in range(5):
                _assert_alive(service)
            client.sendall(HONEST.removeprefix(sent) or HONEST)
            assert b"200 OK" in _answered(client), "the newest was not closed for another"
    finally:
        service.stop()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose export is too long for a length to be known at its start."""
    service = Service(tmp_path_factory.mktemp("large"))
    database = Database(f"sqlite:///{service.database}")
    record(database, *(incident_draft(f"i-{n}", summary="word " * 990) for n in range(300)))
    database.close()
    yield service
    service.stop()


@pytest.mark.parametrize("more", [b"", b"Connection: keep-alive\r\n", b"Accept-Encoding: gzip\r\n"])
def test_an_http_1_0_client_gets_no_chunked_response(large: Service, more: bytes) -> None:
    # when
    request = b"GET /v1/incidents?f=ndjson HTTP/1.0\r\n" + more
    whole, head = (_exchange(large, part + b"\r\n", wait=20) for part in (request, request.replace(b"GET", b"HEAD")))
    with large.connect() as stream:
        stream.sendall(b"GET /v1/changes/stream HTTP/1.0\r\n\r\n")
        time.sleep(0.5)
        begun = stream.recv(65536)

    # then
    headers, _, body = whole.partition(b"\r\n\r\n")
    for got in (headers, head, begun.partition(b"\r\n\r\n")[0]):
        assert got.startswith(b"HTTP/1.1 200 OK\r\n") and b"connection: close" in got
        assert b"transfer-encoding" not in got and b"content-length" not in got
    assert head.endswith(b"\r\n\r\n")
    assert begun.partition(b"\r\n\r\n")[2].startswith(b"retry: 2000\n")
    if b"gzip" in more:
        body = gzip.decompress(body)
    assert (body.count(b"\n"), body[-2:]) == (303, b"}\n")
