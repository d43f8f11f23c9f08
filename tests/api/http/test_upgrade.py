"""A connection that switches protocol: each request before it gets exactly one response."""

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.support import Service

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"
PLAIN = HEALTH + b"\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n"
BODY = b"POST /v1/incidents HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Type: application/json\r\n"
H2C = (
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
)
SENT = {
    "an upgrade": (HEALTH + UPGRADE, [b"200"]),
    "an upgrade and a request": (HEALTH + UPGRADE + PLAIN, [b"200"]),
    "two requests, an upgrade and a request": (PLAIN + PLAIN + HEALTH + UPGRADE + PLAIN, [b"200"] * 3),
    "an upgrade to HTTP/2": (HEALTH + H2C, [b"200"]),
    "an upgrade with a body": (BODY + UPGRADE + b"{}" + PLAIN, [b"401"]),
    "a tunnel": (b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n" + PLAIN, [b"400"]),
    "a request and what is none": (PLAIN + b"WHAT\r\n\r\n", [b"200"]),
    "what is no request": (b"WHAT\r\n\r\n", [b"400"]),
    "a body that is none": (b"POST /v1/incidents HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", [b"400"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("upgrades"))
    yield made
    made.stop()


@pytest.mark.parametrize("later", [b"", PLAIN], ids=["alone", "with a request later"])
@pytest.mark.parametrize("name", SENT)
def test_bytes_after_a_protocol_switch_get_no_response_and_the_connection_closes(
    service: Service, name: str, later: bytes
) -> None:
    # given
    sent, statuses = SENT[name]

    # when
    got = b""
    with service.connect(timeout=5) as client:
        client.sendall(sent)
        try:
            if later:
                time.sleep(0.02)
                client.sendall(later)
            while part := client.recv(65536):
                got += part
        except ConnectionError:
            pass  # it was closed while more was sent

    # then
    assert [part[:3] for part in got.split(b"HTTP/1.1 ")[1:]] == statuses
    assert b"connection: close" in got


def test_an_upgrade_offer_that_keeps_the_connection_is_ignored(service: Service) -> None:
    # given: without `Connection: Upgrade` it is meant for nobody here
    with service.connect(timeout=5) as client:
        client.sendall(HEALTH + b"Upgrade: websocket\r\n\r\n" + HEALTH + b"Connection: close\r\n\r\n")
        got = b""
        while part := client.recv(65536):
            got += part

    # then
    assert got.count(b"HTTP/1.1 200 ") == 2


def test_generating_the_openapi_document_blocks_no_request(service: Service) -> None:
    # when: it is asked for the first time
    with httpx.Client(base_url=service.base) as client:
        client.get("/healthz")
        begun = time.monotonic()
        assert client.get("/openapi.json").status_code == 200
        taken = time.monotonic() - begun

    # then: to make it takes 0.4 s, and five times that on a busy machine
    assert taken < 0.3
