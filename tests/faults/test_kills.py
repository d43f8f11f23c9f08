"""The serving process is killed repeatedly during writes: every acknowledged write is there once, complete."""

import random
import sqlite3
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.store.db.database import Database
from app.store.maintenance import schema
from app.store.maintenance.backup import backup
from app.store.maintenance.verify import verify
from tests.builders import incident_draft, record, report_body
from tests.faults.serving import FACTS, Forks, Killable, mark_of, marked, number, pages, verified, whole_log

KILLS = number("KILLS", 200)
POSTS = number("POSTS", 500)
WRITERS = 8


@dataclass
class Writer:
    """Records one thing after the other, sends nothing twice, and notes what was acknowledged."""

    server: Killable
    name: str
    acknowledged: dict[str, Any] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    facts: dict[str, int] = field(default_factory=dict)
    """As how many facts each thing that was sent is recorded."""

    def write(self, stop: threading.Event) -> None:
        incident: str | None = None
        with self.server.client() as client:
            while not stop.is_set():
                if self.server.up.wait(0.1):
                    answer = self._send(client, f"{self.name}-{len(self.facts)}", incident)
                    incident = answer["id"] if answer and incident is None else None

    def _send(self, client: httpx.Client, mark: str, incident: str | None) -> dict[str, Any] | None:
        address, body, facts = "/v1/incidents", marked(mark), FACTS
        if incident:
            address, facts = f"/v1/incidents/{incident}/toll-reports", 1
            body = report_body(2, measure="wounded", note=mark)
        try:
            answer = client.post(address, json=body)
        except httpx.ConnectError:
            return None
        except httpx.TransportError:
            self.facts[mark] = facts
            self.unanswered.add(mark)
            return None
        assert answer.status_code == 201, answer.text
        self.facts[mark] = facts
        self.acknowledged[mark] = answer.json()
        return self.acknowledged[mark]


def _kill_while(server: Killable, writers: list[Writer]) -> None:
    """Kills a server at some moment after its first acknowledged writes, and now and then another while it starts."""
    for kill in range(KILLS):
        if kill % 8 == 7:
            server.forks.start()
            time.sleep(random.uniform(0, 0.1))
            server.kill()
        server.start()
        before = sum(len(writer.acknowledged) for writer in writers)
        while sum(len(writer.acknowledged) for writer in writers) < before + WRITERS:
            time.sleep(0.002)
        time.sleep(random.uniform(0, 0.08))
        server.kill()


@pytest.mark.faults
def test_kills_during_writes_neither_lose_nor_duplicate_records(
    killable: Killable, print_later: Callable[[str], None]
) -> None:
    # given
    with killable.client() as client:
        killable.start()
        assert client.post("/v1/incidents", json=marked("first")).status_code == 201
        first = report_body(1, measure="wounded", note="first")
        incident = client.get("/v1/incidents").json()["items"][0]["id"]
        assert client.post(f"/v1/incidents/{incident}/toll-reports", json=first).status_code == 201
        killable.kill()
    writers = [Writer(killable, f"w{n}") for n in range(WRITERS)]
    stop = threading.Event()

    # when
    with ThreadPoolExecutor(WRITERS) as pool:
        writing = [pool.submit(writer.write, stop) for writer in writers]
        try:
            _kill_while(killable, writers)
        finally:
            stop.set()
    assert [one.result() for one in writing] == [None] * WRITERS

    # then
    killable.start()
    with killable.client() as client:
        entries = whole_log(client)
        reports = {item["note"]: item for item in pages(client, "/v1/toll-reports?measure=wounded&limit=1000")}
        titles = Counter(item["title"] for item in pages(client, "/v1/incidents?limit=1000"))
    found = Counter(map(mark_of, entries[FACTS + 3 :]))
    facts = {mark: count for writer in writers for mark, count in writer.facts.items()}
    acknowledged = {mark: answer for writer in writers for mark, answer in writer.acknowledged.items()}
    unanswered = set().union(*(writer.unanswered for writer in writers))
    assert acknowledged.keys() <= found.keys() <= acknowledged.keys() | unanswered
    assert found == {mark: facts[mark] for mark in found}
    assert titles == Counter(["first", *(mark for mark in found if facts[mark] == FACTS)])
    single = {mark: answer for mark, answer in acknowledged.items() if facts[mark] == 1}
    assert single == {mark: reports[mark] for mark in single}
    verified(killable.database, len(entries))
    print_later(
        f"kill -9 during writes: {KILLS} kills, {len(acknowledged)} acknowledged, 0 lost, 0 doubled, {len(unanswered)} "
        f"cut off ({len(found.keys() & unanswered)} of them recorded whole), log of {len(entries)} entries, verify passed"
    )


@dataclass
class Repeater:
    """Sends the same POSTs, each with its own `Idempotency-Key`, until each was answered twice."""

    server: Killable
    posts: list[int]
    answers: dict[int, list[tuple[int, bytes, str]]] = field(default_factory=lambda: defaultdict(list))
    repeated_at_first: int = 0
    """First answers that were kept ones: the write was done, and its answer did not arrive."""
    in_flight: int = 0

    def send_all(self) -> None:
        with self.server.client() as client:
            for _ in range(2):
                for post in random.sample(self.posts, len(self.posts)):
                    self._send(client, post)

    def _send(self, client: httpx.Client, post: int) -> None:
        """Every third POST is first sent by somebody who does not wait for the answer."""
        patience = httpx.Timeout(30, read=0.001) if post % 3 == 0 and not self.answers[post] else httpx.Timeout(30)
        while True:
            self.server.up.wait(1)
            try:
                answer = send(client, post, timeout=patience)
            except httpx.TransportError:
                patience = httpx.Timeout(30)
                continue
            if answer.status_code != 409:
                break
            assert "is being answered" in answer.json()["detail"]
            self.in_flight += 1
            time.sleep(0.01)
        if not self.answers[post] and "idempotency-replayed" in answer.headers:
            self.repeated_at_first += 1
        self.answers[post].append((answer.status_code, answer.content, answer.headers["location"]))


def send(client: httpx.Client, post: int, **options: Any) -> httpx.Response:
    return client.post(
        "/v1/incidents", json=marked(f"post-{post}"), headers={"Idempotency-Key": f"key-{post}"}, **options
    )


@pytest.mark.faults
def test_a_post_repeated_across_kills_is_recorded_once_with_one_response(
    killable: Killable, print_later: Callable[[str], None]
) -> None:
    # given
    repeaters = [Repeater(killable, list(range(POSTS))[n::WRITERS]) for n in range(WRITERS)]
    kills = 0

    # when
    with ThreadPoolExecutor(WRITERS) as pool:
        sending = [pool.submit(repeater.send_all) for repeater in repeaters]
        killable.start()
        while not all(one.done() for one in sending):
            done = sum(len(given) for repeater in repeaters for given in list(repeater.answers.values()))
            target = done + random.randrange(4, 16)
            while done < target and not all(one.done() for one in sending):
                time.sleep(0.002)
                done = sum(len(given) for repeater in repeaters for given in list(repeater.answers.values()))
            time.sleep(random.uniform(0, 0.005))
            killable.kill()
            kills += 1
            killable.start()
    assert [one.result() for one in sending] == [None] * WRITERS

    # then
    answers = {post: given for repeater in repeaters for post, given in repeater.answers.items()}
    assert {post: len(given) for post, given in answers.items()} == dict.fromkeys(range(POSTS), 2)
    assert {post: len(set(given)) for post, given in answers.items()} == dict.fromkeys(range(POSTS), 1)
    assert {status for given in answers.values() for status, _, _ in given} == {201}
    with killable.client() as client:
        entries = whole_log(client)
        for post in range(POSTS):
            refused = client.post(
                "/v1/incidents", json=marked(f"other-{post}"), headers={"Idempotency-Key": f"key-{post}"}
            )
            assert refused.status_code == 422
            assert [(e["in"], e["name"]) for e in refused.json()["errors"]] == [("header", "Idempotency-Key")]
        assert client.get("/v1/log/checkpoint").json()["size"] == len(entries)
    assert Counter(map(mark_of, entries)) == dict.fromkeys((f"post-{post}" for post in range(POSTS)), FACTS)
    verified(killable.database, len(entries))
    unheard = sum(repeater.repeated_at_first for repeater in repeaters)
    assert unheard
    print_later(
        f"the same POST across kills: {POSTS} POSTs, {kills} kills, one row each, answers identical; {unheard} were "
        f"recorded before their answer was heard, {sum(r.in_flight for r in repeaters)} times 409 in flight, "
        f"{POSTS} times 422 for another body, verify passed"
    )


@pytest.mark.faults
def test_a_repeated_post_is_a_409_while_the_first_is_running(killable: Killable) -> None:
    # given a writer in another process, who makes them wait
    killable.start()
    with (
        killable.client() as client,
        ThreadPoolExecutor(2) as pool,
        closing(sqlite3.connect(killable.database, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")

        # when
        sent = [pool.submit(send, client, 1) for _ in range(2)]
        answered, waiting = wait(sent, timeout=8, return_when=FIRST_COMPLETED)
        other.execute("ROLLBACK")
        first, second = [one.result() for one in (*waiting, *answered)]
        again = send(client, 1)

        # then
        assert (second.status_code, second.headers["content-type"]) == (409, "application/problem+json")
        assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
        assert again.headers["idempotency-replayed"] == "true"
        assert len(whole_log(client)) == FACTS


def _entries(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        count: int = connection.execute("SELECT count(*) FROM change").fetchone()[0]
        return count


@pytest.mark.faults
def test_a_killed_restore_leaves_the_old_or_the_new_state(tmp_path: Path, print_later: Callable[[str], None]) -> None:
    # given a backup of 100 entries, a database that has 100 more, and how long a restore takes to show
    path, file = tmp_path / "incidents.db", tmp_path / "backup.db"
    database = Database(f"sqlite:///{path}")
    schema.migrate(database)
    earlier, later = (
        [incident_draft(f"{name}-{n}", summary="word " * 500) for n in range(100)] for name in ("earlier", "later")
    )
    record(database, *earlier)
    backup(database, file)
    record(database, *later)
    database.close()
    forks, ended = Forks(tmp_path, path, "restore", str(file)), Counter[tuple[int, int]]()
    try:
        forks.start()
        begun = time.monotonic()
        while _entries(path) == 200:
            time.sleep(0.002)
        usual = time.monotonic() - begun
        forks.kill()
        for _ in range(number("RESTORES", 30)):
            for kept in tmp_path.glob("incidents.db.before-*"):
                kept.unlink()
            if _entries(path) == 100:
                record(database, *later)
            database.close()

            # when
            forks.start()
            time.sleep(random.uniform(0, 1.5 * usual))
            code = forks.kill()

            # then
            ended[code, verify(Database(f"sqlite:///{path}")).entries] += 1
            assert all(_entries(kept) == 200 for kept in tmp_path.glob("incidents.db.before-*"))
    finally:
        forks.close()
    assert set(ended) <= {(-9, 200), (-9, 100), (0, 100)}, (ended, forks.log.read_text()[-500:])
    print_later(
        f"kill -9 during restore: {ended[-9, 200]} times as before, {ended[-9, 100]} times restored though killed, "
        f"{ended[0, 100]} times finished; verify passed each time"
    )
