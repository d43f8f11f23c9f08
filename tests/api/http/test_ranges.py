"""Exported files by their address: length, ranges, and ranges that belong to one file."""

import asyncio
import time
from pathlib import Path

import pytest

from app.api.http import kept_files, responses
from app.api.http.responses import SHORT
from app.formats import parquet
from app.store.db.database import Database
from tests.builders import incident_draft, record, record_report
from tests.support import Client, parquet_rows

PARQUET = "/v1/incidents?f=parquet"
PLAIN = {"Accept-Encoding": "identity"}
"""The client of the tests would have it compressed."""
FORMS = ["csv", "geojson", "ndjson", "acled", "ucdp", "parquet"]
FILES = [f"/v1/incidents?f={form}{limit}" for form in FORMS for limit in ("", "&limit=2")]
OTHERS = ["/v1/incidents", "/", "/v1/stats", "/feed.atom", "/assets/pages.css", "/openapi.json", "/healthz", "/docs"]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, of this test alone."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.mark.parametrize("address", FILES)
def test_a_file_states_its_length_and_serves_any_range(client: Client, address: str) -> None:
    # given
    head = client.request("HEAD", address, headers=PLAIN)
    whole = client.get(address, headers=PLAIN)
    size = len(whole.content)
    last = size - 1
    parts = [(0, 0), (0, 3), (4, last - 8), (last - 7, last), (last, last), (0, last)]

    # when
    got = [client.get(address, headers=PLAIN | {"Range": f"bytes={first}-{end}"}) for first, end in parts]

    # then
    for answer in (head, whole):
        assert (answer.status_code, answer.headers["content-length"]) == (200, str(size))
        assert answer.headers["accept-ranges"] == "bytes"
        assert "content-range" not in answer.headers
    for (first, end), answer in zip(parts, got, strict=True):
        assert (answer.status_code, answer.content) == (206, whole.content[first : end + 1])
        assert answer.headers["content-range"] == f"bytes {first}-{end}/{size}"
        assert answer.headers["content-length"] == str(end + 1 - first)
        same = ("etag", "content-type", "cache-control", "content-disposition", "link", "vary")
        assert [answer.headers.get(name) for name in same] == [whole.headers.get(name) for name in same]


@pytest.mark.parametrize("address", FILES)
def test_a_suffix_range_needs_no_length(client: Client, address: str) -> None:
    whole = client.get(address).content
    for asked, expected in (("-8", whole[-8:]), ("10-", whole[10:]), (f"-{len(whole) + 5}", whole)):
        answer = client.get(address, headers=PLAIN | {"Range": f"bytes={asked}"})
        assert (answer.status_code, answer.content) == (206, expected)


@pytest.mark.parametrize("address", FILES)
def test_a_range_after_the_end_is_a_416_with_the_length(client: Client, address: str) -> None:
    # given
    size = len(client.get(address).content)
    # when
    answer = client.get(address, headers=PLAIN | {"Range": f"bytes={size}-"})
    # then
    assert (answer.status_code, answer.headers["content-type"]) == (416, "application/problem+json")
    assert answer.headers["content-range"] == f"bytes */{size}"
    assert (answer.json()["type"], answer.json()["size"]) == ("/docs/errors#range", size)


@pytest.mark.parametrize("address", [PARQUET, "/v1/incidents?f=csv"])
@pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "bytes=9-2", "bytes=x-y", "lines=1-2", "bytes", "", "bytes=1-2;x"])
def test_anything_but_one_range_gets_the_whole_file(client: Client, address: str, asked: str) -> None:
    whole = client.get(address)
    answer = client.get(address, headers=PLAIN | {"Range": asked})
    assert (answer.status_code, answer.content) == (200, whole.content)


@pytest.mark.parametrize("address", OTHERS)
@pytest.mark.parametrize("asked", ["bytes=0-3", "bytes=99999999-", "bytes=x"])
def test_other_responses_have_no_ranges(client: Client, address: str, asked: str) -> None:
    answer = client.get(address, headers=PLAIN | {"Range": asked})
    assert (answer.status_code, "accept-ranges" in answer.headers) == (200, False)
    assert "content-range" not in answer.headers


def test_head_has_no_ranges(client: Client) -> None:
    for asked in ("bytes=0-3", "bytes=99999999-"):
        answer = client.request("HEAD", PARQUET, headers=PLAIN | {"Range": asked})
        assert (answer.status_code, "content-range" in answer.headers) == (200, False)


def test_compressed_responses_have_no_ranges(client: Client) -> None:
    """They would be ranges of other bytes than those with the tag."""
    asked = {"Range": "bytes=0-3", "Accept-Encoding": "gzip"}
    csv, file = client.get("/v1/incidents?f=csv", headers=asked), client.get(PARQUET, headers=asked)
    assert (csv.status_code, csv.headers["content-encoding"], "accept-ranges" in csv.headers) == (200, "gzip", False)
    assert (file.status_code, file.content, "content-encoding" in file.headers) == (206, b"PAR1", False)


def test_if_range_gets_the_whole_file_when_it_changed(own_client: Client, seeded: Database) -> None:
    # given
    had = own_client.get(PARQUET).headers
    asked = {"Range": "bytes=0-3", "If-Range": had["etag"]}
    before = own_client.get(PARQUET, headers=asked)
    by_date = own_client.get(PARQUET, headers={"Range": "bytes=0-3", "If-Range": had["last-modified"]})

    # when
    record_report(seeded, "ml-2019-11-01-indelimane", best=50, reporter="ngo", reported_on="2019-11-03")
    after = own_client.get(PARQUET, headers=asked)
    refused = own_client.get(PARQUET, headers={"Range": "bytes=0-3", "If-Match": had["etag"]})

    # then
    assert (before.status_code, by_date.status_code, after.status_code, refused.status_code) == (206, 206, 200, 412)
    assert parquet_rows(after.content)[0]["killed_best"] == 50


def test_a_known_file_gets_a_304_also_for_a_range(client: Client) -> None:
    had = client.get(PARQUET).headers["etag"]
    assert client.get(PARQUET, headers={"Range": "bytes=0-3", "If-None-Match": had}).status_code == 304


def test_a_long_response_is_streamed(empty_client: Client, database: Database) -> None:
    # given: some 5 kB each
    record(database, *(incident_draft(f"i-{n}", summary="word " * 990) for n in range(220)))

    # when
    address = "/v1/incidents?f=csv"
    long, short = (empty_client.get(a, headers=PLAIN) for a in (address, f"{address}&date_to=1999-01-01"))
    part = empty_client.get(address, headers=PLAIN | {"Range": "bytes=0-3"})
    head = empty_client.request("HEAD", address, headers=PLAIN)

    # then
    assert len(long.content) > SHORT and long.text.count("\r\n") == 221
    for answer in (long, part, head):
        assert answer.status_code == 200
        assert {"content-length", "accept-ranges", "content-range"}.isdisjoint(answer.headers)
    assert short.headers["content-length"] == str(len(short.content))
    assert responses.exports.taken == 0


def test_ranges_come_from_one_file_that_is_generated_once(own_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    made = counted(monkeypatch)

    # when
    size = int(own_client.request("HEAD", PARQUET).headers["content-length"])
    parts = [own_client.get(PARQUET, headers={"Range": f"bytes={n}-{n + 999}"}) for n in range(0, size, 1000)]

    # then
    assert made == [1]
    assert len(parquet_rows(b"".join(part.content for part in parts))) == 3
    assert len({part.headers["etag"] for part in parts}) == 1


def test_simultaneous_requests_wait_for_one_file(own_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    made = counted(monkeypatch)

    async def ask() -> list[bytes]:
        asked = [own_client.send("GET", PARQUET, headers={"Range": f"bytes={4 * n}-{4 * n + 3}"}) for n in range(20)]
        return [answer.content for answer in await asyncio.gather(*asked)]

    # when
    parts = own_client.run(ask())

    # then
    assert made == [1]
    assert b"".join(parts) == own_client.get(PARQUET).content[:80]


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many files were made."""
    made, make = [0], parquet.write

    async def write(*arguments: object, **options: object) -> Path:
        made[0] += 1
        return await make(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(parquet, "write", write)
    return made


def test_another_process_generates_the_same_bytes(seeded: Database) -> None:
    """A service of several workers answers one client's ranges from several files."""
    clients = [Client(seeded) for _ in range(2)]
    answers = [one.get(PARQUET) for one in clients]
    for one in clients:
        one.close()
    assert answers[0].headers["etag"] == answers[1].headers["etag"]
    assert answers[0].content == answers[1].content


def test_another_query_or_another_state_is_another_file(own_client: Client, seeded: Database) -> None:
    # given
    first, other = own_client.get(PARQUET), own_client.get(f"{PARQUET}&sort=date")
    # when
    record_report(seeded, "ml-2019-11-01-indelimane", best=50, reporter="ngo", reported_on="2019-11-03")
    third = own_client.get(PARQUET)
    # then
    assert len({answer.headers["etag"] for answer in (first, other, third)}) == 3
    assert [row["id"] for row in parquet_rows(first.content)] == [
        row["id"] for row in reversed(parquet_rows(other.content))
    ]


def test_kept_files_are_unlinked_and_evicted_oldest_first(
    own_client: Client, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    made, files = counted(monkeypatch), own_client.app.state.files
    monkeypatch.setattr(kept_files, "MAX_FILES", 3)

    # when
    for n in range(1, 6):
        assert own_client.get(f"{PARQUET}&limit={n}").status_code == 200
        assert len(files._open) <= 3
    for n in (5, 4, 3, 5, 4, 3):
        own_client.get(f"{PARQUET}&limit={n}")

    # then
    assert made == [5] and list(temporary.iterdir()) == []
    own_client.get(f"{PARQUET}&limit=1")
    assert made == [6]


def test_files_that_are_too_large_together_are_not_kept(own_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr(kept_files, "MAX_BYTES", 1)
    # when
    for n in (1, 2, 3):
        own_client.get(f"{PARQUET}&limit={n}")
    # then
    assert len(own_client.app.state.files._open) == 1


def test_kept_files_make_room_for_a_new_one(own_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    files = own_client.app.state.files
    assert own_client.get(PARQUET).status_code == 200 and len(files._open) == 1

    async def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    # when
    monkeypatch.setattr(parquet, "write", full)
    answer = own_client.get(f"{PARQUET}&limit=1")

    # then
    assert (answer.status_code, len(files._open)) == (507, 0)


def test_a_file_is_kept_for_a_while_after_its_last_request(own_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr(kept_files, "KEPT_SECONDS", 0.3)
    made, files = counted(monkeypatch), own_client.app.state.files
    own_client.get(PARQUET)

    # when it is asked for again and again, and then no more
    for _ in range(4):
        own_client.run(asyncio.sleep(0.15))
        own_client.get(PARQUET)
    kept = len(files._open)
    own_client.run(asyncio.sleep(0.5))

    # then
    assert (made, kept, len(files._open)) == ([1], 1, 0)


def test_a_file_above_the_limit_is_rejected_while_all_are_being_sent(
    own_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: two readers that have not come to the end
    monkeypatch.setattr(kept_files, "MAX_FILES", 2)
    files = own_client.app.state.files
    for n in (1, 2):
        own_client.get(f"{PARQUET}&limit={n}")
    reading = [file.chunks() for file in files._open]

    # when
    refused = own_client.get(f"{PARQUET}&limit=3")
    kept = len(files._open)
    reading.clear()
    answer = own_client.get(f"{PARQUET}&limit=3")

    # then
    assert (refused.status_code, refused.json()["type"]) == (503, "/docs/errors#too-many-exports")
    assert (kept, answer.status_code) == (2, 200)


def test_a_disconnect_does_not_cancel_a_file_that_another_client_awaits(
    own_client: Client, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    finish = parquet._ParquetFile.finish
    begun, go_on = [], []

    def slow(file: parquet._ParquetFile) -> None:
        begun.append(1)
        while not go_on:
            time.sleep(0.01)
        finish(file)

    monkeypatch.setattr(parquet._ParquetFile, "finish", slow)

    async def ask() -> int:
        first, second = (asyncio.create_task(own_client.send("GET", PARQUET)) for _ in range(2))
        while not begun:
            await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.sleep(0.05)
        go_on.append(1)
        return (await second).status_code

    # when
    assert own_client.run(ask()) == 200
    # then
    assert (list(temporary.iterdir()), parquet.making.taken) == ([], 0)
