"""Running responses when the service is told to stop."""

import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from app.store.db.database import Database
from tests.builders import incident_draft, record
from tests.support import Service

COUNT = 1000
"""Incidents of 5 kB: an export that no socket's buffer holds whole."""


@pytest.mark.slow
def test_sigterm_under_load_lets_running_responses_finish(tmp_path: Path) -> None:
    # given: eight clients that ask all the time, and one that reads a large file slowly
    service = Service(tmp_path)
    database = Database(f"sqlite:///{service.database}")
    record(database, *(incident_draft(f"i-{n}", summary="word " * 990) for n in range(COUNT)))
    database.close()
    told, stop = threading.Event(), threading.Event()
    broken: list[Exception] = []
    whole: list[int] = []

    def ask() -> None:
        while not stop.is_set():
            try:
                whole.append(httpx.get(f"{service.base}/v1/incidents?limit=50", timeout=10).status_code)
            except httpx.RemoteProtocolError as error:
                if "without sending a response" not in str(error):
                    broken.append(error)
            except httpx.TransportError:
                time.sleep(0.01)

    def download() -> int:
        lines = 0
        transport = httpx.HTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)])
        plain = {"Accept-Encoding": "identity"}
        with (
            httpx.Client(transport=transport) as client,
            client.stream("GET", f"{service.base}/v1/incidents?f=ndjson", headers=plain) as got,
        ):
            for chunk in got.iter_bytes(65536):
                lines += chunk.count(b"\n")
                if not told.is_set():
                    time.sleep(0.1)
        return lines

    with ThreadPoolExecutor(9) as pool:
        asking = [pool.submit(ask) for _ in range(8)]
        slow = pool.submit(download)
        time.sleep(1)

        # when
        begun = time.monotonic()
        service.process.terminate()
        told.set()
        code = service.process.wait(10)
        taken = time.monotonic() - begun
        stop.set()

    # then
    assert taken < 5
    assert code in (0, -signal.SIGTERM)
    assert slow.result() == COUNT + 3
    assert broken == []
    assert set(whole) <= {200, 503}
    assert 200 in whole
    assert [one.result() for one in asking] == [None] * 8
