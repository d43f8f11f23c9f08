"""Many writers on two processes: nobody builds on the same state, no write is lost, and readers do not wait."""

import asyncio
import multiprocessing
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.store.db.database import Database
from tests.builders import incident_body, report_body
from tests.faults.serving import FACTS, Workers, mark_of, marked, number, verified, whole_log

WRITES = number("WRITES", 2000)
WRITERS = 32
INCIDENTS = 40
"""Incidents that all writers report about."""
READ_BAR = 1.0


@dataclass
class Writing:
    """What many clients, who are told to wait at times, write together."""

    todo: Iterator[int]
    acknowledged: list[Any] = field(default_factory=list)
    put_off: int = 0
    slowest: float = 0

    async def write(self, http: httpx.AsyncClient) -> None:
        for write in self.todo:
            self.acknowledged.append(await self._send(http, write))

    async def _send(self, http: httpx.AsyncClient, write: int) -> Any:
        if write % 4 == 0:
            address, body = "/v1/incidents", marked(f"write-{write}")
        else:
            address = f"/v1/incidents/i-{write % INCIDENTS}/toll-reports"
            body = report_body(write % 50, "ngo" if write % 2 else "gov", note=f"write-{write}")
        while True:
            begun = time.monotonic()
            answer = await http.post(address, json=body)
            self.slowest = max(self.slowest, time.monotonic() - begun)
            if answer.status_code != 503:
                assert answer.status_code == 201, answer.text
                return answer.json()
            self.put_off += 1
            await asyncio.sleep(int(answer.headers["retry-after"]))


def _write_all(server: Workers) -> Writing:
    """Every writer has a connection of its own. One opened after the other, they spread over the workers."""

    async def write() -> Writing:
        writing = Writing(iter(range(WRITES)))
        async with AsyncExitStack() as open_clients:
            clients = []
            for _ in range(WRITERS):
                http = httpx.AsyncClient(
                    base_url=server.base, headers={"Authorization": f"Bearer {server.key}"}, timeout=60
                )
                clients.append(await open_clients.enter_async_context(http))
                assert (await http.get("/healthz")).status_code == 200
            await asyncio.gather(*map(writing.write, clients))
        return writing

    return asyncio.run(write())


def _read(base: str, told: Connection) -> None:
    """Asks what readers ask until it is told to stop. Sends how often it asked, and the longest that one took."""
    count, slowest = 0, 0.0
    with httpx.Client(base_url=base, timeout=30) as http:
        http.get("/healthz")
        told.send("ready")
        while not told.poll():
            for address in (
                "/v1/incidents?limit=100", "/v1/incidents/i-1", "/v1/stats?group_by=month", "/v1/changes?limit=100",
            ):  # fmt: skip
                begun = time.monotonic()
                assert http.get(address).status_code == 200
                slowest = max(slowest, time.monotonic() - begun)
                count += 1
            time.sleep(0.01)
    told.send((count, slowest))


@contextmanager
def _reading(server: Workers) -> Iterator[list[tuple[int, float]]]:
    """Two readers, each a process of its own. What they found is there at the end."""
    found: list[tuple[int, float]] = []
    context, readers = multiprocessing.get_context("spawn"), []
    for _ in range(2):
        here, there = context.Pipe()
        process = context.Process(target=_read, args=(server.base, there))
        process.start()
        readers.append((process, here))
    for _, here in readers:
        assert here.poll(30) and here.recv() == "ready"
    yield found
    for process, here in readers:
        here.send("stop")
        assert here.poll(30), "a reader failed"
        found.append(here.recv())
        process.join(10)


def _answered_by_each(server: Workers) -> list[int]:
    """How many POSTs each of the workers has answered with 201."""
    counts = set()
    for _ in range(100):
        told = httpx.get(f"{server.base}/metrics").text
        found = re.findall(r'^http_requests_total\{method="POST",route="[^"]*",status="201"\} (\S+)', told, re.M)
        counts.add(int(sum(map(float, found))))
    return sorted(counts) if len(counts) > 1 else sorted(counts) * 2


@pytest.mark.faults
def test_two_workers_and_many_writers_produce_one_log(two_workers: Workers, print_later: Callable[[str], None]) -> None:
    # given
    with two_workers.client() as client:
        for n in range(INCIDENTS):
            reports = [report_body(0, who, note="first") for who in ("gov", "ngo")] if n == 0 else []
            assert client.post("/v1/incidents", json=incident_body(f"i-{n}", toll_reports=reports)).status_code == 201
        before = len(whole_log(client))

        # when
        with _reading(two_workers) as readers:
            begun = time.monotonic()
            writing = _write_all(two_workers)
            taken = time.monotonic() - begun

        # then
        entries = whole_log(client)
    wanted = {f"write-{n}": 1 if n % 4 else FACTS for n in range(WRITES)}
    assert Counter(map(mark_of, entries[before:])) == wanted
    assert len(writing.acknowledged) == len({answer["id"] for answer in writing.acknowledged}) == WRITES
    verified(two_workers.database, len(entries))
    each = _answered_by_each(two_workers)
    assert len(each) == 2 and each[0] and sum(each) == WRITES + INCIDENTS, f"both workers wrote: {each}"
    slowest = max(most for _, most in readers)
    print_later(
        f"2 workers, {WRITERS} writers, {WRITES} writes: all 201 ({writing.put_off} first 503), {each[0]} and {each[1]} POSTs by each, in {taken:.1f} s, no fork "
        f"in {len(entries)} entries, verify passed; slowest write {writing.slowest:.2f} s, slowest of "
        f"{sum(count for count, _ in readers)} reads {slowest:.3f} s"
    )
    assert slowest < READ_BAR


@pytest.mark.faults
def test_one_post_sent_to_both_workers_at_once_is_recorded_once(two_workers: Workers) -> None:
    async def send_all() -> list[list[httpx.Response]]:
        headers = {"Authorization": f"Bearer {two_workers.key}"}
        async with httpx.AsyncClient(base_url=two_workers.base, headers=headers, timeout=60) as http:
            return [await asyncio.gather(*(send(http, post) for _ in range(8))) for post in range(25)]

    async def send(http: httpx.AsyncClient, post: int) -> httpx.Response:
        key = {"Idempotency-Key": f"key-{post}"}
        return await http.post("/v1/incidents", json=marked(f"post-{post}"), headers=key)

    # when
    answers = asyncio.run(send_all())

    # then
    for same in answers:
        assert {answer.status_code for answer in same} <= {201, 409}
        assert len({answer.content for answer in same if answer.status_code == 201}) == 1
    with two_workers.client() as client:
        assert Counter(map(mark_of, whole_log(client))) == {f"post-{n}": FACTS for n in range(25)}


@pytest.mark.faults
def test_a_write_that_waits_too_long_is_rejected_and_records_nothing(two_workers: Workers) -> None:
    # given another process that holds the write lock
    with two_workers.client() as client, _locked(two_workers.database):
        # when
        begun = time.monotonic()
        answer = client.post("/v1/incidents", json=marked("late"))
        taken = time.monotonic() - begun
        read = client.get("/v1/incidents")

    # then
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.headers["retry-after"] == "1"
    assert taken < 15
    assert (read.status_code, read.json()["items"]) == (200, [])
    with two_workers.client() as client:
        assert client.post("/v1/incidents", json=marked("late")).status_code == 201
        assert len(whole_log(client)) == FACTS


@contextmanager
def _locked(database: Path) -> Iterator[None]:
    with closing(sqlite3.connect(database, isolation_level=None, timeout=0)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def test_a_write_transaction_locks_before_it_reads(database: Database) -> None:
    """pysqlite's own transactions begin with the first write: what was read before may be out of date by then."""
    path = Path(str(database.url.database))
    with database.writing(), pytest.raises(sqlite3.OperationalError, match="locked"), _locked(path):
        pytest.fail("another writer may begin")
    with _locked(path):
        pass
