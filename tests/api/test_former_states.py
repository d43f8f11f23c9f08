"""Former states, waters and Kosovo are countries like any other, wherever a country is read or written."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from app.ingest.formats import import_file, importer_of
from app.query.code_lists import FileFormat
from app.store.db.database import Database
from app.store.maintenance.verify import verify
from tests.builders import incident_body, report_body
from tests.support import Client, Editor, parquet_rows

COUNTRIES = {"vukovar": "YU", "prague": "CSHH", "tanker": "XR", "pec": "XK", "belgrade": "RS", "bonn": "DEXX"}
ACLED = "event_id_cnty,event_date,year,time_precision,event_type,sub_event_type,actor1,actor2,iso,country,admin1,fatalities,timestamp\n"


@pytest.fixture
def records(empty_client: Client, editor: Editor) -> Client:
    """An incident in each of `COUNTRIES`; every second one has a place."""
    for number, (incident_id, country) in enumerate(COUNTRIES.items()):
        place = {"latitude": 44.0 + number, "longitude": 20.0} if number % 2 else {}
        reports = [report_body(number + 1, reported_on="2021-03-16")]
        editor.create("/v1/incidents", incident_body(incident_id, country=country, toll_reports=reports, **place))
    return empty_client


def found(client: Client, query: str) -> list[str]:
    return sorted(item["id"] for item in client.json(f"/v1/incidents?{query}")["items"])


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("country=Yugoslavia", ["vukovar"]), ("country=YU", ["vukovar"]), ("country=YUCS", ["vukovar"]), ("country=yug", ["vukovar"]),
        ("country=Serbia", ["belgrade"]), ("country=Czechoslovakia", ["prague"]), ("country=CSHH", ["prague"]), ("country=CZ&country=SK", []),
        ("country=Red%20Sea", ["tanker"]), ("country=XR", ["tanker"]), ("country=Kosovo", ["pec"]), ("country=XKX", ["pec"]),
        ("country=Germany", []), ("country=West%20Germany", ["bonn"]), ("near_border=Soviet%20Union", []),
    ],
)  # fmt: skip
def test_a_country_filter_excludes_its_predecessor_states(records: Client, query: str, ids: list[str]) -> None:
    assert found(records, query) == ids


def test_a_code_of_two_former_states_is_rejected_with_both_names(records: Client) -> None:
    # when
    answer = records.get("/v1/incidents?country=CS")

    # then
    assert answer.status_code == 422
    message = answer.json()["errors"][0]["message"]
    assert (
        message
        == "is the name of several countries; give the code: Czechoslovakia, CSHH or Serbia and Montenegro, CSXX"
    )


@pytest.mark.parametrize("code", COUNTRIES.values())
def test_every_former_state_has_sums_a_page_and_a_list(records: Client, code: str) -> None:
    # when
    region = records.json(f"/v1/regions/{code}")
    stats = records.json(f"/v1/stats?country={code}&group_by=country,region,year")

    # then
    assert (region["code"], region["kind"], region["incidents"]) == (code, "country", 1)
    assert region["name"] != code
    assert [item["country"] for item in stats["items"]] == [code]
    for page in (
        f"/regions/{code}",
        f"/?country={code}",
        f"/feed.atom?country={code}",
        f"/ogc/collections/incidents/items?country={code}",
    ):
        answer = records.get(page)
        assert answer.status_code == 200, page
        assert region["name"] in answer.text or code in answer.text


def test_an_unknown_country_code_is_a_404_with_a_suggestion(records: Client) -> None:
    # when
    answers = {code: records.get(f"/v1/regions/{code}") for code in ("YUCS", "CS", "XX")}

    # then
    assert {answer.status_code for answer in answers.values()} == {404}
    assert "did you mean Yugoslavia, YU?" in answers["YUCS"].json()["detail"]
    assert "did you mean Czechoslovakia, CSHH or Serbia and Montenegro, CSXX?" in answers["CS"].json()["detail"]


def test_every_format_has_the_same_country(records: Client) -> None:
    # given
    expected = dict(COUNTRIES)

    # when
    by_format: dict[str, dict[str, Any]] = {
        "json": {i["id"]: i["country"] for i in records.json("/v1/incidents")["items"]},
        "geojson": {f["id"]: f["properties"]["country"] for f in records.json("/v1/incidents?f=geojson")["features"]},
        "csv": {r["id"]: r["country"] for r in csv.DictReader(io.StringIO(records.get("/v1/incidents?f=csv").text))},
        "parquet": {r["id"]: r["country"] for r in parquet_rows(records.get("/v1/incidents?f=parquet").content)},
        "regions": {i["incidents"] and i["code"]: i["code"] for i in records.json("/v1/regions")["items"]},
    }

    # then
    assert all(by_format[name] == expected for name in ("json", "geojson", "csv", "parquet"))
    assert set(by_format["regions"]) == set(expected.values())


@pytest.mark.parametrize("layout", ["acled", "ucdp"])
def test_acled_and_ucdp_columns_have_the_name_of_a_former_state(records: Client, layout: str) -> None:
    # when
    rows = list(csv.DictReader(io.StringIO(records.get(f"/v1/incidents?f={layout}&sort=date").text)))

    # then
    column, number = {"acled": ("iso", "891"), "ucdp": ("country_id", "345")}[layout]
    assert next(row[column] for row in rows if row["country"] == "Yugoslavia") == number
    assert sorted(row["country"] for row in rows) == [
        "Czechoslovakia",
        "Kosovo",
        "Red Sea",
        "Serbia",
        "West Germany",
        "Yugoslavia",
    ]


def test_an_export_with_former_states_round_trips(records: Client, database: Database, tmp_path: Path) -> None:
    # given
    file = tmp_path / "ours.csv"
    file.write_bytes(records.get("/v1/incidents?f=csv").content)

    # when
    summary = import_file(importer_of(FileFormat.CSV), file, database, "tests")

    # then
    assert (summary.unchanged, summary.created, summary.revised, summary.refused) == (len(COUNTRIES), 0, 0, 0)
    verify(database)


def test_acleds_waters_are_recorded_found_and_exported(
    empty_client: Client, database: Database, tmp_path: Path
) -> None:
    # given
    rows = "YEM9,2026-05-09,2026,1,Battles,Armed clash,A,B,,{},Off Hodeidah,3,1780000000\n"
    file = tmp_path / "acled.csv"
    file.write_text(ACLED + rows.format("Red Sea"))

    # when
    import_file(importer_of(FileFormat.ACLED), file, database, "tests")

    # then
    assert found(empty_client, "country=Red%20Sea") == ["acled-yem9"]
    incident = empty_client.json("/v1/incidents/acled-yem9")
    assert (incident["country"], incident["region"]) == ("XR", {"code": None, "name": "Off Hodeidah"})
    (written,) = csv.DictReader(io.StringIO(empty_client.get("/v1/incidents?f=acled").text))
    assert (written["country"], written["admin1"]) == ("Red Sea", "Off Hodeidah")


def test_importing_again_updates_a_record_from_an_older_release(
    editor: Editor, database: Database, tmp_path: Path
) -> None:
    # given: Yugoslavia was once read as Serbia
    kept = {"external_ids": {"acled": "YUG1"}, "attributes": {"country": "Yugoslavia"}}
    editor.create(
        "/v1/incidents",
        incident_body(
            "acled-yug1",
            country="RS",
            title="Armed clash: A and B, Vukovar",
            date_start="1991-09-01",
            date_end="1991-09-01",
            **kept,
        ),
    )
    file = tmp_path / "acled.csv"
    file.write_text(ACLED + "YUG1,1991-09-01,1991,1,Battles,Armed clash,A,B,,Yugoslavia,Vukovar,3,700000000\n")
    before = found(editor.client, "country=Serbia")

    # when
    summary = import_file(importer_of(FileFormat.ACLED), file, database, "tests")

    # then
    assert before == ["acled-yug1"]
    assert (summary.revised, summary.refused) == (1, 0)
    assert found(editor.client, "country=Yugoslavia") == ["acled-yug1"]
    assert found(editor.client, "country=Serbia") == []


def test_namesake_regions_are_kept_apart(empty_client: Client, editor: Editor) -> None:
    # given
    for incident_id, region in (("in-city", "Mexico City"), ("in-state", "Estado de México")):
        editor.create("/v1/incidents", incident_body(incident_id, country="MX", region=region))

    # then
    assert (
        found(empty_client, "region=Mexico%20City")
        == found(empty_client, "region=MX-CMX")
        == found(empty_client, "region=Distrito%20Federal&country=MX")
        == ["in-city"]
    )
    assert found(empty_client, "region=Mexico&country=MX") == found(empty_client, "region=MX-MEX") == ["in-state"]


def test_a_region_code_may_carry_the_name_of_a_namesake(editor: Editor) -> None:
    # when
    made = editor.create("/v1/incidents", incident_body("kyiv", country="UA", region={"code": "UA-30", "name": "Kyiv"}))
    refused = editor.post(
        "/v1/incidents", incident_body("lviv", country="UA", region={"code": "UA-30", "name": "Lviv"})
    )

    # then
    assert made["region"] == {"code": "UA-30", "name": "Kyiv"}
    assert refused.status_code == 422
    assert "has the code of Kyiv and the name of Lvivska oblast" in refused.text
