"""What writing Parquet needs of the service: disk, slots, time and memory; and that nothing is left behind."""

import asyncio
import errno
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from app.formats import parquet
from tests.support import Client, environment, of_slices

ADDRESS = "/v1/incidents?f=parquet"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, of this test alone."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("address", [ADDRESS, f"{ADDRESS}&limit=1"])
def test_a_disk_error_is_a_problem_document(
    own_client: Client, address: str, temporary: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # given
    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device", str(temporary))

    # when
    with monkeypatch.context() as patched:
        patched.setattr(parquet._ParquetFile, "append", full)
        no_room = own_client.get(address)
    left = list(temporary.iterdir())
    temporary.rmdir()
    no_folder = own_client.get(address)

    # then
    for answer in (no_room, no_folder):
        assert (answer.status_code, answer.headers["content-type"]) == (507, "application/problem+json")
        assert answer.json()["type"] == "/docs/errors#no-room"
        assert str(temporary) not in answer.text and "content-disposition" not in answer.headers
    assert "No space left on device" in caplog.text and left == []
    assert parquet.making.taken == 0


def test_other_errors_also_come_before_the_first_byte(client: Client) -> None:
    answer = client.get(f"{ADDRESS}&region=Menaca")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["errors"][0]["name"] == "region"


def test_an_export_above_the_limit_is_rejected(own_client: Client) -> None:
    # given
    counted, most = parquet.making, parquet.MAX_MADE

    # when
    counted.taken = most
    refused, page = own_client.get(ADDRESS), own_client.get("/v1/incidents")
    counted.taken = 0
    made = own_client.get(ADDRESS)
    counted.taken = most
    kept = own_client.get(ADDRESS)
    counted.taken = 0

    # then
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["type"] == "/docs/errors#too-many-exports"
    assert (page.status_code, made.status_code, kept.status_code) == (200, 200, 200)
    assert kept.content == made.content


def test_no_file_remains_after_the_client_disconnects(item: dict[str, Any], temporary: Path) -> None:
    async def goes_away() -> None:
        chunks = parquet.chunks(of_slices([json.dumps(item)]), None)
        assert (await anext(chunks)).startswith(b"PAR1")
        assert list(temporary.iterdir()) == [], "it has no name while it is sent"
        await chunks.aclose()

    asyncio.run(goes_away())


def slow(file: Any, *_: Any) -> None:
    """Stands in for a step of writing; would leave something in a folder that is removed too early."""
    folder = Path(file._file.name).parent
    (folder / "begun").touch()
    time.sleep(0.3)
    folder.mkdir(exist_ok=True)
    (folder / "left").touch()


@pytest.mark.parametrize("step", ["append", "finish"])
def test_nothing_is_left_of_a_file_whose_making_is_broken_off(
    item: dict[str, Any], temporary: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    async def broken_off() -> float:
        work = asyncio.create_task(anext(parquet.chunks(of_slices([json.dumps(item)]), None)))
        while not list(temporary.rglob("begun")):
            await asyncio.sleep(0.01)
        begun = time.monotonic()
        for _ in range(3):  # as a server does that is told to stop, and then stops
            work.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await work
        return time.monotonic() - begun

    monkeypatch.setattr(parquet._ParquetFile, step, slow)
    assert asyncio.run(broken_off()) < 2
    assert (list(temporary.iterdir()), parquet.making.taken) == ([], 0)


def test_a_stopping_service_says_so_and_removes_its_files(
    own_client: Client, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stops() -> tuple[int, bytes, list[Path]]:
        sent: list[Any] = []
        app = own_client.app
        async with app.router.lifespan_context(app) as state:
            scope = {
                "type": "http", "http_version": "1.1", "method": "GET", "path": "/v1/incidents", "raw_path": b"",
                "query_string": b"f=parquet", "headers": [(b"host", b"testserver")], "scheme": "http", "root_path": "",
                "server": ("testserver", 80), "client": ("::1", 1), "asgi": {"version": "3.0"}, "state": dict(state),
            }  # fmt: skip
            asked = asyncio.create_task(app(scope, asyncio.Event().wait, _append_to(sent)))
            while not list(temporary.rglob("begun")):
                await asyncio.sleep(0.01)
            state["stopping"].set()
            asked.cancel()
        left = list(temporary.iterdir())
        await asked
        return sent[0]["status"], sent[1]["body"], left

    monkeypatch.setattr(parquet._ParquetFile, "append", slow)
    status, body, left = asyncio.run(stops())
    assert (status, left) == (503, [])
    assert json.loads(body)["type"] == "/docs/errors#stopping"


def _append_to(sent: list[Any]) -> Any:
    async def send(message: Any) -> None:
        sent.append(message)

    return send


def test_other_requests_are_served_during_an_export(item: dict[str, Any], temporary: Path) -> None:
    async def gaps() -> list[float]:
        file = parquet.chunks(of_slices([json.dumps(item)] * 200, times=50), None)
        making, found = asyncio.create_task(anext(file)), []
        while not making.done():
            begun = time.monotonic()
            await asyncio.sleep(0.001)
            found.append(time.monotonic() - begun)
        await file.aclose()
        return found

    found = sorted(asyncio.run(gaps()))
    assert len(found) > 20 and found[len(found) // 2] < 0.05 and found[-1] < 0.5


GROWTH = """
import asyncio, json, resource, sys, tempfile
from pathlib import Path
from app.formats import parquet

async def slices(item, times):
    for n in range(times):
        yield [json.dumps(item | {"id": f"{n}-{m}", "summary": f"{n}-{m} " * 200}) for m in range(200)]

item, times, partitioned = json.loads(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "True"
with tempfile.TemporaryDirectory() as folder:
    asyncio.run(parquet.write(slices(item, times), None, Path(folder), partitioned=partitioned))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("partitioned", [False, True])
def test_memory_does_not_grow_with_the_number_of_rows(item: dict[str, Any], tmp_path: Path, partitioned: bool) -> None:
    # given a program in a file: DuckDB takes a program on the command line for a person, and prints its progress
    program = tmp_path / "growth.py"
    program.write_text(GROWTH)

    # when: 20 MB and 200 MB of rows
    few, many = (
        int(
            subprocess.run(
                [sys.executable, program, json.dumps(item), times, str(partitioned)],
                capture_output=True, check=True, timeout=120, env=environment(),
            ).stdout
        )
        for times in ("20", "200")
    )  # fmt: skip

    # then
    assert many - few < 100, f"{few} MiB, then {many} MiB"


OFFLINE = """
import asyncio, json, os, sys, tempfile
from pathlib import Path
from app.formats import parquet

def refuse(event, _):
    if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen"):
        raise RuntimeError(event)

async def slices(item):
    yield [json.dumps(item)]

async def sockets_after(folder):
    before = sockets()
    await parquet.write(slices(json.loads(sys.argv[1])), None, Path(folder))
    return sockets() - before

def sockets():
    links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    return {os.readlink(link) for link in links if os.path.islink(link) and "socket:" in os.readlink(link)}

sys.addaudithook(refuse)
with tempfile.TemporaryDirectory() as folder:
    print(len(asyncio.run(sockets_after(folder))))
"""


def test_nothing_is_fetched_from_anywhere(item: dict[str, Any]) -> None:
    words = [sys.executable, "-c", OFFLINE, json.dumps(item)]
    assert subprocess.run(words, capture_output=True, check=True, timeout=60, env=environment()).stdout == b"0\n"


def test_a_service_that_writes_no_parquet_does_not_load_pyarrow() -> None:
    code = "import sys; import app.cli; from app.api.application import create_app; create_app(); print('pyarrow' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60, env=environment())
    assert told.stdout == b"False\n"


def test_little_address_space_is_reserved() -> None:
    program = "import app.formats.parquet, pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout == "system\n"
