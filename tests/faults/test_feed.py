"""A follower of the feed that is killed and resumed at any moment ends with the state of the service."""

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.builders import REPORTERS, incident_body, report_body
from tests.faults import follower
from tests.faults.serving import Workers, make_key, marked, number, pages, whole_log
from tests.proofs import hash_of

CHANGES = number("CHANGES", 1500)
EDITORS = 4
FOLLOWERS = 2
STREAM = "/v1/changes/stream"


class Copy:
    """What the entries of the feed tell, applied one after the other."""

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        self.versions: dict[str, list[dict[str, Any]]] = {}
        self.withdrawn: dict[str, dict[str, Any]] = {}
        self.reports: dict[str, dict[str, Any]] = {}
        self.retracted: dict[str, dict[str, Any]] = {}
        self.parties: dict[str, list[dict[str, Any]]] = {"sources": [], "reporters": []}
        for entry in entries:
            self._apply(entry["kind"], entry, entry["data"])

    def _apply(self, kind: str, entry: dict[str, Any], data: dict[str, Any]) -> None:
        if kind in ("source.created", "reporter.created"):
            self.parties["sources" if kind == "source.created" else "reporters"].append(data)
        elif kind == "incident.created":
            assert data["id"] not in self.versions
            self.versions[data["id"]] = [_version(entry)]
        elif kind == "incident.updated":
            self.versions[data["id"]].append(_version(entry))
        elif kind == "incident.withdrawn":
            self.withdrawn[data["incident"]] = {**data, "withdrawn_at": entry["at"]}
        elif kind == "toll.reported":
            assert data["id"] not in self.reports
            self.reports[data["id"]] = data
        else:
            assert kind == "toll.retracted"
            told = {name: data[name] for name in ("reason", "reported_on")}
            self.retracted[data["toll_report"]] = {**told, "recorded_at": entry["at"]}

    def assert_is_what_is_served(self, client: httpx.Client) -> None:
        live = {item["id"]: item for item in pages(client, "/v1/incidents?limit=1000")}
        assert live.keys() == self.versions.keys() - self.withdrawn.keys()
        for incident, item in live.items():
            record = {n: v for n, v in self.versions[incident][-1]["record"].items() if n != "sources"}
            assert {name: item[name] for name in record} == record
            served = client.get(f"/v1/incidents/{incident}/versions").json()["items"]
            assert [{n: v for n, v in one.items() if n != "changed"} for one in served] == self.versions[incident]
        for incident, told in self.withdrawn.items():
            gone = client.get(f"/v1/incidents/{incident}")
            members = ("reason", "merged_into", "withdrawn_at")
            assert (gone.status_code, {n: gone.json()[n] for n in members}) == (410, {n: told[n] for n in members})
        served = {item["id"]: item for item in pages(client, "/v1/toll-reports?limit=1000")}
        assert served.keys() <= self.reports.keys()
        for report, record in self.reports.items():
            item = served.get(report) or client.get(f"/v1/toll-reports/{report}").json()
            assert {name: item[name] for name in record} == record
            assert item["retraction"] == self.retracted.get(report)
            assert (item["status"] == "retracted") == (report in self.retracted)
        for kind, records in self.parties.items():
            for record in records:
                item = client.get(f"/v1/{kind}/{record['id']}").json()
                assert {name: item[name] for name in record} == record


def _version(entry: dict[str, Any]) -> dict[str, Any]:
    record = {name: value for name, value in entry["data"].items() if name != "version"}
    number = entry["data"]["version"]
    return {"version": number, "recorded_at": entry["at"], "recorded_by": entry["by"], "record": record}


class Editing:
    """Editors who change everything that can be changed."""

    def __init__(self, server: Workers) -> None:
        self.server = server
        self.todo: Iterator[int] = iter(range(CHANGES))
        self.incidents, self.reports = ["i-0", "i-1"], ["r-0"]

    def edit(self) -> int:
        """Changes something as long as there is something to do. Returns how much was accepted."""
        done = 0
        with self.server.client() as client:
            for n in self.todo:
                answer = self._change(client, n)
                assert answer.status_code in (200, 201, 409, 412), answer.text
                done += answer.status_code < 300
                time.sleep(random.uniform(0, 0.04))
        return done

    def _change(self, client: httpx.Client, n: int) -> httpx.Response:
        what, incident, report = n % 10, random.choice(self.incidents), random.choice(self.reports)
        about, who = report_body(n % 60, random.choice(list(REPORTERS)), id=f"r-{n}"), f"/v1/incidents/{incident}"
        if what < 3:
            answer = client.post("/v1/incidents", json=marked(f"m-{n}") | {"id": f"i-{n}"})
            self.incidents.append(f"i-{n}")
        elif what < 5:
            answer = client.post(f"{who}/toll-reports", json=about)
        elif what == 5:
            both = sorted({incident, random.choice(self.incidents)})
            answer = client.post("/v1/toll-reports", json=about | {"incidents": both})
        elif what < 8:
            tag = client.get(who).headers.get("etag", "*") if n % 2 else "*"
            answer = client.patch(who, json={"title": f"Corrected {n}"}, headers={"If-Match": tag})
        elif what == 8:
            when = {} if n % 4 else {"reported_on": "2020-03-01"}
            answer = client.post(f"/v1/toll-reports/{report}/retraction", json={"reason": "wrong", **when})
        else:
            into = {} if n % 4 else {"merged_into": "i-0"}
            gone = incident if incident != "i-0" else "i-1"
            answer = client.post(f"/v1/incidents/{gone}/withdrawal", json={"reason": "twice", **into})
        if answer.status_code == 201 and what in (3, 4, 5):
            self.reports.append(f"r-{n}")
        return answer


def _follow(server: Workers, file: Path, stop: threading.Event) -> dict[str, int]:
    """Follows, and is killed at random; at last without being killed until all is there. Returns how often it began."""
    begun = {"pages": 0, "stream": 0}
    while not stop.is_set():
        process = _follower(server, file, begun)
        stop.wait(random.uniform(0.1, 0.6))
        assert process.poll() is None, "a follower ended by itself"
        process.kill()
        process.wait(10)
    process = _follower(server, file, begun)
    head = httpx.get(f"{server.base}/v1/log/checkpoint").json()["size"]
    deadline = time.monotonic() + 20
    while file.read_bytes().count(b"\n") <= head and time.monotonic() < deadline:
        time.sleep(0.1)
    process.kill()
    process.wait(10)
    return begun


def _follower(server: Workers, file: Path, begun: dict[str, int]) -> subprocess.Popen[bytes]:
    how = random.choice(list(begun))
    begun[how] += 1
    return subprocess.Popen([sys.executable, "-S", follower.__file__, str(server.port), str(file), how])


@pytest.mark.faults
def test_killed_and_resumed_followers_end_with_the_served_state(
    two_workers: Workers, tmp_path: Path, print_later: Callable[[str], None]
) -> None:
    # given
    files, stop = [tmp_path / f"follower-{n}" for n in range(FOLLOWERS)], threading.Event()
    with two_workers.client() as client:
        first = [
            incident_body("i-0"),
            incident_body("i-1", toll_reports=[report_body(3, who, note="first") for who in REPORTERS]),
        ]
        for body in first:
            assert client.post("/v1/incidents", json=body).status_code == 201
        assert client.post("/v1/incidents/i-0/toll-reports", json=report_body(1, id="r-0")).status_code == 201

    # when
    editing = Editing(two_workers)
    with ThreadPoolExecutor(EDITORS + FOLLOWERS) as pool:
        following = [pool.submit(_follow, two_workers, file, stop) for file in files]
        editors = [pool.submit(editing.edit) for _ in range(EDITORS)]
        try:
            done = sum(editor.result() for editor in editors)
        finally:
            stop.set()
    begun = [one.result() for one in following]

    # then
    with two_workers.client() as client:
        entries = whole_log(client)
        epoch = client.get("/v1/log/checkpoint").json()["epoch"]
        for file in files:
            kept, seen = follower.read_saved(file)
            assert kept == epoch
            assert [entry["seq"] for entry in seen] == list(range(1, len(entries) + 1))
            assert [entry["hash"] for entry in seen] == [hash_of(entry) for entry in seen]
            assert seen == entries
            Copy(seen).assert_is_what_is_served(client)
    copy = Copy(entries)
    assert copy.withdrawn and copy.retracted and any(len(v) > 1 for v in copy.versions.values())
    print_later(
        f"the feed: {done} changes by {EDITORS} editors on 2 workers, {FOLLOWERS} followers begun "
        f"{sum(b['pages'] for b in begun)} times with pages and {sum(b['stream'] for b in begun)} times with the stream, "
        f"each killed in between; every one of {len(entries)} entries seen once in order, the copies are the service's "
        f"state ({len(copy.versions)} incidents, {len(copy.withdrawn)} withdrawn, {len(copy.retracted)} of "
        f"{len(copy.reports)} reports retracted)"
    )


@contextmanager
def _stream(server: Workers, **headers: str) -> Iterator[Iterator[str]]:
    """The lines of a stream."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    with httpx.stream("GET", f"{server.base}{STREAM}", headers=sent, timeout=30) as answer:
        assert answer.status_code == 200
        yield answer.iter_lines()


def _events(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(type, data) of the events, until the stream ends. One without a type is a `message`, as for `EventSource`."""
    kind = "message"
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)
            kind = "message"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Workers]:
    made = Workers(tmp_path)
    yield made
    made.stop()


@pytest.mark.faults
def test_an_idle_stream_sends_keep_alive_comments(server: Workers, print_later: Callable[[str], None]) -> None:
    # when
    begun = time.monotonic()
    with _stream(server) as lines:
        comment = next(line for line in lines if line.startswith(":"))
        taken = time.monotonic() - begun

    # then
    assert comment == ": nothing new"
    assert 14 < taken < 16.5
    print_later(f"heartbeat of a stream: after {taken:.1f} s")


@pytest.mark.faults
@pytest.mark.parametrize("workers", [1, 2])
def test_sigterm_ends_open_streams_cleanly_and_in_time(
    tmp_path: Path, workers: int, print_later: Callable[[str], None]
) -> None:
    # given
    server = Workers(tmp_path, workers)
    opened = threading.Semaphore(0)

    def listen() -> list[str]:
        with _stream(server) as lines:
            events = _events(lines)
            first = next(events)
            opened.release()
            return [first[0], *(kind for kind, _ in events)]

    with ThreadPoolExecutor(30) as pool:
        listening = [pool.submit(listen) for _ in range(30)]
        assert [opened.acquire(timeout=10) for _ in listening] == [True] * 30

        # when
        begun = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        code = server.process.wait(15)
        taken = time.monotonic() - begun

        # then
        assert [one.result() for one in listening] == [["epoch"]] * 30
    assert code in (0, -signal.SIGTERM)
    assert taken < 5
    print_later(f"SIGTERM with 30 open streams, {workers} worker(s): ended after {taken:.1f} s")


@pytest.mark.faults
def test_the_stream_of_a_revoked_key_ends(server: Workers, tmp_path: Path) -> None:
    # given
    key = make_key(server.database, "leaver")
    with _stream(server, Authorization=f"Bearer {key}") as lines:
        events = _events(lines)
        assert next(events)[0] == "epoch"

        # when
        assert server.incidents("keys", "revoke", key.split("_")[1], cwd=tmp_path).returncode == 0
        begun = time.monotonic()
        rest = list(events)

    # then
    assert time.monotonic() - begun < 2
    assert rest == [("failure", {"detail": "the key was revoked"})]
    with server.client() as client:
        assert client.get("/v1/changes", headers={"Authorization": f"Bearer {key}"}).status_code == 401


def _backed_up(server: Workers, tmp_path: Path) -> Path:
    """A backup, after which something more is recorded."""
    with server.client() as client:
        for name in ("a", "b"):
            assert client.post("/v1/incidents", json=incident_body(name)).status_code == 201
        file = tmp_path / "backup.db"
        assert server.incidents("backup", str(file), cwd=tmp_path).returncode == 0
        for name in ("c", "d", "e"):
            assert client.post("/v1/incidents", json=incident_body(name)).status_code == 201
    return file


@contextmanager
def _restored(server: Workers, file: Path, tmp_path: Path) -> Iterator[Workers]:
    """The service after it was stopped, the backup restored, and the service begun again."""
    server.stop()
    ended = server.incidents("restore", str(file), cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    again = Workers(tmp_path, database=server.database, key=server.key)
    try:
        yield again
    finally:
        again.stop()


@pytest.mark.faults
def test_a_restore_shows_readers_a_new_epoch(server: Workers, tmp_path: Path) -> None:
    # given
    file = _backed_up(server, tmp_path)
    with server.client() as client:
        before = client.get("/v1/changes").json()

    # when
    with _restored(server, file, tmp_path) as again, again.client() as client:
        page = client.get("/v1/changes").json()
        after = client.get("/v1/changes?after=5").json()
        with _stream(again) as lines:
            (kind, told), (entry, first) = next(events := _events(lines)), next(events)

        # then
        assert (before["head"], page["head"], after["head"], told["head"]) == (5, 2, 2, 2)
        assert before["epoch"] != page["epoch"] == after["epoch"] == told["epoch"]
        assert (kind, entry, first["seq"], after["items"], after["next"]) == ("epoch", "message", 1, [], None)
        assert page["items"] == before["items"][:2]
        assert [item["id"] for item in client.get("/v1/incidents").json()["items"]] == ["b", "a"]
        assert client.post("/v1/incidents", json=incident_body("f")).status_code == 201
        assert len(whole_log(client)) == 3


@pytest.mark.faults
def test_no_response_is_a_304_after_a_restore(server: Workers, tmp_path: Path) -> None:
    # given a backup of all that there is
    with server.client() as client:
        assert client.post("/v1/incidents", json=incident_body("a")).status_code == 201
        file = tmp_path / "backup.db"
        assert server.incidents("backup", str(file), cwd=tmp_path).returncode == 0
        addresses = ["/v1/changes", "/v1/log/checkpoint"]
        before = {address: client.get(address) for address in addresses}
        known = [
            (address, {name: answer.headers[of]})
            for address, answer in before.items()
            for name, of in (("If-None-Match", "etag"), ("If-Modified-Since", "date"))
        ]

    # when
    with _restored(server, file, tmp_path) as again, again.client() as client:
        after = [client.get(address, headers=headers) for address, headers in known]

    # then
    assert [answer.status_code for answer in after] == [200] * 4
    assert all(answer.json()["epoch"] != before["/v1/changes"].json()["epoch"] for answer in after)


@pytest.mark.faults
def test_a_restore_is_rejected_while_the_service_runs(server: Workers, tmp_path: Path) -> None:
    """Else what is recorded and acknowledged meanwhile would be in neither file, and a stream would mix two lives."""
    # given
    file = _backed_up(server, tmp_path)
    with server.client() as client:
        before = client.get("/v1/log/checkpoint").json()

        # when
        ended = server.incidents("restore", str(file), cwd=tmp_path)

        # then
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr == f"incidents: {server.database} is in use; stop the service, then restore\n"
        assert client.get("/v1/log/checkpoint").json() == before
        assert client.post("/v1/incidents", json=incident_body("f")).status_code == 201
    assert not list(tmp_path.glob("*.before-*"))
