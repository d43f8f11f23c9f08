"""Parquet as other programs read it: types, values, folders, and the options of the command line."""

import asyncio
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from app.formats import parquet
from app.store.db.database import Database
from tests.builders import incident_draft, record, record_report
from tests.cli.test_commands import CommandLine
from tests.support import Client, of_slices, parquet_rows

ADDRESS = "/v1/incidents?f=parquet"
HEADLINE = {
    "low": "BIGINT", "best": "BIGINT", "high": "BIGINT", "open_ended": "BOOLEAN", "first": "BIGINT", "change": "VARCHAR",
    "revisions": "BIGINT", "spread": "BIGINT", "disputed": "BOOLEAN", "reports": "BIGINT", "reported_on": "VARCHAR",
}  # fmt: skip
TYPES = {
    "id": "VARCHAR", "title": "VARCHAR", "summary": "VARCHAR", "date_start": "DATE", "date_end": "DATE",
    "date_precision": "VARCHAR", "country": "VARCHAR", "country_name": "VARCHAR", "country_iso3": "VARCHAR", "region_code": "VARCHAR", "region_name": "VARCHAR",
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


def test_parquet_rows_equal_the_json_response(client: Client) -> None:
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


def test_texts_round_trip_exactly(empty_client: Client, database: Database) -> None:
    # given
    record(
        database,
        incident_draft("a", title=HARD, summary=HARD, place="-1", near_border=["BF", "NE"], latitude=15, longitude=-0.1,
              actors=[{"name": HARD, "role": "attacker"}], attributes={"note": HARD, "n": 2**53 - 1, "x": 0.1}),
        incident_draft("b", day="2019-12-31"),
    )  # fmt: skip
    record_report(database, "a", best=0, note=HARD)

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


def test_a_country_has_its_name_and_its_iso3_code_in_parquet(client: Client) -> None:
    told = parquet_rows(client.get(f"{ADDRESS}&fields=country&limit=1").content)
    assert told == [{"country": "ML", "country_name": "Mali", "country_iso3": "MLI"}]


def test_null_and_empty_text_differ(item: dict[str, Any], tmp_path: Path) -> None:
    texts = [json.dumps(item | {"id": str(n), "place": place}) for n, place in enumerate(["", None, "\x01", "null"])]
    made = asyncio.run(parquet.write(of_slices(texts), ["place"], tmp_path))
    assert [row["place"] for row in parquet_rows(made.read_bytes())] == ["", None, "\x01", "null"]


def test_rows_longer_than_any_buffer_round_trip(item: dict[str, Any], tmp_path: Path) -> None:
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
        *(
            incident_draft(f"{country}-{day}".lower(), day=day, country=country)
            for country in ("ML", "NE")
            for day in days
        ),
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
    assert {row["country_name"] for row in parquet_rows(one.read_bytes())} == {"Mali"}
    assert [row["id"] for row in parquet_rows(one.read_bytes())] == ["ml-2020-01-01", "ml-2020-01-02"]
    plain = folder.rename(tmp_path / "plain")
    with duckdb.connect() as duck:
        read = f"FROM read_parquet('{plain}/**/*.parquet', hive_partitioning = true)"
        found = duck.execute(f"SELECT country, year, id {read} WHERE year < 2020 ORDER BY ALL").fetchall()
    assert found == [(c, y, f"{c.lower()}-{d}") for c in ("ML", "NE") for y, d in ((999, days[3]), (2019, days[0]))]


def test_an_existing_folder_is_never_overwritten(incidents: CommandLine, tmp_path: Path) -> None:
    # given
    incidents.run("export", str(tmp_path / "all"), "--partition")
    (tmp_path / "file").write_text("kept")
    before = sorted(tmp_path.rglob("*"))

    # when
    for taken in ("all", "file"):
        told = incidents.run("export", str(tmp_path / taken), "--partition", expect=2)
        assert told.stderr == f'incidents: file "{tmp_path / taken}": already exists and is not an empty folder\n'
    incidents.run("export", str(tmp_path / "none"), "--partition", "--country", "FR")

    # then
    assert sorted(tmp_path.rglob("*")) == [*before, tmp_path / "none"]
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("x.parquet --hxl", "hxl: requires f=csv"),
        ("x.parquet --bom", "bom: requires a CSV format (f=csv, f=acled, f=ucdp)"),
        ("x.geojson --bom", "bom: requires a CSV format (f=csv, f=acled, f=ucdp)"),
        ("x.csv --hxl --f ucdp", "hxl: requires f=csv"),
        ("x.parquet --f acled", 'f "acled": is only for a .csv file'),
        ("x --partition --f acled", 'f "acled": is only for a .csv file'),
        ("x.csv --f json", 'f "json": is not a value of this parameter; it is one of acled, ucdp'),
        ("x.csv --partition --f ucdp", "partition: writes a folder of Parquet, not a .csv file"),
        ("x.csv --partition", "partition: writes a folder of Parquet, not a .csv file"),
        ("/nowhere/x.parquet", 'file "/nowhere/x.parquet": cannot be written: No such file or directory'),
        ("/nowhere/x --partition", 'file "/nowhere/x": cannot be written: No such file or directory'),
    ],
)
def test_an_invalid_option_is_rejected_on_one_line(incidents: CommandLine, words: str, line: str) -> None:
    assert incidents.run("export", *words.split(), expect=2).stderr == f"incidents: {line}\n"


def test_the_response_is_a_named_file(client: Client) -> None:
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
