"""Parquet as others read it: types, values, folders; and what its making costs the service."""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from app.api import parquet
from app.store.engine import Database
from app.store.reader import MOST_EXPORTS
from tests.support import Client, draft, environment, parquet_rows, record, report
from tests.test_cli import CommandLine

ADDRESS = "/v1/incidents?f=parquet"
HEADLINE = {
    "low": "BIGINT", "best": "BIGINT", "high": "BIGINT", "open_ended": "BOOLEAN", "first": "BIGINT", "change": "VARCHAR",
    "revisions": "BIGINT", "spread": "BIGINT", "disputed": "BOOLEAN", "reports": "BIGINT", "reported_on": "VARCHAR",
}  # fmt: skip
TYPES = {
    "id": "VARCHAR", "title": "VARCHAR", "summary": "VARCHAR", "date_start": "DATE", "date_end": "DATE",
    "date_precision": "VARCHAR", "country": "VARCHAR", "region_code": "VARCHAR", "region_name": "VARCHAR",
    "district": "VARCHAR", "place": "VARCHAR", "latitude": "DOUBLE", "longitude": "DOUBLE",
    "place_precision": "VARCHAR", "near_border": "VARCHAR[]", "event_type": "VARCHAR", "sub_event_type": "VARCHAR",
    "type_of_violence": "INTEGER", "attacker": "VARCHAR", "target": "VARCHAR", "side_a": "VARCHAR", "side_b": "VARCHAR",
    "claimed_by": "VARCHAR",
    **{
        f"{measure}_{name}": type_
        for measure in ("killed", "wounded", "missing", "captured", "survived")
        for name, type_ in HEADLINE.items()
    },
    "toll_shared": "VARCHAR", "actors": "VARCHAR", "sources": "VARCHAR", "external_ids": "VARCHAR",
    "attributes": "VARCHAR", "toll_reports": "VARCHAR",
}  # fmt: skip
JSON = ("toll_shared", "actors", "sources", "external_ids", "attributes")
HARD = "=1+1 \"quoted\", 'so'\r\nand\ttwo lines; é ß 中 \U0001f4a3 \u2028 \\n \x7f"
"""What a table of texts might take for something else."""


@pytest.fixture
def incidents(seeded_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(seeded_file, monkeypatch, capsys)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, of this test alone."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def described(file: Path) -> dict[str, str]:
    with duckdb.connect() as duck:
        source = "read_parquet($file, hive_partitioning = false)"
        told = duck.execute(f"DESCRIBE FROM {source}", {"file": str(file)}).fetchall()
    return {row[0]: row[1] for row in told}


def test_every_column_has_its_type(incidents: CommandLine, tmp_path: Path) -> None:
    incidents.run("export", str(tmp_path / "all.parquet"))
    incidents.run("export", str(tmp_path / "some.parquet"), "--fields", "id,recorded_at,updated_at")
    incidents.run("export", str(tmp_path / "none.parquet"), "--country", "FR")
    assert list(described(tmp_path / "all.parquet").items()) == list(TYPES.items())
    assert described(tmp_path / "none.parquet") == TYPES
    clock = "TIMESTAMP WITH TIME ZONE"
    assert described(tmp_path / "some.parquet") == {"id": "VARCHAR", "recorded_at": clock, "updated_at": clock}


def test_rows_are_what_json_answers(client: Client) -> None:
    # when
    rows = parquet_rows(client.get(ADDRESS).content)

    # then
    items = client.json("/v1/incidents")["items"]
    assert [row["id"] for row in rows] == [item["id"] for item in items]
    for row, item in zip(rows, items, strict=True):
        told = {name: item[name] for name in item.keys() & TYPES.keys() - {*JSON, "date_start", "date_end"}}
        told |= {f"region_{name}": (item["region"] or {}).get(name) for name in ("code", "name")}
        told |= {
            f"{measure}_{name}": item["toll"].get(measure, {}).get(name)
            for measure in ("killed", "wounded", "missing", "captured", "survived")
            for name in HEADLINE
        }
        assert {name: row[name] for name in told} == told
        assert [row[name].isoformat() for name in ("date_start", "date_end")] == [item["date_start"], item["date_end"]]
        kept = item | {"toll_shared": item["toll"]["shared"]}
        assert {name: json.loads(row[name]) for name in JSON} == {name: kept[name] for name in JSON}
    reports = {
        report["id"]: report["best"] for row in rows for report in json.loads(row["toll_reports"]) if "best" in report
    }
    assert (reports["tr-indelimane-killed-gov-1"], len(reports)) == (53, 5)


def test_texts_come_through_word_for_word(empty_client: Client, database: Database) -> None:
    # given
    record(
        database,
        draft("a", title=HARD, summary=HARD, place="-1", near_border=["BF", "NE"], latitude=15, longitude=-0.1,
              actors=[{"name": HARD, "role": "attacker"}], attributes={"note": HARD, "n": 2**53 - 1, "x": 0.1}),
        draft("b", day="2019-12-31"),
    )  # fmt: skip
    report(database, "a", best=0, note=HARD)

    # when
    told, bare = parquet_rows(empty_client.get(ADDRESS).content)

    # then
    stored = empty_client.json("/v1/incidents/a")
    assert (told["title"], told["summary"], told["attacker"]) == (stored["title"], stored["summary"], HARD)
    assert (told["place"], told["near_border"]) == ("-1", ["BF", "NE"])
    assert (told["latitude"], told["longitude"], told["killed_best"]) == (15.0, -0.1, 0)
    assert json.loads(told["attributes"]) == {"note": HARD, "n": 2**53 - 1, "x": 0.1}
    assert json.loads(told["toll_reports"])[0]["note"] == HARD
    nothing = {name for name in TYPES if bare[name] is None}
    assert {"summary", "place", "latitude", "killed_best", "killed_disputed", "attacker", "type_of_violence"} <= nothing
    assert (bare["near_border"], bare["actors"], bare["attributes"], bare["toll_reports"]) == ([], "[]", "{}", "[]")


def of_slices(items: list[str], times: int = 1) -> AsyncIterator[list[str]]:
    async def slices() -> AsyncIterator[list[str]]:
        for _ in range(times):
            yield items

    return slices()


@pytest.fixture
def item(client: Client) -> dict[str, Any]:
    """An incident as it is answered."""
    told: dict[str, Any] = client.json("/v1/incidents/ml-2019-11-01-indelimane")
    return told | {"toll_reports": []}


def test_nothing_and_empty_text_are_told_apart(item: dict[str, Any], tmp_path: Path) -> None:
    texts = [json.dumps(item | {"id": str(n), "place": place}) for n, place in enumerate(["", None, "\x01", "null"])]
    made = asyncio.run(parquet.write(of_slices(texts), ["place"], tmp_path))
    assert [row["place"] for row in parquet_rows(made.read_bytes())] == ["", None, "\x01", "null"]


def test_rows_longer_than_any_buffer_come_through(item: dict[str, Any], tmp_path: Path) -> None:
    texts = [json.dumps(item | {"summary": letter * 3_000_000}) for letter in "äb"]
    made = asyncio.run(parquet.write(of_slices(texts), ["summary"], tmp_path))
    assert [row["summary"] for row in parquet_rows(made.read_bytes())] == ["ä" * 3_000_000, "b" * 3_000_000]


def test_a_partitioned_export_is_read_by_its_folders(
    empty_client: Client, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    # given
    days = ["2019-12-31", "2020-01-01", "2020-01-02", "0999-01-01"]
    record(
        database,
        *(draft(f"{country}-{day}".lower(), day=day, country=country) for country in ("ML", "NE") for day in days),
    )
    incidents = CommandLine(Path(str(database.url.database)), monkeypatch, capsys)
    folder = tmp_path / "it's [all] * of country=XX"
    folder.mkdir()

    # when
    incidents.run("export", str(folder), "--partition", "--sort", "date")

    # then
    files = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    assert files == [f"country={c}/year={y}/incidents.parquet" for c in ("ML", "NE") for y in (2019, 2020, 999)]
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    one = folder / "country=ML/year=2020/incidents.parquet"
    assert described(one) == {name: type_ for name, type_ in TYPES.items() if name != "country"}
    assert [row["id"] for row in parquet_rows(one.read_bytes())] == ["ml-2020-01-01", "ml-2020-01-02"]
    plain = folder.rename(tmp_path / "plain")
    with duckdb.connect() as duck:
        read = f"FROM read_parquet('{plain}/**/*.parquet', hive_partitioning = true)"
        found = duck.execute(f"SELECT country, year, id {read} WHERE year < 2020 ORDER BY ALL").fetchall()
    assert found == [(c, y, f"{c.lower()}-{d}") for c in ("ML", "NE") for y, d in ((999, days[3]), (2019, days[0]))]


def test_a_folder_is_never_written_over(incidents: CommandLine, tmp_path: Path) -> None:
    # given
    incidents.run("export", str(tmp_path / "all"), "--partition")
    (tmp_path / "file").write_text("kept")
    before = sorted(tmp_path.rglob("*"))

    # when
    for taken in ("all", "file"):
        told = incidents.run("export", str(tmp_path / taken), "--partition", expect=2)
        assert told.stderr == f'incidents: file "{tmp_path / taken}" is there, and is no empty folder\n'
    incidents.run("export", str(tmp_path / "none"), "--partition", "--country", "FR")

    # then
    assert sorted(tmp_path.rglob("*")) == [*before, tmp_path / "none"]
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("x.parquet --hxl", "hxl is for CSV of our own columns alone (f=csv)"),
        ("x.csv --hxl --f ucdp", "hxl is for CSV of our own columns alone (f=csv)"),
        ("x.parquet --f acled", 'f "acled" is for a .csv file alone'),
        ("x --partition --f acled", 'f "acled" is for a .csv file alone'),
        ("x.csv --f json", 'f "json" is not a value of this parameter; it is one of acled, ucdp'),
        ("x.csv --partition --f ucdp", "partition makes a folder of Parquet, which is not called .csv"),
        ("x.csv --partition", "partition makes a folder of Parquet, which is not called .csv"),
        ("x --partition --fields country", "fields leaves no column but the country, which the folders tell"),
        ("/nowhere/x.parquet", 'file "/nowhere/x.parquet" cannot be written: No such file or directory'),
        ("/nowhere/x --partition", 'file "/nowhere/x" cannot be written: No such file or directory'),
    ],
)
def test_an_option_that_does_not_fit_is_one_line(incidents: CommandLine, words: str, line: str) -> None:
    assert incidents.run("export", *words.split(), expect=2).stderr == f"incidents: {line}\n"


def test_the_answer_is_a_file_with_a_name(client: Client) -> None:
    # when
    answer = client.get(
        "/v1/incidents", headers={"Accept": "application/vnd.apache.parquet", "Accept-Encoding": "gzip"}
    )

    # then
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    assert answer.headers["content-disposition"] == 'attachment; filename="incidents.parquet"'
    assert "content-encoding" not in answer.headers, "it is compressed already"
    assert answer.content == client.get(ADDRESS).content
    assert "content-disposition" not in client.get("/v1/incidents?f=csv").headers
    assert list(parquet_rows(client.get(f"{ADDRESS}&fields=id,toll&limit=1").content)[0])[:2] == ["id", "killed_low"]


@pytest.mark.parametrize("address", [ADDRESS, f"{ADDRESS}&limit=1"])
def test_a_fault_of_the_disk_is_a_problem_document(
    client: Client, address: str, temporary: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # given
    def full(*_: Any) -> Any:
        raise duckdb.IOException(f'IO Error: Could not write file "{temporary}": No space left on device')

    # when
    with monkeypatch.context() as patched:
        patched.setattr(parquet, "_convert", full)
        no_room = client.get(address)
    left = list(temporary.iterdir())
    temporary.rmdir()
    no_folder = client.get(address)

    # then
    for answer in (no_room, no_folder):
        assert (answer.status_code, answer.headers["content-type"]) == (507, "application/problem+json")
        assert answer.json()["type"] == "urn:conflict-incidents:problem:no-room"
        assert str(temporary) not in answer.text and "content-disposition" not in answer.headers
    assert "No space left on device" in caplog.text and left == []
    assert (parquet.making.taken, client.app.state.reader.exports.taken) == (0, 0)


def test_other_faults_come_before_the_first_byte_too(client: Client) -> None:
    answer = client.get(f"{ADDRESS}&region=Menaca")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["errors"][0]["name"] == "region"


@pytest.mark.parametrize("places", ["made", "exports"])
def test_one_more_than_there_may_be_is_refused(client: Client, places: str) -> None:
    # given
    reader = client.app.state.reader
    counted, most = {"made": (parquet.making, parquet.MOST_MADE), "exports": (reader.exports, MOST_EXPORTS)}[places]

    # when
    counted.taken = most
    refused, page = client.get(f"{ADDRESS}&limit=1"), client.get("/v1/incidents")
    counted.taken = 0

    # then
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["type"] == "urn:conflict-incidents:problem:too-many-exports"
    assert (page.status_code, client.get(f"{ADDRESS}&limit=1").status_code) == (200, 200)


def test_nothing_is_left_of_a_file_whose_reader_goes_away(item: dict[str, Any], temporary: Path) -> None:
    async def goes_away() -> None:
        chunks = parquet.chunks(of_slices([json.dumps(item)]), None)
        assert (await anext(chunks)).startswith(b"PAR1")
        assert list(temporary.iterdir()) == [], "it has no name while it is sent"
        await chunks.aclose()

    asyncio.run(goes_away())


def endless_convert(duck: duckdb.DuckDBPyConnection, folder: Path, *_: Any) -> None:
    (folder / "begun").touch()
    duck.execute("SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = 7")


def slow_append(made: Path, *_: Any) -> int:
    (made.parent / "begun").touch()
    time.sleep(0.3)
    made.parent.mkdir(exist_ok=True)
    made.touch()
    return 0


@pytest.mark.parametrize("instead", [endless_convert, slow_append])
def test_nothing_is_left_of_a_file_whose_making_is_broken_off(
    item: dict[str, Any], temporary: Path, monkeypatch: pytest.MonkeyPatch, instead: Any
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

    monkeypatch.setattr(parquet, f"_{instead.__name__.split('_')[1]}", instead)
    assert asyncio.run(broken_off()) < 2
    assert (list(temporary.iterdir()), parquet.making.taken) == ([], 0)


def test_a_service_that_stops_says_so_and_clears_up(
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

    monkeypatch.setattr(parquet, "_append", slow_append)
    status, body, left = asyncio.run(stops())
    assert (status, left) == (503, [])
    assert json.loads(body)["type"] == "urn:conflict-incidents:problem:stopping"


def _append_to(sent: list[Any]) -> Any:
    async def send(message: Any) -> None:
        sent.append(message)

    return send


def test_others_are_answered_while_a_file_is_made(item: dict[str, Any], temporary: Path) -> None:
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
from app.api import parquet

async def slices(item, times):
    for n in range(times):
        yield [json.dumps(item | {"id": f"{n}-{m}", "summary": f"{n}-{m} " * 200}) for m in range(200)]

item, times, partitioned = json.loads(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "True"
with tempfile.TemporaryDirectory() as folder:
    asyncio.run(parquet.write(slices(item, times), None, Path(folder), partitioned=partitioned))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.parametrize("partitioned", [False, True])
def test_memory_does_not_grow_with_the_length(item: dict[str, Any], partitioned: bool) -> None:
    # when: 20 MB and 200 MB of rows
    few, many = (
        int(
            subprocess.run(
                [sys.executable, "-c", GROWTH, json.dumps(item), times, str(partitioned)],
                capture_output=True, check=True, timeout=120, env=environment(),
            ).stdout
        )
        for times in ("20", "200")
    )  # fmt: skip

    # then
    assert many - few < 100, f"{few} MiB, then {many} MiB"


def test_nothing_is_fetched_from_anywhere(tmp_path: Path) -> None:
    with parquet.connection(tmp_path) as duck:
        settings = dict(duck.execute("SELECT name, value FROM duckdb_settings()").fetchall())
        built_in = dict(duck.execute("SELECT extension_name, loaded FROM duckdb_extensions()").fetchall())
    assert settings["autoinstall_known_extensions"] == settings["autoload_known_extensions"] == "false"
    assert built_in["parquet"] and built_in["json"]


def test_a_service_that_is_not_asked_for_parquet_has_no_duckdb() -> None:
    code = "import sys; import app.cli; from app.api.application import create_app; create_app(); print('duckdb' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60, env=environment())
    assert told.stdout == b"False\n"
