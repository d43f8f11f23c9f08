"""No space or no permission to write: a problem document says so, reads continue, and acknowledged writes are kept."""

import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from app.store.db.database import Database
from tests.builders import incident_body, report_body
from tests.faults.serving import Workers, make_key, verified, whole_log
from tests.support import Client, command

MIB = 2**20
SIZE_MIB = 20
SOME_TEXT = "word " * 900


class Writing:
    """Records incidents as long as there is room, and asks what readers ask."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.acknowledged: list[str] = []

    def post(self, name: str, **headers: str) -> httpx.Response:
        body = incident_body(name, summary=SOME_TEXT, toll_reports=[report_body(4, note=name)])
        answer = self.client.post("/v1/incidents", json=body, headers=headers)
        if answer.status_code == 201:
            self.acknowledged.append(name)
        return answer

    def until_refused(self, most: int = 3000) -> httpx.Response:
        for _ in range(most):
            answer = self.post(f"i-{len(self.acknowledged)}")
            if answer.status_code != 201:
                return answer
        raise AssertionError(f"{most} incidents were recorded")

    def assert_reads_go_on(self) -> None:
        for address in ("/v1/incidents?limit=100", "/v1/incidents/i-0", "/v1/stats?group_by=month", "/readyz"):
            assert self.client.get(address).status_code == 200, address
        self.assert_all_is_there()

    def assert_all_is_there(self) -> None:
        told = [entry["data"]["note"] for entry in whole_log(self.client) if entry["kind"] == "toll.reported"]
        assert told == self.acknowledged


def _fill(folder: Path, left: int) -> Path:
    """A file that takes all room in a folder but so many bytes."""
    filler = folder / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as out:
        while True:
            out.write(bytes(4096))
    if left:
        os.truncate(filler, filler.stat().st_size - left)
    return filler


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with room for a few megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", str(folder)]
    mounted = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a file system of that size cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def _serving(folder: Path, database: Path | None = None, key: str | None = None) -> Iterator[Workers]:
    server = Workers(folder, database=database, key=key)
    try:
        yield server
    finally:
        server.stop()


@pytest.mark.faults
def test_a_full_disk_causes_only_507_responses(
    small_disk: Path, tmp_path: Path, print_later: Callable[[str], None]
) -> None:
    with _serving(tmp_path, small_disk / "service.db") as server, server.client() as client:
        # given
        writing = Writing(client)
        assert writing.post("i-0").status_code == 201
        filler = _fill(small_disk, 8 * MIB)

        # when
        refused = writing.until_refused()
        recorded = len(writing.acknowledged)
        again = [writing.post(f"late-{n}", **{"Idempotency-Key": f"key-{n}"}) for n in range(20)]

        # then
        assert [one.status_code for one in (refused, *again)] == [507] * 21
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["type"] == "/docs/errors#no-room"
        assert "service.db" in refused.json()["detail"] and str(small_disk) not in refused.text
        writing.assert_reads_go_on()

        # when there is room again
        filler.unlink()
        after = [writing.post(f"late-{n}", **{"Idempotency-Key": f"key-{n}"}) for n in range(20)]

        # then
        assert [one.status_code for one in after] == [201] * 20
        assert all("idempotency-replayed" not in one.headers for one in after)
        writing.assert_reads_go_on()
        entries = len(whole_log(client))
    verified(server.database, entries)
    assert "Traceback" not in server.log.read_text()
    print_later(
        f"full disk: {recorded} recorded, then 507; reads went on; 20 more recorded after room was made; verify passed"
    )


@pytest.mark.faults
@pytest.mark.parametrize("room", [0, MIB])
def test_a_service_stopped_by_a_full_disk_serves_every_record_again(
    small_disk: Path, tmp_path: Path, room: int
) -> None:
    # given
    with _serving(tmp_path, small_disk / "service.db") as server, server.client() as client:
        writing = Writing(client)
        filler = _fill(small_disk, 2 * MIB)
        assert writing.until_refused().status_code == 507
        server.process.kill()
        server.process.wait(10)

    # when
    os.truncate(filler, filler.stat().st_size - room)
    with _serving(tmp_path, server.database, server.key) as server, server.client() as writing.client:
        # then
        writing.assert_reads_go_on()
        filler.unlink()
        assert writing.post("late").status_code == 201
        writing.assert_all_is_there()


@pytest.mark.faults
def test_a_file_size_limit_causes_problem_documents(tmp_path: Path, print_later: Callable[[str], None]) -> None:
    with _serving(tmp_path) as server, server.client() as client:
        # given
        writing = Writing(client)
        assert writing.post("i-0").status_code == 201
        pid, (_, hard) = server.process.pid, resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4 * MIB, hard))

        # when
        refused = writing.until_refused()

        # then
        assert refused.status_code in (503, 507)
        assert refused.headers["content-type"] == "application/problem+json"
        writing.assert_reads_go_on()

        # when it may grow again
        recorded = len(writing.acknowledged)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))

        # then
        assert writing.post("late").status_code == 201
        writing.assert_reads_go_on()
        entries = len(whole_log(client))
    verified(server.database, entries)
    print_later(
        f"a file that may not grow: {recorded} recorded, then {refused.status_code}; 201 when it may; verify passed"
    )


@pytest.mark.faults
def test_a_backup_without_disk_space_fails_on_one_line_and_leaves_nothing(
    small_disk: Path, tmp_path: Path, migrated_file: Path
) -> None:
    # given
    path, filler = tmp_path / "incidents.db", _fill(small_disk, 64 * 1024)
    shutil.copy(migrated_file, path)

    # when
    ended = command(
        "backup", str(small_disk / "copy.db"), cwd=tmp_path, INCIDENTS_DATABASE_URL=f"sqlite:///{path}"
    )  # fmt: skip

    # then
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1), ended.stderr[-500:]
    assert list(small_disk.iterdir()) == [filler]


@contextmanager
def _somebody_else() -> Iterator[None]:
    """Root may write everything."""
    user = os.geteuid()
    os.seteuid(65534 if user == 0 else user)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def others_file(migrated_file: Path) -> Iterator[Path]:
    """A database in a folder of the user that tests of rights are run as."""
    folder = Path(tempfile.mkdtemp())
    path = folder / "incidents.db"
    shutil.copy(migrated_file, path)
    if os.geteuid() == 0:
        os.chown(folder, 65534, -1)
        os.chown(path, 65534, -1)
    yield path
    shutil.rmtree(folder)


def test_a_read_only_file_causes_503_until_it_is_writable(others_file: Path) -> None:
    # given
    headers = {"Authorization": f"Bearer {make_key(others_file)}"}
    for beside in others_file.parent.iterdir():
        if os.geteuid() == 0:
            os.chown(beside, 65534, -1)
    client = Client(Database(f"sqlite:///{others_file}"))
    try:
        assert client.request("POST", "/v1/incidents", json={}, headers=headers).status_code == 422
        with _somebody_else():
            others_file.chmod(0o444)

            # when
            refused = client.request("POST", "/v1/incidents", json=incident_body("a"), headers=headers)
            read = client.get("/v1/incidents")
            for beside in others_file.parent.iterdir():  # SQLite gave its own files the rights of this one
                beside.chmod(0o644)
            after = client.request("POST", "/v1/incidents", json=incident_body("a"), headers=headers)
            again = client.json("/v1/incidents")
    finally:
        client.close()

    # then
    assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
    assert refused.headers["retry-after"] == "1"
    assert (read.status_code, read.json()["items"]) == (200, [])
    assert after.status_code == 201, after.text
    assert [item["id"] for item in again["items"]] == ["a"]
