"""Every export format, read by independent libraries: libhxl, DuckDB, geojson-pydantic."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import geojson_pydantic
import hxl
import pytest

from app.domain.columns import COLUMNS
from app.formats.layouts import acled, ucdp
from app.query.code_lists import Format
from app.store.db.database import Database
from tests.builders import incident_draft, record, record_report
from tests.cli.test_commands import CommandLine
from tests.support import Client, parquet_rows

INDELIMANE = "ml-2019-11-01-indelimane"
ASSAULTS = ["ml-2019-10-burkina-border-1", "ml-2019-10-burkina-border-2"]
CORE = frozenset(
    "#access #activity #adm1 #adm2 #adm3 #adm4 #adm5 #affected #beneficiary #capacity #cause #channel #contact #country "
    "#crisis #currency #date #delivery #description #event #frequency #geo #group #impact #indicator #inneed #item #loc "
    "#meta #modality #need #operations #org #output #population #reached #region #respondee #sector #service #severity "
    "#status #subsector #targeted #value".split()
)
"""The core hashtags of HXL 1.1."""
TABLES = (Format.CSV, Format.ACLED, Format.UCDP)
ALL = list(Format)


def rows(form: Format, content: bytes) -> list[Any]:
    """What an answer tells, an entry an incident."""
    if form is Format.PARQUET:
        return parquet_rows(content)
    if form in TABLES:
        return list(csv.DictReader(io.StringIO(content.decode())))
    if form is Format.NDJSON:
        return [json.loads(line) for line in content.splitlines()]
    told = json.loads(content)
    return [f["properties"] | {"id": f["id"]} for f in told["features"]] if form is Format.GEOJSON else told["items"]


@pytest.fixture
def incidents(seeded_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(seeded_file, monkeypatch, capsys)


def test_every_column_has_one_core_hashtag_and_no_two_are_tagged_alike() -> None:
    tags = [hxl.model.Column.parse(column.hxl) for column in COLUMNS.values()]
    assert {tag.tag for tag in tags} <= CORE
    assert len({(tag.tag, frozenset(tag.attributes)) for tag in tags}) == len(COLUMNS)


def opened(content: bytes) -> Any:
    return hxl.data(io.BytesIO(content))


def test_libhxl_reads_the_row_of_hashtags(client: Client) -> None:
    # when
    content = client.get("/v1/incidents?f=csv&hxl=true&sort=date").content
    data = opened(content)

    # then
    assert data.headers == client.get("/v1/incidents?f=csv").text.splitlines()[0].split(",")
    assert data.tags == [column.hxl.split("+")[0] for column in list(COLUMNS.values())[: len(data.tags)]]
    found = [
        (row.get("#event+id"), row.get("#date+start"), row.get("#country+code"), row.get("#adm1+code"),
         row.get("#adm1+name"), row.get("#affected+killed+best"), row.get("#affected+killed+first"),
         row.get("#affected+injured+best"), row.get("#meta+killed+change"), row.get("#group+target"))
        for row in opened(content)
    ]  # fmt: skip
    army = "Malian Armed Forces"
    assert found == [
        *((assault, "2019-09-16", "ML", None, None, None, None, None, None, army) for assault in ASSAULTS),
        (INDELIMANE, "2019-11-01", "ML", "ML-9", "Ménaka", "49", "53", "3", "lowered", army),
    ]


def test_libhxl_validates_the_files_by_its_rules_and_by_ours(client: Client) -> None:
    # given
    content = client.get("/v1/incidents?f=csv&hxl=true").content
    ours = [
        ["#valid_tag", "#valid_required", "#valid_datatype", "#valid_regex", "#valid_severity"],
        ["#event+id", "true", "", "[a-z0-9][a-z0-9._-]*", "error"],
        ["#date+start", "true", "date", "", "error"],
        ["#country+v_iso2-border", "true", "", "^[A-Z]{2}$", "error"],
        ["#country+v_iso3", "true", "", "^[A-Z]{3}$", "error"],
        ["#country+name", "true", "", "", "error"],
        ["#affected", "", "number", "", "error"],
    ]
    wrong = [*ours, ["#adm1+name", "true", "", "", "error"]]

    # when
    default, own, not_met = (hxl.validate(opened(content), schema) for schema in (None, ours, wrong))

    # then
    assert (default["is_valid"], default["issues"]) == (True, [])
    assert (own["is_valid"], own["issues"]) == (True, [])
    assert not not_met["is_valid"] and not_met["stats"]["error"] == 2, "two assaults have no region"


def test_hashtags_follow_the_selected_columns(client: Client) -> None:
    told = client.get("/v1/incidents?hxl=true&fields=id,region&limit=1", headers={"Accept": "text/csv"})
    assert told.text.splitlines() == [
        "id,region_code,region_name",
        "#event+id,#adm1+code,#adm1+name",
        f"{INDELIMANE},ML-9,Ménaka",
    ]
    plain = client.get("/v1/incidents?fields=id,region&f=csv&hxl=false").text
    assert plain == client.get("/v1/incidents?fields=id,region&f=csv").text
    assert "#" not in plain


@pytest.mark.parametrize("form", [form for form in ALL if form is not Format.CSV])
def test_hashtags_are_rejected_for_formats_without_them(client: Client, form: Format) -> None:
    answer = client.get(f"/v1/incidents?hxl=true&f={form}")
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "in": "query",
            "name": "hxl",
            "message": "requires f=csv",
            "value": None,
        }
    ]


CSV_ADDRESSES = [
    "/v1/incidents?f=csv", "/v1/incidents?f=csv&hxl=true", "/v1/incidents?f=csv&limit=1", "/v1/incidents?f=acled",
    "/v1/incidents?f=ucdp", f"/v1/incidents/{INDELIMANE}?f=csv", f"/v1/incidents/{INDELIMANE}/toll-history?f=csv",
    "/v1/toll-reports?f=csv", "/v1/toll-reports?f=csv&limit=1", "/v1/stats?f=csv&group_by=country", "/v1/incidents?f=csv&country=FR",
]  # fmt: skip
OTHER_ADDRESSES = [
    "/v1/incidents?f=parquet", "/v1/incidents", "/v1/incidents?f=geojson", "/v1/incidents?f=ndjson", "/v1/stats",
    f"/v1/incidents/{INDELIMANE}", "/v1/toll-reports?f=ndjson",
]  # fmt: skip


def with_(address: str, more: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}{more}"


@pytest.mark.parametrize("address", CSV_ADDRESSES)
def test_csv_starts_with_a_byte_order_mark_on_request(client: Client, address: str) -> None:
    # when
    bare, marked = client.get(address), client.get(with_(address, "bom=true"))

    # then
    assert not bare.content.startswith(b"\xef\xbb\xbf")
    assert marked.content == b"\xef\xbb\xbf" + bare.content
    assert client.get(with_(address, "bom=false")).content == bare.content
    assert marked.headers["content-type"] == bare.headers["content-type"]


@pytest.mark.parametrize("address", OTHER_ADDRESSES)
def test_a_byte_order_mark_is_rejected_for_other_formats_than_csv(client: Client, address: str) -> None:
    (fault,) = client.get(with_(address, "bom=true")).json()["errors"]
    assert (fault["name"], fault["message"]) == ("bom", "requires a CSV format (f=csv, f=acled, f=ucdp)")


def test_a_long_file_has_one_byte_order_mark(empty_client: Client, database: Database) -> None:
    record(database, *(incident_draft(f"i-{n}", summary="word " * 990) for n in range(450)))
    content = empty_client.get("/v1/incidents?f=csv&bom=true").content
    assert (content[:5], content.count(b"\xef\xbb\xbf")) == (b"\xef\xbb\xbfid", 1)


def test_the_command_line_writes_a_byte_order_mark_too(incidents: CommandLine, client: Client, tmp_path: Path) -> None:
    content = client.get("/v1/incidents?f=csv&bom=true").content
    for layout in ("csv", "acled", "ucdp"):
        words = [] if layout == "csv" else ["--f", layout]
        incidents.run("export", str(tmp_path / "all.csv"), "--bom", *words)
        assert (tmp_path / "all.csv").read_bytes() == client.get(f"/v1/incidents?f={layout}&bom=true").content
    assert incidents.run("find", "--f", "csv", "--bom").stdout.encode() == content
    assert incidents.run("find", "--f", "csv", "--bom", "--limit", "3").stdout.encode() == content


def test_a_country_has_columns_for_its_name_and_its_iso3_code(empty_client: Client, database: Database) -> None:
    # given: pandas takes NA for an empty cell
    record(database, incident_draft("a", country="NA"), incident_draft("b", country="ML", day="2019-01-01"))

    # when
    told = rows(Format.CSV, empty_client.get("/v1/incidents?f=csv").content)

    # then
    names = ("country", "country_name", "country_iso3")
    assert [tuple(row[name] for name in names) for row in told] == [("NA", "Namibia", "NAM"), ("ML", "Mali", "MLI")]
    assert empty_client.get("/v1/incidents?f=csv&fields=country&country=NA").text.split() == [
        ",".join(names),
        "NA,Namibia,NAM",
    ]


HEADLINE = ("low", "best", "high", "open_ended", "first", "change", "revisions", "spread", "disputed", "reports", "reported_on")  # fmt: skip


@pytest.mark.parametrize(
    "address", ["/v1/incidents?f=geojson", "/v1/incidents?f=geojson&limit=3", f"/v1/incidents/{INDELIMANE}?f=geojson"]
)
def test_a_feature_also_has_flat_headline_figures(client: Client, address: str) -> None:
    # when
    told = client.json(address)

    # then
    for feature in told.get("features", [told]):
        properties = feature["properties"]
        for measure in ("killed", "wounded", "missing", "captured", "survived"):
            nested = properties["toll"].get(measure, {})
            flat = {name: properties[f"{measure}_{name}"] for name in HEADLINE}
            assert flat == {name: nested.get(name) for name in HEADLINE}
        assert {name for name in properties if name.startswith("killed_")} == {f"killed_{name}" for name in HEADLINE}
    attack = told.get("features", [told])[0]["properties"]
    assert (attack["killed_best"], attack["killed_first"], attack["missing_best"]) == (49, 53, None)


def test_the_flat_figures_are_selected_with_the_toll(client: Client) -> None:
    (with_toll, without) = (
        client.json(f"/v1/incidents?f=geojson&limit=1&fields={fields}")["features"][0]["properties"]
        for fields in ("title,toll", "title")
    )
    assert with_toll["killed_best"] == 49 and set(without) == {"title"}


def test_the_command_line_writes_hashtags_too(incidents: CommandLine, client: Client, tmp_path: Path) -> None:
    incidents.run("export", str(tmp_path / "all.csv"), "--hxl")
    told = incidents.run("find", "--f", "csv", "--hxl").stdout
    assert (tmp_path / "all.csv").read_bytes() == client.get("/v1/incidents?f=csv&hxl=true").content
    assert told.splitlines()[1].startswith("#event+id,#event+title,")


def test_geojson_follows_rfc_7946(client: Client) -> None:
    # when
    whole = geojson_pydantic.FeatureCollection.model_validate_json(client.get("/v1/incidents?f=geojson").content)
    page = geojson_pydantic.FeatureCollection.model_validate_json(client.get("/v1/incidents?f=geojson&limit=1").content)
    none = geojson_pydantic.FeatureCollection.model_validate_json(
        client.get("/v1/incidents?f=geojson&country=FR").content
    )
    one = geojson_pydantic.Feature.model_validate_json(client.get(f"/v1/incidents/{INDELIMANE}?f=geojson").content)

    # then
    assert [feature.id for feature in whole.features] == [INDELIMANE, *reversed(ASSAULTS)]
    assert [feature.id for feature in page.features] == [INDELIMANE]
    assert none.features == []
    assert one.id == INDELIMANE and one.properties is not None and one.properties["toll"]["killed"]["best"] == 49


def test_geojson_has_points_of_longitude_and_latitude(empty_client: Client, database: Database) -> None:
    record(database, incident_draft("a", latitude=15.5, longitude=-2.25))
    content = empty_client.get("/v1/incidents?f=geojson").content
    (feature,) = geojson_pydantic.FeatureCollection.model_validate_json(content).features
    assert isinstance(feature.geometry, geojson_pydantic.Point)
    assert (feature.geometry.coordinates.longitude, feature.geometry.coordinates.latitude) == (-2.25, 15.5)


ACLED = (
    "event_id_cnty,event_date,year,time_precision,disorder_type,event_type,sub_event_type,actor1,assoc_actor_1,inter1,"
    "actor2,assoc_actor_2,inter2,interaction,civilian_targeting,iso,region,country,admin1,admin2,admin3,location,"
    "latitude,longitude,geo_precision,source,source_scale,notes,fatalities,tags,timestamp"
)
UCDP = (
    "id,relid,year,active_year,code_status,type_of_violence,conflict_dset_id,conflict_new_id,conflict_name,"
    "dyad_dset_id,dyad_new_id,dyad_name,side_a_dset_id,side_a_new_id,side_a,side_b_dset_id,side_b_new_id,side_b,"
    "number_of_sources,source_article,source_office,source_date,source_headline,source_original,where_prec,"
    "where_coordinates,where_description,adm_1,adm_2,latitude,longitude,geom_wkt,priogrid_gid,country,country_id,"
    "region,event_clarity,date_prec,date_start,date_end,deaths_a,deaths_b,deaths_civilians,deaths_unknown,best,high,"
    "low,gwnoa,gwnob"
)


@pytest.mark.parametrize(("form", "columns"), [("acled", ACLED), ("ucdp", UCDP)])
def test_columns_are_those_of_the_dataset_in_its_order(
    client: Client, incidents: CommandLine, tmp_path: Path, form: str, columns: str
) -> None:
    # when
    answer = client.get(f"/v1/incidents?f={form}")
    incidents.run("export", str(tmp_path / "all.csv"), "--f", form)

    # then
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text.splitlines()[0] == columns
    assert (tmp_path / "all.csv").read_bytes() == answer.content
    assert client.get(f"/v1/incidents?f={form}&country=FR").text == f"{columns}\r\n"
    assert columns.split(",") == list({"acled": acled, "ucdp": ucdp}[form].COLUMNS)


def test_values_that_the_seeds_lack_are_blank_in_acleds_columns(client: Client) -> None:
    # when
    attack, *assaults = [filled(row) for row in rows(Format.ACLED, client.get("/v1/incidents?f=acled").content)]

    # then
    assert attack.pop("notes").startswith("An armed group took an army post")
    same = {
        "year": "2019", "event_type": "Battles", "sub_event_type": "Armed clash", "actor1": "Unidentified armed group",
        "actor2": "Malian Armed Forces", "inter2": "State forces", "iso": "466", "country": "Mali",
        "source": "Newspaper article on the attack at Indelimane",
    }  # fmt: skip
    assert attack == same | {
        "event_date": "2019-11-01", "time_precision": "1", "admin1": "Ménaka", "location": "Indelimane",
        "geo_precision": "1", "fatalities": "49", "timestamp": "1572739199",
    }  # fmt: skip
    for assault in assaults:  # whose shared figure is not split
        assert assault.keys() == same.keys() | {"event_date", "time_precision", "geo_precision", "notes", "timestamp"}
        assert (assault["event_date"], assault["time_precision"], assault["geo_precision"]) == ("2019-09-16", "3", "3")


def test_values_that_the_seeds_lack_are_blank_in_ucdps_columns(client: Client) -> None:
    # when
    attack, *assaults = [filled(row) for row in rows(Format.UCDP, client.get("/v1/incidents?f=ucdp").content)]

    # then
    same = {"year": "2019", "type_of_violence": "1", "side_a": "Unidentified armed group",
            "side_b": "Malian Armed Forces", "country": "Mali", "country_id": "432"}  # fmt: skip
    assert attack == same | {
        "where_prec": "1", "where_coordinates": "Indelimane", "adm_1": "Ménaka", "date_prec": "1",
        "date_start": "2019-11-01", "date_end": "2019-11-01", "best": "49", "high": "49", "low": "49",
    }  # fmt: skip
    month = {"where_prec": "6", "date_prec": "4", "date_start": "2019-09-16", "date_end": "2019-10-16"}
    assert assaults == [same | month] * 2


def filled(row: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in row.items() if value}


@pytest.mark.parametrize("form", TABLES)
def test_no_cell_is_a_formula(empty_client: Client, database: Database, form: Format) -> None:
    # given
    record(
        database,
        incident_draft("a", place="=1+1", district="@x", summary="-1", actors=[{"name": "+1", "role": "side_a"}]),
    )

    # when
    (row,) = rows(form, empty_client.get(f"/v1/incidents?f={form}").content)

    # then
    assert {"'=1+1", "'@x", "'+1"} <= set(row.values())
    assert not [cell for cell in row.values() if cell.startswith(("=", "@", "+", "-"))]


def identities(form: Format, content: bytes) -> set[str]:
    """The incidents in an answer: by id, or where the form has none by their dates, which differ."""
    column = {Format.ACLED: "event_date", Format.UCDP: "date_start"}.get(form, "id")
    return {str(row[column]) for row in rows(form, content)}


@pytest.mark.parametrize("form", ALL)
def test_every_format_has_all_matching_incidents(empty_client: Client, database: Database, form: Format) -> None:
    # given: what was reported later is not known before
    record(
        database,
        incident_draft("a", day="2020-01-01"),
        incident_draft("b", day="2020-02-01", country="NE"),
        incident_draft("c", day="2020-03-01"),
    )
    record_report(database, "a", best=5, reported_on="2020-01-02")
    record_report(database, "a", best=7, reported_on="2020-01-03")
    every = {"a": "2020-01-01", "b": "2020-02-01", "c": "2020-03-01"}

    def found(question: str) -> set[str]:
        answer = empty_client.get(f"/v1/incidents?f={form}{question}")
        assert answer.status_code == 200, answer.text
        named = identities(form, answer.content)
        return {name for name, day in every.items() if named & {name, day}}

    # then
    assert found("") == {"a", "b", "c"}
    assert found("&country=NE") == {"b"}
    assert found("&killed_min=7") == {"a"} and found("&killed_min=7&as_of=2020-01-02") == set()
    assert found("&as_of=2020-02-15") == {"a", "b"}
    assert found("&limit=1") == {"c"}
    first = empty_client.get(f"/v1/incidents?f={form}&limit=2")
    following = first.headers["link"].split(";")[0].strip("<>")
    assert f"f={form}" in following and identities(form, empty_client.get(following).content) <= {"a", "2020-01-01"}


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize("limit", ["", "&limit=2"])
def test_head_returns_only_headers_in_every_format(client: Client, form: Format, limit: str) -> None:
    # when
    whole = client.get(f"/v1/incidents?f={form}{limit}")
    head = client.request("HEAD", f"/v1/incidents?f={form}{limit}")

    # then
    assert (whole.status_code, head.status_code, head.content) == (200, 200, b"")
    for name in ("content-type", "etag", "cache-control", "content-disposition", "link"):
        assert head.headers.get(name) == whole.headers.get(name)
    known = client.get(f"/v1/incidents?f={form}{limit}", headers={"If-None-Match": whole.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    assert client.get(f"/v1/incidents?f={form}{limit}").content == whole.content
