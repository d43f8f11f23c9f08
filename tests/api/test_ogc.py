"""OGC API – Features: the standard's shapes and manners, and GDAL as a reader of it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.api.ogc import CONFORMS_TO, FLAGS, PROPERTIES
from app.domain import filters
from app.store.engine import Database
from app.store.write import recording
from tests.support import Client, Service, draft, figure, record

ITEMS = "/ogc/collections/incidents/items"
INDELIMANE = f"{ITEMS}/ml-2019-11-01-indelimane"


@pytest.fixture
def many(database: Database) -> Iterator[Client]:
    """250 incidents, one a day from 2020-01-01 on, on a line from west to east."""
    drafts = [
        draft(
            f"i-{n:03}", date_start=_day(n), date_end=_day(n), latitude=10.0, longitude=n / 10, toll_reports=[figure(n)]
        )
        for n in range(250)
    ]
    record(database, *drafts)
    client = Client(database)
    yield client
    client.close()


def _day(n: int) -> str:
    return f"2020-{n // 28 + 1:02}-{n % 28 + 1:02}"


def _links(told: Any) -> dict[str, str]:
    return {link["rel"]: link["href"] for link in told["links"]}


def test_the_landing_page_leads_everywhere(client: Client) -> None:
    for address in ("/ogc", "/ogc/"):
        links = _links(client.json(address))
        assert links.keys() == {"self", "service-desc", "service-doc", "conformance", "data"}
        assert links["data"] == "http://testserver/ogc/collections"
        for rel, href in links.items():
            assert client.get(href).status_code == 200, rel


def test_only_what_is_true_is_declared(client: Client) -> None:
    assert client.json("/ogc/conformance") == {"conformsTo": CONFORMS_TO}
    assert [uri.rsplit("/", 1)[1] for uri in CONFORMS_TO] == ["core", "geojson", "oas30"]


def test_the_definition_is_of_openapi_3_0_and_has_every_address(client: Client) -> None:
    answer = client.get("/ogc/api")
    assert answer.headers["content-type"] == "application/vnd.oai.openapi+json;version=3.0"
    told = answer.json()
    assert (told["openapi"], told["servers"]) == ("3.0.3", [{"url": "http://testserver/ogc"}])
    here = {path for path in client.json("/openapi.json")["paths"] if path.startswith("/ogc")}
    assert {f"/ogc{path}".removesuffix("/") for path in told["paths"]} == here
    items = {p["name"]: p["schema"] for p in told["paths"]["/collections/incidents/items"]["get"]["parameters"]}
    assert items.keys() == {p.name for p in filters.FEATURES}
    assert items["radius_km"] == {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 20040}
    assert items["bbox"]["type"] == "array"


def test_the_collection_tells_where_and_when_its_incidents_are(many: Client, database: Database) -> None:
    collection = many.json("/ogc/collections/incidents")
    (box,) = collection["extent"]["spatial"]["bbox"]
    assert box == pytest.approx([0.0, 10.0, 24.9, 10.0], abs=1e-5)
    assert collection["extent"]["temporal"]["interval"] == [["2020-01-01T00:00:00Z", "2020-09-26T23:59:59Z"]]
    assert (collection["id"], collection["itemType"]) == ("incidents", "feature")
    assert many.json("/ogc/collections")["collections"] == [collection]
    record(database, draft("later", day="2021-05-05", latitude=-5.0, longitude=3.0))
    later = many.json("/ogc/collections/incidents")["extent"]
    assert later["spatial"]["bbox"][0][1] == -5.0 and later["temporal"]["interval"][0][1].startswith("2021-05-05")


def test_an_empty_collection_has_no_days(empty_client: Client) -> None:
    extent = empty_client.json("/ogc/collections/incidents")["extent"]
    assert extent["temporal"]["interval"] == [[None, None]]
    assert extent["spatial"]["bbox"] == [[-180.0, -90.0, 180.0, 90.0]]


def test_a_feature_is_flat_and_tells_the_headline(client: Client) -> None:
    answer = client.get(INDELIMANE)
    assert answer.headers["content-type"] == "application/geo+json"
    feature = answer.json()
    told = feature["properties"]
    assert (feature["type"], feature["id"], feature["geometry"]) == ("Feature", "ml-2019-11-01-indelimane", None)
    assert told.keys() == {*PROPERTIES, *(f"killed_{flag}" for flag in FLAGS)}
    assert not any(isinstance(value, dict | list) for value in told.values())
    assert (told["killed_best"], told["killed_first"], told["killed_change"], told["killed_disputed"]) == (
        49,
        53,
        "lowered",
        False,
    )
    assert (told["region_code"], told["wounded_best"], told["missing_best"]) == ("ML-9", 3, None)
    assert _links(feature)["collection"].endswith("/ogc/collections/incidents")
    assert client.get(_links(feature)["alternate"]).json()["id"] == feature["id"]
    assert client.json(f"{INDELIMANE}?as_of=2019-11-01")["properties"]["killed_best"] == 53


def test_a_walk_along_next_meets_every_feature_once(many: Client) -> None:
    address, seen, pages = f"{ITEMS}?limit=40", [], 0
    while address:
        answer = many.get(address)
        page = answer.json()
        assert page["numberReturned"] == len(page["features"]) and "numberMatched" not in page
        seen += [feature["id"] for feature in page["features"]]
        address, pages = _links(page).get("next", ""), pages + 1
    assert pages == 7 and sorted(seen) == [f"i-{n:03}" for n in range(250)]
    assert many.json(f"{ITEMS}?limit=1&total=true")["numberMatched"] == 250


@pytest.mark.parametrize(("limit", "count"), [(None, 100), (1, 1), (1000, 250), (100_000, 250), (10**15, 250)])
def test_a_limit_that_is_too_large_is_lowered(many: Client, limit: int | None, count: int) -> None:
    page = many.json(f"{ITEMS}?limit={limit}" if limit else ITEMS)
    assert page["numberReturned"] == count


DATETIMES = [
    ("2020-01-05", 1), ("2020-01-05T12:00:00Z", 1), ("2020-01-05/2020-01-07", 3), ("../2020-01-03", 3), ("/2020-01-03", 3),
    ("2020-09-20/..", 7), ("2020-09-20/", 7), ("../..", 250), ("2020-01-05T23:30:00-02:00", 1), ("2019-01-01", 0),
    ("2020-01-05T00:00:00Z/2020-01-06T00:00:00Z", 2),
]  # fmt: skip


@pytest.mark.parametrize(("datetime", "count"), DATETIMES)
def test_datetime_meets_the_days_of_incidents(many: Client, datetime: str, count: int) -> None:
    page = many.json(ITEMS, params={"datetime": datetime, "limit": 1000})
    assert page["numberReturned"] == count
    if datetime == "2020-01-05T23:30:00-02:00":
        assert page["features"][0]["properties"]["date_start"] == "2020-01-06"


def test_datetime_and_dates_are_both_kept_to(many: Client) -> None:
    asked = {"datetime": "2020-01-05/2020-01-10", "date_from": "2020-01-08", "date_to": "2020-02-01"}
    assert many.json(ITEMS, params=asked)["numberReturned"] == 3


BOXES = [
    ("1,9,2,11", 11), ("1,9,0,2,11,100", 11), ("24,9,-170,11", 10), ("170,9,0.5,11", 6), ("0,-90,180,90", 250), ("1,11,2,12", 0),
    ("0.949999999999999956,9,2.04999999999999982,11", 11),
]  # fmt: skip


@pytest.mark.parametrize(("bbox", "count"), BOXES)
def test_a_box_may_have_heights_and_span_the_antimeridian(many: Client, bbox: str, count: int) -> None:
    assert many.json(ITEMS, params={"bbox": bbox, "limit": 1000})["numberReturned"] == count


def test_every_filter_holds_here_too(many: Client) -> None:
    assert many.json(f"{ITEMS}?killed_min=240&sort=killed&country=Mali")["features"][0]["id"] == "i-240"
    same = many.ids("/v1/incidents?change=none&killed_max=5&place=&".replace("&place=&", ""))
    assert [f["id"] for f in many.json(f"{ITEMS}?change=none&killed_max=5")["features"]] == same


WRONG = [
    ("limit=0", "limit"), ("limit=-1", "limit"), ("limit=x", "limit"), ("bbox=1,2,3", "bbox"), ("bbox=1,2,3,4,5", "bbox"),
    ("bbox=a,b,c,d", "bbox"), ("datetime=", "datetime"), ("datetime=..", "datetime"), ("datetime=2020-13-01", "datetime"),
    ("datetime=2020-02-01/2020-01-01", "datetime"), ("datetime=a/b/c", "datetime"), ("unknown=1", "unknown"),
    ("f=html", "f"), ("country=Atlantis", "country"), ("region=Atlantis", "region"), ("cursor=x", "cursor"), ("fields=id", "fields"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "name"), WRONG)
def test_a_wrong_parameter_is_a_400_that_names_it(many: Client, query: str, name: str) -> None:
    answer = many.get(f"{ITEMS}?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert [fault["name"] for fault in answer.json()["errors"]] == [name]


@pytest.mark.parametrize(
    "address", ["/ogc", "/ogc/api", "/ogc/conformance", "/ogc/collections", "/ogc/collections/incidents", INDELIMANE]
)
def test_an_unknown_parameter_is_a_400_everywhere(client: Client, address: str) -> None:
    assert client.get(f"{address}?unknown=1").status_code == 400
    assert client.get(f"{address}?f=json").status_code == 200


def test_what_is_not_there_is_told_so(client: Client, database: Database, many: Client) -> None:
    assert client.get("/ogc/collections/others").status_code == 404
    assert client.get(f"{ITEMS}/nobody").status_code == 404
    with recording(database, "tests") as writer:
        writer.withdraw_incident("i-001", "it was a rumour")
    assert many.get(f"{ITEMS}/i-001").status_code == 410


def test_an_unchanged_page_is_a_304(client: Client) -> None:
    for address in (ITEMS, INDELIMANE, "/ogc/collections/incidents", "/ogc"):
        tag = client.get(address).headers["etag"]
        assert client.get(address, headers={"If-None-Match": tag}).status_code == 304


def test_addresses_are_those_of_the_settings_behind_a_proxy(database: Database) -> None:
    client = Client(database, public_url="https://example.org/conflicts/")
    assert _links(client.json("/ogc"))["data"] == "https://example.org/conflicts/ogc/collections"
    assert client.json("/ogc/api")["servers"] == [{"url": "https://example.org/conflicts/ogc"}]
    client.close()


OGRINFO = shutil.which("ogrinfo")


@pytest.mark.skipif(not OGRINFO and "CI" not in os.environ, reason="needs ogrinfo (Debian: gdal-bin)")
def test_gdal_lists_the_features_follows_the_paging_and_filters(tmp_path: Path) -> None:
    # given
    service = Service(tmp_path, INCIDENTS_SEED="false")
    record(
        Database(f"sqlite:///{service.database}"),
        *(draft(f"i-{n:03}", latitude=10.0, longitude=n / 10, toll_reports=[figure(n)]) for n in range(250)),
    )

    # when
    whole, paged, some = (
        _ogrinfo(service.base, *more) for more in ((), ("-oo", "PAGE_SIZE=30"), ("-spat", "0.95", "9", "2.05", "11"))
    )
    service.stop()

    # then
    assert whole.count("OGRFeature(incidents)") == paged.count("OGRFeature(incidents)") == 250
    assert all(f"id (String) = i-{n:03}" in paged for n in range(250))
    assert "killed_best (Integer) = 249" in whole and "date_start (Date) = 2020/01/01" in whole
    assert whole.count("  POINT (") == 250
    assert some.count("OGRFeature(incidents)") == 11
    log = service.log.read_text()
    assert "Traceback" not in log


def _ogrinfo(base: str, *more: str) -> str:
    assert OGRINFO, "ogrinfo is not installed"
    ran = subprocess.run(
        [OGRINFO, "-al", f"OAPIF:{base}/ogc", *more], capture_output=True, text=True, timeout=60, check=True
    )
    assert "ERROR" not in ran.stderr, ran.stderr
    return ran.stdout
