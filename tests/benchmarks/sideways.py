"""Measurements that are no rate of one request against other servers: 304, the deep page, the export."""

import socket
import statistics
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.benchmarks import checks, load
from tests.benchmarks.facts import Facts
from tests.benchmarks.rounds import Measured, Side, median_ratio
from tests.benchmarks.servers import Server

PAGE = "/v1/incidents?country=ML&date_from=2015-01-01&limit=100"
MEBI = 2**20
SAMPLE_SECONDS = 0.02


def within(measured: Iterable[Measured]) -> list[Side]:
    """Ratios between rows of the table."""
    rates = {m.work.name: m.rates["ours"] for m in measured}
    if not {"first", "deep"} <= rates.keys():
        return []
    return [Side("deep page against page 1", median_ratio(rates["deep"], rates["first"]), 0.9)]


def not_modified(ours: Server, facts: Facts, rounds: int, seconds: float) -> list[Side]:
    """How much faster a 304 is than the whole response, for a page and for an incident."""
    found = []
    for label, path in (("page of 100", PAGE), ("one incident", f"/v1/incidents/{facts.ids[-1]}")):
        known = {"If-None-Match": checks.fetch(ours.port, path)[1]["etag"]}
        if checks.fetch(ours.port, path, known)[0] != 304:
            raise RuntimeError(f"{path} does not return 304 to its own ETag")
        pairs = [
            (load.put(ours.port, [path], seconds, known).rate, load.put(ours.port, [path], seconds).rate)
            for _ in range(rounds)
        ]
        unchanged, whole = zip(*pairs, strict=True)
        note = f"{statistics.median(unchanged):,.0f} and {statistics.median(whole):,.0f} req/s"
        bar = 2.0 if path == PAGE else None
        found.append(Side(f"304 against 200, {label}", median_ratio(unchanged, whole), bar, note=note))
    return found


@dataclass(frozen=True, slots=True)
class _Stream:
    """An export that was read to its end: seconds to the first byte and to the last, bytes, growth of memory."""

    first: float
    whole: float
    size: int
    growth: int


def _read_export(server: Server, path: str) -> _Stream:
    before, highest, looked = server.memory(), 0, 0.0
    begun = time.perf_counter()
    with socket.create_connection(("127.0.0.1", server.port), 60) as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        size, first = len(s.recv(65536)), time.perf_counter() - begun
        while data := s.recv(MEBI):
            size += len(data)
            if time.perf_counter() - looked > SAMPLE_SECONDS:
                looked = time.perf_counter()
                highest = max(highest, server.memory())
    return _Stream(first, time.perf_counter() - begun, size, max(0, highest - before))


def export(servers: Mapping[str, Server], path: str, facts: Facts, rounds: int, seconds: float) -> list[Side]:
    """The export of everything against the floor, and what it does to others meanwhile."""
    ours, floor = servers["ours"], servers["floor"]
    if _digest(ours, path) != _digest(floor, path):
        raise RuntimeError("ours and the floor export differently")
    runs = [(_read_export(ours, path), _read_export(floor, path)) for _ in range(rounds)]
    ratio = statistics.median(b.whole / a.whole for a, b in runs)
    whole = statistics.median(a.whole for a, _ in runs)
    note = f"{runs[0][0].size / MEBI:,.0f} MiB in {whole:.2f} s, {len(facts.ids) / whole:,.0f} incidents/s"
    first = statistics.median(a.first for a, _ in runs) * 1000
    growth = max(a.growth for a, _ in runs) / MEBI
    return [
        Side("NDJSON export against the floor", ratio, 0.4, note=note),
        Side("NDJSON export, first byte", first, 50, "ms", at_most=True),
        Side("NDJSON export, growth of memory", growth, 64, "MiB", at_most=True),
        _during(ours, path, facts, rounds, seconds),
    ]


def _digest(server: Server, path: str) -> int:
    return hash(checks.body_of(server.port, path))


def _during(ours: Server, path: str, facts: Facts, rounds: int, seconds: float) -> Side:
    """p99 of single incidents while an export runs, against without."""
    paths = [f"/v1/incidents/{i}" for i in facts.ids[:: max(1, len(facts.ids) // 500)]]
    alone, busy = [], []
    for _ in range(rounds):
        alone.append(load.put(ours.port, paths, seconds))
        stop = threading.Event()
        exporting = threading.Thread(target=_export_until, args=(ours, path, stop))
        exporting.start()
        busy.append(load.put(ours.port, paths, seconds))
        stop.set()
        exporting.join()
    ratio = median_ratio([b.p99 for b in busy], [a.p99 for a in alone])
    times = [statistics.median(x.p99 for x in found) / 1000 for found in (busy, alone)]
    rates = [statistics.median(x.rate for x in found) for found in (busy, alone)]
    note = f"{times[0]:.1f} and {times[1]:.1f} ms; {rates[0]:,.0f} and {rates[1]:,.0f} req/s"
    return Side("p99 of one incident during an export", ratio, 5, at_most=True, note=note)


def _export_until(server: Server, path: str, stop: threading.Event) -> None:
    """Exports again and again."""
    while not stop.is_set():
        with socket.create_connection(("127.0.0.1", server.port), 60) as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            while not stop.is_set() and s.recv(MEBI):
                pass
