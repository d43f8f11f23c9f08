"""ACLED's exports and its list of deleted events."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.domain.filters import FileFormat
from app.domain.layouts.acled import COLUMNS
from app.errors import InvalidInput
from app.ingest.formats import import_file, importer_of
from app.ingest.pipeline import Summary
from app.store.engine import Database
from tests.support import Client, draft, figure, record, report

FIRST, SECOND = 1_572_739_200, 1_604_361_600
"""3 November 2019 and 2020, when rows were changed."""


def event(number: int, fatalities: int | str, changed: int = FIRST, **more: Any) -> dict[str, Any]:
    """An invented event, in ACLED's columns."""
    told = {
        "event_id_cnty": f"MLI{number}", "event_date": "2019-11-01", "year": 2019, "time_precision": 1,
        "disorder_type": "Political violence", "event_type": "Battles", "sub_event_type": "Armed clash",
        "actor1": "Army of the River", "inter1": "State forces", "actor2": "Northern Front", "inter2": "Rebel group",
        "interaction": "State forces-Rebel group", "iso": 466, "region": "Western Africa", "country": "Mali",
        "admin1": "Gao", "admin2": "Ansongo", "location": f"Village {number}", "latitude": 15.5, "longitude": 0.5,
        "geo_precision": 1, "source": "A radio", "source_scale": "National", "notes": "Invented.",
        "fatalities": fatalities, "timestamp": changed,
    }  # fmt: skip
    return {name: (told | more).get(name, "") for name in COLUMNS}


def as_csv(*rows: Mapping[str, Any]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def reports(client: Client, incident: str) -> Any:
    """All reports of an incident, in the order in which they were told."""
    return client.json(f"/v1/incidents/{incident}/toll-history")["reports"]


def load(database: Database, folder: Path, content: bytes, *release: str | None) -> Summary:
    path = folder / "acled.csv"
    path.write_bytes(content)
    return import_file(importer_of(FileFormat.ACLED, *release), path, database, "tests")


def test_an_export_becomes_incidents_whose_figures_were_told_when_the_rows_were_changed(
    client: Client, database: Database, tmp_path: Path
) -> None:
    # when
    summary = load(database, tmp_path, as_csv(event(1, 53), event(2, 0), event(3, "")))

    # then
    assert (summary.created, summary.repaired, summary.refused) == (3, 1, 0)
    one, two, three = (client.json(f"/v1/incidents/acled-mli{n}") for n in (1, 2, 3))
    (told,) = reports(client, "acled-mli1")
    assert (told["id"], told["best"], told["reported_on"]) == (f"acled-mli1.{FIRST}", 53, "2019-11-03T00:00:00Z")
    assert told["reported_by"]["id"] == "acled"
    assert two["toll"]["killed"]["best"] == 0
    assert "killed" not in three["toll"]
    assert one["region"]["code"] == "ML-7"


def test_json_of_the_api_says_the_same(client: Client, database: Database, tmp_path: Path) -> None:
    # given
    rows = [event(1, 53), event(2, 0, latitude="15.5", inter1="1", inter2=2)]
    load(database, tmp_path, as_csv(*rows))

    # when
    answer = orjson.dumps({"status": 200, "success": True, "data": rows, "count": 2})
    summary = load(database, tmp_path, answer)

    # then
    assert (summary.unchanged, summary.refused, summary.revised) == (2, 0, 0)


def test_a_later_export_adds_a_figure_only_where_it_changed(client: Client, database: Database, tmp_path: Path) -> None:
    # given
    load(database, tmp_path, as_csv(event(1, 53), event(2, 7), event(3, 1)))

    # when
    later = as_csv(event(1, 49, SECOND), event(2, 7, SECOND), event(3, 1, SECOND, notes="Told at length."))
    summary = load(database, tmp_path, later)

    # then
    assert (summary.created, summary.revised, summary.unchanged) == (0, 2, 1)
    history = client.json("/v1/incidents/acled-mli1/toll-history")
    assert [(r["best"], r["change"], r["reported_on"]) for r in history["reports"]] == [
        (53, "first", "2019-11-03T00:00:00Z"), (49, "lowered", "2020-11-03T00:00:00Z"),
    ]  # fmt: skip
    assert len(reports(client, "acled-mli2")) == 1
    assert client.json("/v1/incidents/acled-mli3")["attributes"]["notes"] == "Told at length."
    assert client.json("/v1/incidents/acled-mli1?as_of=2020-01-01")["toll"]["killed"]["best"] == 53


def test_an_earlier_export_that_is_loaded_afterwards_lands_in_its_place(
    client: Client, database: Database, tmp_path: Path
) -> None:
    # given
    load(database, tmp_path, as_csv(event(1, 49, SECOND)))

    # when
    load(database, tmp_path, as_csv(event(1, 53, FIRST)))

    # then
    history = client.json("/v1/incidents/acled-mli1/toll-history")
    assert [(r["best"], r["change"]) for r in history["reports"]] == [(53, "first"), (49, "lowered")]
    assert client.json("/v1/incidents/acled-mli1")["toll"]["killed"]["best"] == 49


def test_deleted_events_are_withdrawn_and_others_lose_acleds_figures_only(
    client: Client, database: Database, tmp_path: Path
) -> None:
    # given: of the first two one is ACLED's alone, the other ours, with a figure of our own
    record(database, draft("ours", external_ids={"acled": "MLI2"}))
    report(database, "ours", best=40, reporter="gov")
    load(database, tmp_path, as_csv(event(1, 53), event(2, 60), event(3, 1)))

    # when
    deleted = b"event_id_cnty,deleted_timestamp\nMLI1,1604361600\nmli2,1604361600\nMLI99,1604361600\n"
    summary = load(database, tmp_path, deleted)
    again = load(database, tmp_path, deleted)

    # then
    assert (summary.withdrawn, summary.revised, summary.refused) == (1, 1, 0)
    assert (again.withdrawn, again.unchanged, again.refused) == (0, 3, 0)
    assert sorted(client.ids("/v1/incidents")) == ["acled-mli3", "ours"]
    assert client.get("/v1/incidents/acled-mli1").status_code == 410
    ours = client.json("/v1/incidents/ours")
    assert ours["toll"]["killed"]["best"] == 40
    assert {r["reported_by"]["id"]: r["status"] for r in reports(client, "ours")}["acled"] == "retracted"


def test_an_export_without_timestamps_needs_a_day(client: Client, database: Database, tmp_path: Path) -> None:
    # given
    row = event(1, 53)
    del row["timestamp"]

    # when
    with pytest.raises(InvalidInput) as error:
        load(database, tmp_path, as_csv(row))
    load(database, tmp_path, as_csv(row), "October export", "2020-10-01")

    # then
    assert [fault.name for fault in error.value.faults] == ["released_on"]
    (told,) = reports(client, "acled-mli1")
    assert (told["reported_on"], told["source"]["id"]) == ("2020-10-01", "acled-october_export")


def test_a_table_that_is_no_export_is_refused_whole(client: Client, database: Database, tmp_path: Path) -> None:
    # when
    with pytest.raises(InvalidInput) as error:
        load(database, tmp_path, b"id,best\n1,2\n")

    # then
    assert error.value.faults[0].message.startswith("is no export of ACLED: it lacks the columns event_id_cnty")


def test_rows_that_are_not_clear_are_refused_with_their_line(database: Database, tmp_path: Path) -> None:
    # when
    rows = [event(1, 5), event(2, -5), event(3, 5, event_date="2019-13-01"), event(4, 5, changed="")]  # type: ignore[arg-type]
    summary = load(database, tmp_path, as_csv(*rows))

    # then
    assert (summary.created, summary.refused) == (1, 3)
    assert [reason.split(": ")[:2] for reason in summary.reasons] == [
        ["acled.csv, line 3", "fatalities"], ["acled.csv, line 4", "event_date"], ["acled.csv, line 5", "timestamp"],
    ]  # fmt: skip


def test_what_is_exported_in_acleds_columns_is_read_back_unchanged(
    client: Client, database: Database, tmp_path: Path
) -> None:
    # given
    load(database, tmp_path, as_csv(event(1, 53), event(2, 0, time_precision=2), event(3, 9, inter2="", actor2="")))

    # when
    exported = client.get("/v1/incidents?f=acled").content
    summary = load(database, tmp_path, exported)

    # then
    assert exported.splitlines()[0].decode().split(",") == list(COLUMNS)
    assert (summary.unchanged, summary.refused, summary.repaired) == (3, 0, 0)


def test_a_figure_of_acled_stands_beside_those_of_others(client: Client, database: Database, tmp_path: Path) -> None:
    # given
    record(database, draft("ours", external_ids={"acled": "MLI1"}, toll_reports=[figure(49, "army", "2019-11-02")]))

    # when
    load(database, tmp_path, as_csv(event(1, 53)))

    # then
    assert [(r["reported_by"]["id"], r["best"], r["status"]) for r in reports(client, "ours")] == [
        ("army", 49, "standing"), ("acled", 53, "standing"),
    ]  # fmt: skip
