"""Load on a server: `wrk` when it is installed, else a generator of our own that treats every server alike."""

import asyncio
import http.client
import math
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import orjson
import uvloop

CONNECTIONS = 16
FEW = 4
NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Load:
    """The result of a load. Times are in microseconds."""

    requests: int
    microseconds: int
    p50: float
    p99: float
    errors: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / (self.microseconds / 1_000_000)


def put(port: int, paths: Sequence[str], seconds: float, headers: Mapping[str, str] = NO_HEADERS) -> Load:
    """Requests the paths in turn on 16 connections. Raises `RuntimeError` if a response is an error.

    A server too slow to serve all connections once in that time gets a few requests on a single connection instead.
    """
    load = few = _one_by_one(port, paths[:FEW])
    if few.p50 < seconds * 1_000_000 / CONNECTIONS:
        wrk = None if os.environ.get("BENCH_OWN_LOAD") else shutil.which("wrk")
        load = _wrk(wrk, port, paths, seconds, headers) if wrk else uvloop.run(_own(port, paths, seconds, headers))
    if not load.requests:
        load = few
    if load.errors:
        raise RuntimeError(f"{load.errors} errors in {load.requests} requests to {paths[0]}")
    return load


def _one_by_one(port: int, paths: Sequence[str]) -> Load:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    times, errors = [], 0
    for path in paths:
        begun = time.perf_counter()
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        times.append((time.perf_counter() - begun) * 1_000_000)
        errors += response.status >= 400
    connection.close()
    return Load(len(times), round(sum(times)), statistics.median(times), max(times), errors)


def _wrk(wrk: str, port: int, paths: Sequence[str], seconds: float, headers: Mapping[str, str]) -> Load:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(paths))
        file.flush()
        script = str(Path(__file__).with_name("cycle.lua"))
        options = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
        length = f"{max(1, round(seconds))}s"
        call = [str(wrk), "-t1", f"-c{CONNECTIONS}", f"-d{length}", "--timeout", "60s", *options, "-s", script]
        call += [f"http://127.0.0.1:{port}", file.name]
        done = subprocess.run(call, capture_output=True, text=True, check=True)
    return Load(**orjson.loads(done.stdout.strip().splitlines()[-1]))


class _Client(asyncio.Protocol):
    """One connection that sends a request, waits for the whole response, and repeats."""

    def __init__(self, requests: Iterator[bytes], until: float) -> None:
        self.requests, self.until = requests, until
        self.times: list[float] = []
        self.errors = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._missing: int | None = None
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Sends the first request."""
        self.transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        self._send()

    def _send(self) -> None:
        self.begun = time.perf_counter()
        self._missing, self._head = None, b""
        request = next(self.requests, None) if self.begun < self.until else None
        if request is None:
            self.transport.close()
        else:
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Counts the bytes of the response by its Content-Length."""
        if self._missing is None:
            self._head += data
            head, blank, body = self._head.partition(b"\r\n\r\n")
            if not blank:
                return
            status = int(head[9:12])
            self.errors += status >= 400
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            self._missing = (int(length) if length and status in (200, 201) else 0) - len(body)
        else:
            self._missing -= len(data)
        if self._missing <= 0:
            self.times.append(time.perf_counter() - self.begun)
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection that was lost early is an error."""
        self.errors += exc is not None
        self.ended.set_result(None)


async def _own(port: int, paths: Sequence[str], seconds: float, headers: Mapping[str, str]) -> Load:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    requests = [f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}\r\n".encode() for path in paths]
    begun = time.perf_counter()
    return await _run(port, [islice(cycle(requests), 7 * n, None) for n in range(CONNECTIONS)], begun + seconds)


def send(port: int, requests: Sequence[bytes]) -> Load:
    """Sends all of these once, on 16 connections. Raises `RuntimeError` if a response is an error."""
    load = uvloop.run(_run(port, [iter(requests)] * CONNECTIONS))
    if load.errors or load.requests != len(requests):
        raise RuntimeError(f"{load.errors} errors in {load.requests} of {len(requests)} requests")
    return load


async def _run(port: int, requests: Sequence[Iterator[bytes]], until: float = math.inf) -> Load:
    loop, begun = asyncio.get_running_loop(), time.perf_counter()
    clients = [_Client(of_one, until) for of_one in requests]
    for client in clients:
        await loop.create_connection(lambda c=client: c, "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*(c.ended for c in clients))
    taken = time.perf_counter() - begun
    times = sorted(t * 1_000_000 for c in clients for t in c.times)
    p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
    return Load(len(times), round(taken * 1_000_000), p50, p99, sum(c.errors for c in clients))
