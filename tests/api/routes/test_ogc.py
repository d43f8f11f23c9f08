"""OGC API – Features: the shapes and rules of the standard."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.api.routes.ogc import CONFORMS_TO
from app.query.feature_query import FeatureQuery
from app.query.features import PROPERTIES
from app.query.query import parameters_of
from app.store.db.database import Database
from app.store.db.statements import Statement
from app.store.read import incident_queries
from app.store.write.writer import recording
from tests.builders import incident_draft, record, report_body
from tests.support import Client

ITEMS = "/ogc/collections/incidents/items"
INDELIMANE = f"{ITEMS}/ml-2019-11-01-indelimane"


@pytest.fixture
def many(database: Database) -> Iterator[Client]:
    """250 incidents, one a day from 2020-01-01 on, on a line from west to east."""
    drafts = [
        incident_draft(
            f"i-{n:03}",
            date_start=_day(n),
            date_end=_day(n),
            latitude=10.0,
            longitude=n / 10,
            toll_reports=[report_body(n, reported_on=_day(n))],
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


def test_the_landing_page_links_to_everything(client: Client) -> None:
    for address in ("/ogc", "/ogc/"):
        links = _links(client.json(address))
        assert links.keys() == {"self", "service-desc", "service-doc", "conformance", "data"}
        assert links["data"] == "http://testserver/ogc/collections"
        for rel, href in links.items():
            assert client.get(href).status_code == 200, rel


def test_only_supported_conformance_classes_are_declared(client: Client) -> None:
    assert client.json("/ogc/conformance") == {"conformsTo": CONFORMS_TO}
    assert {uri.removeprefix("http://www.opengis.net/spec/") for uri in CONFORMS_TO} == {
        *(f"ogcapi-features-1/1.0/conf/{part}" for part in ("core", "geojson", "oas30")),
        *(f"ogcapi-features-3/1.0/conf/{part}" for part in ("queryables", "queryables-query-parameters", "filter", "features-filter")),
        *(f"ogcapi-features-5/1.0/conf/{part}" for part in ("schemas", "core-roles-features", "returnables-and-receivables")),
        *(f"cql2/1.0/conf/{part}" for part in ("cql2-text", "cql2-json", "basic-cql2", "basic-spatial-functions")),
        *(f"cql2/1.0/conf/{part}" for part in ("advanced-comparison-operators", "case-insensitive-comparison")),
    }  # fmt: skip


def test_the_definition_is_of_openapi_3_0_and_has_every_address(client: Client) -> None:
    answer = client.get("/ogc/api")
    assert answer.headers["content-type"] == "application/vnd.oai.openapi+json;version=3.0"
    told = answer.json()
    assert (told["openapi"], told["servers"]) == ("3.0.3", [{"url": "http://testserver/ogc"}])
    here = {path for path in client.json("/openapi.json")["paths"] if path.startswith("/ogc")}
    assert {f"/ogc{path}".removesuffix("/") for path in told["paths"]} == here
    items = _parameters(told)
    assert items.keys() == parameters_of(FeatureQuery).keys()
    assert items["radius_km"]["schema"] == {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 20040}


def _parameters(definition: Any) -> dict[str, Any]:
    """The parameters of features as a client reads them, by name."""
    shared = definition["components"]["parameters"]
    listed = definition["paths"]["/collections/incidents/items"]["get"]["parameters"]
    found = [shared[p["$ref"].removeprefix("#/components/parameters/")] if "$ref" in p else p for p in listed]
    return {p["name"]: p for p in found}


CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
FRAGMENTS: dict[str, dict[str, Any]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
    "bbox": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6},
    "datetime": {"type": "string", "minLength": 1, "maxLength": 200},
    "bbox-crs": {"type": "string", "enum": [CRS84, "http://www.opengis.net/def/crs/OGC/0/CRS84h"], "default": CRS84},
    "filter": {"type": "string", "minLength": 1},
    "filter-lang": {"type": "string", "enum": ["cql2-text", "cql2-json", "cql-text"], "default": "cql2-text"},
    "killed_best": {"type": "integer", "minimum": 0, "format": "int64"},
    "killed_disputed": {"type": "boolean"},
    "date_start": {"type": "string", "format": "date"},
    "type_of_violence": {"type": "integer", "enum": [1, 2, 3]},
    "country": {"type": "string"},
}


@pytest.mark.parametrize("name", FRAGMENTS)
def test_standard_parameters_are_described_as_the_standard_requires(client: Client, name: str) -> None:
    described = _parameters(client.json("/ogc/api"))[name]
    assert (described["in"], described["required"], described["style"], described["explode"]) == (
        "query",
        False,
        "form",
        False,
    )
    assert described["schema"] == FRAGMENTS[name]


def test_qgis_finds_its_page_size(client: Client) -> None:
    schema = client.json("/ogc/api")["components"]["parameters"]["limit"]["schema"]
    assert (schema["default"], schema["maximum"]) == (100, 1000)


def test_the_collection_states_its_spatial_and_temporal_extent(many: Client, database: Database) -> None:
    collection = many.json("/ogc/collections/incidents")
    (box,) = collection["extent"]["spatial"]["bbox"]
    assert box == pytest.approx([0.0, 10.0, 24.9, 10.0], abs=1e-5)
    assert collection["extent"]["temporal"]["interval"] == [["2020-01-01T00:00:00Z", "2020-09-26T23:59:59Z"]]
    assert (collection["id"], collection["itemType"]) == ("incidents", "feature")
    assert many.json("/ogc/collections")["collections"] == [collection]
    record(database, incident_draft("later", day="2021-05-05", latitude=-5.0, longitude=3.0))
    later = many.json("/ogc/collections/incidents")["extent"]
    assert later["spatial"]["bbox"][0][1] == -5.0 and later["temporal"]["interval"][0][1].startswith("2021-05-05")


def test_an_empty_collection_has_no_days(empty_client: Client) -> None:
    extent = empty_client.json("/ogc/collections/incidents")["extent"]
    assert extent["temporal"]["interval"] == [[None, None]]
    assert extent["spatial"]["bbox"] == [[-180.0, -90.0, 180.0, 90.0]]


def test_a_feature_is_flat_and_has_the_headline(client: Client) -> None:
    answer = client.get(INDELIMANE)
    assert answer.headers["content-type"] == "application/geo+json"
    feature = answer.json()
    told = feature["properties"]
    assert (feature["type"], feature["id"], feature["geometry"]) == ("Feature", "ml-2019-11-01-indelimane", None)
    assert told.keys() == {*PROPERTIES}
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


def test_following_next_returns_every_feature_once(many: Client) -> None:
    address, seen, pages = f"{ITEMS}?limit=40", [], 0
    while address:
        answer = many.get(address)
        page = answer.json()
        assert (page["numberReturned"], page["numberMatched"]) == (len(page["features"]), 250)
        seen += [feature["id"] for feature in page["features"]]
        address, pages = _links(page).get("next", ""), pages + 1
    assert pages == 7 and sorted(seen) == [f"i-{n:03}" for n in range(250)]


def test_every_page_states_number_matched_and_counts_once(many: Client, database: Database) -> None:
    # given: a page whose matches were counted
    query = f"{ITEMS}?killed_min=100&limit=10"
    page = many.json(query)
    reader = many.app.state.reader
    assert (page["numberMatched"], page["numberReturned"]) == (150, 10)

    # then: the next page does not count again
    before = reader.statements
    assert many.json(_links(page)["next"])["numberMatched"] == 150
    again = reader.statements - before
    before = reader.statements
    assert "numberMatched" not in many.json(f"{_links(page)['next']}&total=false")
    assert again == reader.statements - before

    # when: something is recorded, then: it counts anew, and pages that began before keep their number
    record(database, incident_draft("more", toll_reports=[report_body(500)]))
    assert many.json(query)["numberMatched"] == 151
    assert many.json(_links(page)["next"])["numberMatched"] == 150


def test_number_matched_is_omitted_when_counting_takes_too_long(many: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # given: counting takes too long, the page does not
    slow = Statement("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n", {})
    monkeypatch.setattr(incident_queries, "select_total", lambda *_: slow)
    many.app.state.reader.read_seconds = 0.05

    # when
    page = many.json(f"{ITEMS}?limit=10")

    # then
    assert page["numberReturned"] == 10 and "numberMatched" not in page


def test_a_page_has_a_timestamp(many: Client) -> None:
    made = datetime.fromisoformat(many.json(ITEMS)["timeStamp"])
    assert abs(datetime.now(UTC) - made) < timedelta(minutes=1)


@pytest.mark.parametrize(("limit", "count"), [(None, 100), (1, 1), (1000, 250), (100_000, 250), (10**15, 250)])
def test_a_limit_that_is_too_large_is_lowered(many: Client, limit: int | None, count: int) -> None:
    page = many.json(f"{ITEMS}?limit={limit}" if limit else ITEMS)
    assert page["numberReturned"] == count


DATETIMES = [
    ("2020-01-05", 1), ("2020-01-05T12:00:00Z", 1), ("2020-01-05/2020-01-07", 3), ("../2020-01-03", 3), ("/2020-01-03", 3),
    ("2020-09-20/..", 7), ("2020-09-20/", 7), ("../..", 250), ("2020-01-05T23:30:00-02:00", 1), ("2019-01-01", 0),
    ("2020-01-05T00:00:00Z/2020-01-06T00:00:00Z", 2),
    # QGIS: an end of the calendar, and what its user typed
    ("0000-01-01T00:00:00Z/2020-01-03", 3), ("2020-09-20/9999-12-31T00:00:00Z", 7), ("2020-01-05T00:00:00.000Z/2020-01-06T10:30:00.500Z", 2),
    ("0000-01-01T00:00:00Z/2020-01-03T00:00:00", 3), ("2020-01-05 10:00:00", 1), ("2020-01-05/2020-01-07T12:00:00Z", 3),
    # GDAL: the parts of a time that it was given
    ("2020-01-05T", 1), ("2020-09-20T/..", 7), ("../2020-01-03T", 3), ("2020-01-05T12Z", 1), ("2020-01-05T12:30Z/2020-01-06T", 2),
    ("2020-01-05T12:00:00+00:00", 1), ("2020-01-05t12:00:00z", 1),
    ("2020-01-05T23:59:59.999999Z", 1), ("2020-01-05T00:00:00.0000000000Z", 1), ("0000-01-01/9999-12-31", 250),
]  # fmt: skip


@pytest.mark.parametrize(("datetime", "count"), DATETIMES)
def test_datetime_matches_the_days_of_incidents(many: Client, datetime: str, count: int) -> None:
    page = many.json(ITEMS, params={"datetime": datetime, "limit": 1000})
    assert page["numberReturned"] == count
    if datetime == "2020-01-05T23:30:00-02:00":
        assert page["features"][0]["properties"]["date_start"] == "2020-01-06"


def test_datetime_and_date_filters_are_combined(many: Client) -> None:
    asked = {"datetime": "2020-01-05/2020-01-10", "date_from": "2020-01-08", "date_to": "2020-02-01"}
    assert many.json(ITEMS, params=asked)["numberReturned"] == 3


BOXES = [
    ("1,9,2,11", 11), ("1,9,0,2,11,100", 11), ("24,9,-170,11", 10), ("170,9,0.5,11", 6), ("0,-90,180,90", 250), ("1,11,2,12", 0),
    ("0.949999999999999956,9,2.04999999999999982,11", 11), ("-1.00000000000000008e-05,9,1e0,1.1E+1", 11), ("0,9e0,1.0e0,11", 11),
    (".05,9,1.,11.", 10), ("+1,9,+2,11", 11), ("1, 9, 2, 11", 11),
]  # fmt: skip


@pytest.mark.parametrize(("bbox", "count"), BOXES)
def test_a_box_may_have_heights_and_span_the_antimeridian(many: Client, bbox: str, count: int) -> None:
    assert many.json(ITEMS, params={"bbox": bbox, "limit": 1000})["numberReturned"] == count


def test_every_incident_filter_works_on_features(many: Client) -> None:
    assert many.json(f"{ITEMS}?killed_min=240&sort=killed&country=Mali")["features"][0]["id"] == "i-240"
    same = many.ids("/v1/incidents?change=none&killed_max=5&place=&".replace("&place=&", ""))
    assert [f["id"] for f in many.json(f"{ITEMS}?change=none&killed_max=5")["features"]] == same


@pytest.mark.parametrize("crs", [CRS84, CRS84.upper(), "http://www.opengis.net/def/crs/OGC/0/CRS84h"])
def test_a_box_may_name_the_reference_system_of_the_collection(many: Client, crs: str) -> None:
    page = many.json(ITEMS, params={"bbox": "1,9,2,11", "bbox-crs": crs, "filter-crs": crs})
    assert page["numberMatched"] == 11


WRONG = [
    ("limit=0", "limit"), ("limit=-1", "limit"), ("limit=x", "limit"), ("bbox=1,2,3", "bbox"), ("bbox=1,2,3,4,5", "bbox"),
    ("bbox=a,b,c,d", "bbox"), ("datetime=", "datetime"), ("datetime=..", "datetime"), ("datetime=2020-13-01", "datetime"),
    ("bbox=1,9,2,11&bbox-crs=http://www.opengis.net/def/crs/EPSG/0/3857", "bbox-crs"), ("filter-crs=EPSG:4326", "filter-crs"),
    ("datetime=2020-01-01T25:00:00Z", "datetime"), ("datetime=2020-02-30", "datetime"), ("datetime=2020-01", "datetime"),
    ("datetime=2020-02-01/2020-01-01", "datetime"), ("datetime=a/b/c", "datetime"), ("unknown=1", "unknown"),
    ("f=html", "f"), ("country=Atlantis", "country"), ("region=Atlantis", "region"), ("cursor=x", "cursor"), ("fields=id", "fields"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "name"), WRONG)
def test_an_invalid_parameter_is_a_400_that_names_it(many: Client, query: str, name: str) -> None:
    answer = many.get(f"{ITEMS}?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert [fault["name"] for fault in answer.json()["errors"]] == [name]


ABOUT = [
    "/ogc", "/ogc/api", "/ogc/conformance", "/ogc/collections", "/ogc/collections/incidents", INDELIMANE,
    *(f"/ogc/collections/incidents/{schema}" for schema in ("queryables", "schema", "feature-schema")),
]  # fmt: skip


@pytest.mark.parametrize("address", ABOUT)
def test_an_unknown_parameter_is_a_400_everywhere(client: Client, address: str) -> None:
    assert client.get(f"{address}?unknown=1").status_code == 400
    assert client.get(f"{address}?f=json").status_code == 200


def test_a_missing_resource_is_a_404(client: Client, database: Database, many: Client) -> None:
    assert client.get("/ogc/collections/others").status_code == 404
    assert client.get(f"{ITEMS}/nobody").status_code == 404
    with recording(database, "tests") as writer:
        writer.withdraw_incident("i-001", "it was a rumour")
    assert many.get(f"{ITEMS}/i-001").status_code == 410


def test_an_unchanged_page_is_a_304(client: Client) -> None:
    for address in (ITEMS, *ABOUT):
        tag = client.get(address).headers["etag"]
        assert client.get(address, headers={"If-None-Match": tag}).status_code == 304


def test_the_etag_depends_on_the_host_in_the_links(client: Client) -> None:
    for address in (ITEMS, *ABOUT):
        here, there = (client.get(address, headers={"Host": host}) for host in ("a.example", "b.example"))
        if "a.example" in here.text:
            assert here.headers["etag"] != there.headers["etag"], address


def test_a_page_with_a_timestamp_has_a_weak_etag(client: Client) -> None:
    assert client.get(ITEMS).headers["etag"].startswith('W/"')
    assert client.get(INDELIMANE).headers["etag"].startswith('"')


@pytest.mark.parametrize("address", [ITEMS, *ABOUT])
def test_head_returns_only_headers(client: Client, address: str) -> None:
    whole, head = client.get(address), client.request("HEAD", address)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-length", "etag"):
        assert head.headers[name] == whole.headers[name]


@pytest.mark.parametrize("address", [ITEMS, *ABOUT])
def test_every_link_is_absolute_and_resolves(many: Client, client: Client, address: str) -> None:
    asked = client if address == INDELIMANE else many
    content = asked.json(f"{address}?limit=10" if address == ITEMS else address)
    of_collections = [link for collection in content.get("collections", ()) for link in collection["links"]]
    for link in [*content.get("links", ()), *of_collections]:
        response = asked.get(link["href"])
        assert link["href"].startswith("http://testserver/")
        assert (response.status_code, response.headers["content-type"].partition(";")[0]) == (
            200,
            link["type"].partition(";")[0],
        ), link


def test_gdal_finds_the_definition_from_the_root(client: Client) -> None:
    response = client.get("/api")
    assert (response.status_code, response.headers["location"]) == (307, "http://testserver/ogc/api")


def test_addresses_use_the_base_url_behind_a_proxy(database: Database) -> None:
    client = Client(database, public_url="https://example.org/conflicts/")
    assert _links(client.json("/ogc"))["data"] == "https://example.org/conflicts/ogc/collections"
    assert client.json("/ogc/api")["servers"] == [{"url": "https://example.org/conflicts/ogc"}]
    client.close()
