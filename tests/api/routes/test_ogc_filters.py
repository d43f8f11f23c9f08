"""Filters of OGC API – Features: properties as parameters, every CQL2 language, queryables; compared with Python."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.columns import Type
from app.query.feature_query import EQUAL
from app.query.features import PROPERTIES, QUERYABLES, Property
from app.store.db.database import Database
from tests.api.routes import features
from tests.builders import incident_draft, record, record_report, report_body
from tests.support import Client

ITEMS = "/ogc/collections/incidents/items"
COLLECTION = "/ogc/collections/incidents"


@pytest.fixture(scope="module")
def varied(migrated_file: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """80 incidents with every property, and with every property null."""
    path = tmp_path_factory.mktemp("varied") / "incidents.db"
    path.write_bytes(migrated_file.read_bytes())
    database = Database(f"sqlite:///{path}")
    drafts = features.varied(80)
    for n in range(0, 80, 20):  # recorded at four instants
        record(database, *drafts[n : n + 20])
    client = Client(database)
    yield client
    client.close()
    database.close()


@pytest.fixture(scope="module")
def rows(varied: Client) -> list[dict[str, Any]]:
    """What the features say, each with its id."""
    return [
        f["properties"] | {"id": f["id"], "geometry": f["geometry"]}
        for f in varied.json(f"{ITEMS}?limit=1000")["features"]
    ]


def _ids(client: Client, **parameters: Any) -> set[str]:
    page = client.json(
        ITEMS, params={"limit": 1000} | {name.replace("_lang", "-lang"): v for name, v in parameters.items()}
    )
    found = {feature["id"] for feature in page["features"]}
    assert page["numberMatched"] == len(found) == len(page["features"])
    return found


def _of_python(rows: list[dict[str, Any]], node: Any) -> set[str]:
    return {row["id"] for row in rows if features.evaluate(node, row) is True}


def _sent(name: str, value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_the_rows_contain_every_property(rows: list[dict[str, Any]]) -> None:
    for name in PROPERTIES:
        values = {row[name] for row in rows}
        assert len(values) > 1 or name in ("country", "survived_best", "side_b"), name


@pytest.mark.parametrize("name", QUERYABLES)
def test_a_parameter_named_like_a_property_is_equality(varied: Client, rows: list[dict[str, Any]], name: str) -> None:
    for value in {row[name] for row in rows} - {None, "A" * 300}:
        assert _ids(varied, **{name: _sent(name, value)}) == {row["id"] for row in rows if row[name] == value}, value


@pytest.mark.parametrize("name", QUERYABLES)
def test_every_property_can_be_compared_in_every_language(
    varied: Client, rows: list[dict[str, Any]], name: str
) -> None:
    values = sorted({row[name] for row in rows} - {None})[:12]
    nodes: list[Any] = [{"op": "isNull", "args": [{"property": name}]}]
    for value in values:
        nodes += [{"op": op, "args": [{"property": name}, _literal(name, value)]} for op in ("=", "<>", "<", ">=")]
    for node in nodes:
        expected = _of_python(rows, node)
        assert _ids(varied, filter=json.dumps(node), filter_lang="cql2-json") == expected, node
        assert _ids(varied, filter=features.in_text(node)) == expected, node


def _literal(name: str, value: Any) -> Any:
    return {Type.DAY: {"date": value}, Type.INSTANT: {"timestamp": value}}.get(QUERYABLES[name].kind, value)


def _values(queryable: Property) -> st.SearchStrategy[Any]:
    days = st.integers(1, 28).map(lambda day: f"2020-01-{day:02}")
    instants = st.tuples(days, st.sampled_from(["00:00:00", "12:30:00", "23:59:59.999999"])).map(
        "{0[0]}T{0[1]}Z".format
    )
    moments = st.one_of(days.map(lambda day: {"date": day}), instants.map(lambda instant: {"timestamp": instant}), days)
    texts = [
        *features.TITLES[:-1],
        *features.NAMES,
        "ML",
        "Wani",
        "wani",
        "ML-9",
        "NE; BF",
        "Battles",
        "none",
        "2020-02-02",
        "",
    ]
    return {
        Type.DAY: moments, Type.INSTANT: moments, Type.FLAG: st.booleans(),
        Type.COUNT: st.one_of(st.integers(-1, 50), st.floats(-1, 50)), Type.NUMBERED: st.integers(0, 4),
    }.get(queryable.kind, st.sampled_from(texts))  # fmt: skip


PATTERNS = [
    "%a%", "%A%", "A%", "%i", "_ttack%", r"50\% %", "%[x]%", "%*%", "%?", "%\\\\%", "%_%", "", "%", "WANI", "%ß%", "STRASSE", "%'%", "ba%",
]  # fmt: skip


@st.composite
def _leaves(drawn: st.DrawFn) -> Any:
    name = drawn(st.sampled_from(sorted(QUERYABLES)))
    values, of = _values(QUERYABLES[name]), {"property": name}
    kind = drawn(st.sampled_from(["compared", "compared", "in", "between", "null", "like", "casei"]))
    if kind == "null":
        return {"op": "isNull", "args": [of]}
    if kind == "in":
        return {"op": "in", "args": [of, drawn(st.lists(values, min_size=1, max_size=3))]}
    if kind == "between":
        return {"op": "between", "args": [of, drawn(values), drawn(values)]}
    if QUERYABLES[name].kind in (Type.TEXT, Type.NAMES) and kind in ("like", "casei"):
        sides = [of, drawn(st.sampled_from(PATTERNS))]
        return {"op": "like", "args": [{"op": "casei", "args": [side]} for side in sides] if kind == "casei" else sides}
    return {"op": drawn(st.sampled_from(["=", "<>", "<", "<=", ">", ">="])), "args": [of, drawn(values)]}


CONDITIONS = st.recursive(
    st.one_of(_leaves(), st.booleans()),
    lambda inner: st.one_of(
        inner.map(lambda part: {"op": "not", "args": [part]}),
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)).map(
            lambda t: {"op": t[0], "args": t[1]}
        ),
    ),
    max_leaves=5,
)


@pytest.mark.slow
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CONDITIONS)
def test_any_filter_matches_the_evaluation_in_python(varied: Client, rows: list[dict[str, Any]], node: Any) -> None:
    expected = _of_python(rows, node)
    assert _ids(varied, filter=json.dumps(node), filter_lang="cql2-json") == expected
    assert _ids(varied, filter=features.in_text(node)) == expected


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("folded", [False, True])
def test_any_pattern_matches_the_evaluation_in_python(
    varied: Client, rows: list[dict[str, Any]], pattern: str, folded: bool
) -> None:
    for name in ("title", "place"):
        sides = [{"property": name}, pattern]
        node = {"op": "like", "args": [{"op": "casei", "args": [side]} for side in sides] if folded else sides}
        assert _ids(varied, filter=features.in_text(node)) == _of_python(rows, node)


AS_SENT = [
    # GDAL, in cql-text
    ("date_start > '2020-01-10T'", "cql-text", {"op": ">", "args": [{"property": "date_start"}, "2020-01-10"]}),
    ("date_start >= '2020-01-10T12:00:00Z'", "cql-text", {"op": ">", "args": [{"property": "date_start"}, "2020-01-10"]}),
    ("date_start >= '2020-01-10T12Z'", "cql-text", {"op": ">", "args": [{"property": "date_start"}, "2020-01-10"]}),
    ("killed_disputed = 1", "cql-text", {"op": "=", "args": [{"property": "killed_disputed"}, True]}),
    ("((killed_best >= 5) AND (killed_best <= 20)) AND ((wounded_best IS NULL))", "cql-text",
     {"op": "and", "args": [{"op": "between", "args": [{"property": "killed_best"}, 5, 20]}, {"op": "isNull", "args": [{"property": "wounded_best"}]}]}),
    ("title ILIKE '%MÉNAKA'", "cql-text", {"op": "like", "args": [{"property": "title"}, "%MÉNAKA"]}),
    ("title = 'it''s a \\ backslash'", "cql-text", {"op": "=", "args": [{"property": "title"}, "it's a \\ backslash"]}),
    ("killed_best > 11.50000000000000000", "cql-text", {"op": ">", "args": [{"property": "killed_best"}, 11]}),
    # QGIS 3.32 and later, in cql2-text
    ("(\"date_end\" < DATE('2020-01-15'))", "cql2-text", {"op": "<", "args": [{"property": "date_end"}, "2020-01-15"]}),
    ("(\"updated_at\" > TIMESTAMP('2020-01-01T00:00:00.000Z'))", "cql2-text", True),
    ("(\"killed_best\" > ( - (1)))", "cql2-text", {"op": ">", "args": [{"property": "killed_best"}, -1]}),
    ("(\"killed_disputed\" = TRUE)", "cql2-text", {"op": "=", "args": [{"property": "killed_disputed"}, True]}),
    ("(NOT (\"place\" IS NULL))", "cql2-text", {"op": "not", "args": [{"op": "isNull", "args": [{"property": "place"}]}]}),
    ("(\"place\" IS NOT NULL)", "cql2-text", {"op": "not", "args": [{"op": "isNull", "args": [{"property": "place"}]}]}),
    ("(CASEI(\"title\") LIKE CASEI('%ménaka'))", "cql2-text", {"op": "like", "args": [{"property": "title"}, "%MÉNAKA"]}),
    ("(\"place\" IN ('Wani','Gao'))", "cql2-text", {"op": "in", "args": [{"property": "place"}, ["Wani", "Gao"]]}),
    # others
    ("killed_low < killed_high OR 20 < killed_best", "cql2-text", None),
    ("CASEI(place) = CASEI('WANI')", "cql2-text", {"op": "in", "args": [{"property": "place"}, ["Wani", "wani"]]}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "language", "node"), AS_SENT, ids=[text for text, _, _ in AS_SENT])
def test_filters_of_real_clients_are_accepted(
    varied: Client, rows: list[dict[str, Any]], text: str, language: str, node: Any
) -> None:
    found = _ids(varied, filter=text, filter_lang=language)
    if node is None:
        of_figures = {
            r["id"]
            for r in rows
            if r["killed_best"] is not None and (r["killed_low"] < r["killed_high"] or r["killed_best"] > 20)
        }
        assert found == of_figures
    else:
        assert found == _of_python(rows, node)
    assert len(found) > 0


SHAPES = [
    ("BBOX(-3,10,-2,11)", (-3, 10, -2, 11)), ("BBOX(-3,10,0,-2,11,100)", (-3, 10, -2, 11)), ("POINT(-2.25 10.5)", (-2.25, 10.5, -2.25, 10.5)),
    ("BBOX(100,-90,-100,90)", (100, -90, -100, 90)), ("BBOX(-180,-90,180,90)", (-180, -90, 180, 90)), ("POINT(3 3)", (3, 3, 3, 3)),
    ("BBOX(-2.2500000000000001e+00,1.05e1,0,90)", (-2.25, 10.5, 0, 90)),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "box"), SHAPES)
def test_a_geometry_filter_matches_like_a_box(varied: Client, rows: list[dict[str, Any]], shape: str, box: Any) -> None:
    west, south, east, north = box
    expected = set()
    for row in rows:
        lon, lat = (row["geometry"] or {"coordinates": (999, 999)})["coordinates"]
        between = west <= lon <= east if west <= east else west <= lon <= 180 or -180 <= lon <= east
        expected |= {row["id"]} if south <= lat <= north and between else set()
    assert _ids(varied, filter=f"S_INTERSECTS(geometry,{shape})") == expected
    assert _ids(varied, bbox=",".join(map(str, box))) == expected
    nowhere = {row["id"] for row in rows if row["geometry"] is None}
    assert _ids(varied, filter=f"NOT S_INTERSECTS(geometry,{shape})") == {r["id"] for r in rows} - expected - nowhere
    assert _ids(varied, filter="geometry IS NULL") == nowhere


def test_filters_properties_and_parameters_are_combined(varied: Client, rows: list[dict[str, Any]]) -> None:
    found = _ids(
        varied, filter="killed_best > 2 OR killed_best IS NULL", place="Wani", date_from="2020-01-05", country="Mali"
    )
    expected = {
        r["id"] for r in rows
        if (r["killed_best"] is None or r["killed_best"] > 2) and r["place"] == "Wani" and r["date_end"] >= "2020-01-05"
    }  # fmt: skip
    assert found == expected != set()


def test_pages_keep_the_filter(varied: Client) -> None:
    whole = _ids(varied, filter="killed_best >= 0 AND title LIKE '%a%'", date_precision="day")
    address: str | None = f"{ITEMS}?limit=3&filter=killed_best+%3E%3D+0+AND+title+LIKE+%27%25a%25%27&date_precision=day"
    seen: list[str] = []
    while address:
        page = varied.json(address)
        assert page["numberMatched"] == len(whole)
        seen += [feature["id"] for feature in page["features"]]
        address = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
    assert sorted(seen) == sorted(whole) and len(whole) > 3


def test_a_cursor_belongs_to_its_filter(varied: Client) -> None:
    page = varied.json(ITEMS, params={"limit": 1, "filter": "killed_best > 2"})
    following = next(link["href"] for link in page["links"] if link["rel"] == "next")
    assert varied.get(following).status_code == 200
    for changed in (
        following.replace("+2", "+3"),
        following.replace("killed_best", "killed_high"),
        f"{following}&place=Wani",
    ):
        assert varied.get(changed).status_code == 400


def test_a_filter_compares_what_was_known_at_as_of(database: Database) -> None:
    # given: a figure that was raised later
    record(database, incident_draft("a", toll_reports=[report_body(3)]))
    record_report(database, "a", best=30, reported_on="2020-03-01")
    client = Client(database)

    # then
    assert _ids(client, filter="killed_best = 30") == {"a"}
    assert _ids(client, filter="killed_best = 30", as_of="2020-02-01") == set()
    assert _ids(client, killed_best="3", as_of="2020-02-01") == {"a"}
    client.close()


WRONG = [
    ("kiled_best > 1", "names kiled_best, which is not a property; did you mean killed_best?"),
    ("nothing = 1", "names nothing, which is not a property"),
    ("killed_best > 'x'", "compares killed_best, a number, with what is not a number"),
    ("killed_best = TRUE", "compares killed_best, a number, with what is not a number"),
    ("title = 1", "compares title, which is text, with what is not text in single quotes"),
    ('country = "ML"', "names ML, which is not a property"),
    ("killed_disputed = 2", "compares killed_disputed with what is neither true nor false"),
    ("date_start > 2020", "compares date_start with what is not a day or an instant in single quotes"),
    ("date_start > 'soon'", "is not a day like 2019-11-01 or an instant like 2019-11-01T18:00:00Z"),
    ("date_start > DATE('2020-02-30')", "is not a day of the calendar"),
    ("killed_best = NULL", "compares with NULL; use IS NULL or IS NOT NULL"),
    ("1 = 1", "compares no property"),
    ("killed_best", "has killed_best where a condition is expected"),
    ("'x'", "has a value where a condition is expected"),
    ("date_start < updated_at", "compares date_start with updated_at, which is of another type"),
    ("killed_best LIKE '1%'", "compares killed_best, which is not text, by LIKE"),
    ("CASEI(killed_best) = 'x'", "uses CASEI with killed_best, which is not text"),
    ("T_AFTER(date_start, DATE('2020-01-01'))", "uses t_after; AND, OR, NOT, comparisons, IS NULL, LIKE, BETWEEN, IN, CASEI and S_INTERSECTS are supported"),
    ("S_INTERSECTS(title, POINT(1 2))", "uses S_INTERSECTS with what is not geometry"),
    ("S_INTERSECTS(geometry, POLYGON((0 0,1 0,1 1,0 0)))", "uses S_INTERSECTS with another shape; BBOX(west,south,east,north) and POINT(x y) are supported"),
    ("S_INTERSECTS(geometry, BBOX(0,2,1,1))", "has a shape beyond ±180 and ±90 degrees, or with its south above its north"),
    ("S_INTERSECTS(geometry, BBOX(0,0,1e999,1))", "has a shape whose coordinates are not numbers"),
    ("geometry = 'x'", "compares geometry; use S_INTERSECTS or IS NULL"),
    ("S_INTERSECTS(geometry)", "has s_intersects with other arguments than it takes"),
    ("killed_best >", "ends too early"),
    ("killed_best > 1 +", "cannot be read at character 17: `+`"),
    ("title = 'a\0'", "has a NUL character in it"),
    ("NOT " * 51 + "id = 'a'", "has more than 50 conditions inside of each other"),
    (f"id IN ({','.join(['0'] * 501)})".replace("0", "''"), "compares with more than 500 values"),
    (" OR ".join(["id=''"] * 501), "compares with more than 500 values"),
    ("(" * 5000 + "id = 'a'", "ends too early"),
    ("(" * 100 + "id = 'a' x" + ")" * 100, "cannot be read at character 110: `x)))))))))))))))))))`"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[text[:40] for text, _ in WRONG])
def test_an_unsupported_filter_is_a_400_with_the_reason(varied: Client, text: str, message: str) -> None:
    response = varied.get(ITEMS, params={"filter": text})
    assert (response.status_code, response.headers["content-type"]) == (400, "application/problem+json")
    ((name, told),) = [(fault["name"], fault["message"]) for fault in response.json()["errors"]]
    assert (name, told) == ("filter", message)


WRONG_JSON = [
    "", "[", "null", "1", '"x"', "[]", "{}", '{"op": "="}', '{"op": 1, "args": []}', '{"op": "and", "args": {"a": 1}}',
    '{"op": "and", "args": [true]}', '{"op": "in", "args": [{"property": "id"}, "abc"]}', '{"op": "in", "args": [{"property": "id"}, []]}',
    '{"op": "=", "args": [{"property": 1}, 1]}', '{"op": "=", "args": [{"property": "id"}, null]}', '{"op": "like", "args": [{"property": "id"}, 1]}',
    '{"op": "casei", "args": [{"property": "id"}]}', '{"op": "=", "args": [{"property": "id"}, {"op": "casei", "args": [1]}]}',
    '{"op": "=", "args": [{"property": "killed_best"}, 1e999]}', '{"op": "s_intersects", "args": [{"property": "geometry"}, {"bbox": [1]}]}',
    '{"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Point", "coordinates": "xy"}]}', "NaN", "[" * 5000,
    '{"op": "not", "args": [' * 60 + "true" + "]}" * 60, '{"op": "=", "args": [{"property": "title"}, "\\ud800"]}',
    '{"op": "=", "args": [{"property": "date_start"}, {"date": 1}]}', '{"op": "between", "args": [{"property": "id"}, "a"]}',
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG_JSON)
def test_json_that_is_no_filter_is_a_400(varied: Client, text: str) -> None:
    response = varied.get(ITEMS, params={"filter": text, "filter-lang": "cql2-json"})
    assert response.status_code == 400
    assert [fault["name"] for fault in response.json()["errors"]] == ["filter"]


TREES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5), st.just({"property": "id"})),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(st.sampled_from(["and", "or", "not", "=", "<", "like", "in", "between", "isNull", "casei", "s_intersects", "x"]), st.lists(inner, max_size=3))
        .map(lambda t: {"op": t[0], "args": t[1]}),
        inner.map(lambda value: {"bbox": value}), inner.map(lambda value: {"date": value}), inner.map(lambda value: {"property": value}),
    ),
    max_leaves=8,
)  # fmt: skip


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TREES)
def test_any_json_filter_gets_a_result_or_a_400(varied: Client, tree: Any) -> None:
    response = varied.get(ITEMS, params={"filter": json.dumps(tree), "filter-lang": "cql2-json"})
    assert response.status_code in (200, 400), response.text


WRONG_PARAMETERS = [
    ("killed_best=x", "killed_best"), ("killed_best=", "killed_best"), ("killed_disputed=2", "killed_disputed"),
    ("date_start=soon", "date_start"), ("updated_at=2020-13-01", "updated_at"), ("killed_best=1&killed_best=2", "killed_best"),
    ("geometry=1", "geometry"), ("kiled_best=1", "kiled_best"), ("filter-lang=sql", "filter-lang"), ("filter=a=1&filter=b=1", "filter"),
    ("filter-lang=cql2-json&filter=a=1", "filter"), ("country=Atlantis", "country"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "name"), WRONG_PARAMETERS)
def test_a_parameter_that_cannot_be_compared_is_a_400(varied: Client, query: str, name: str) -> None:
    response = varied.get(f"{ITEMS}?{query}")
    assert response.status_code == 400
    assert name in [fault["name"] for fault in response.json()["errors"]]


def test_a_filter_that_takes_too_long_is_interrupted(migrated_file: Any, varied: Client) -> None:
    many = " OR ".join(f"summary LIKE '%{n}%a%b%'" for n in range(300))
    varied.app.state.reader.read_seconds = 0.02
    response = varied.get(ITEMS, params={"filter": many})
    varied.app.state.reader.read_seconds = 2
    assert response.status_code in (200, 503)


def test_queryables_are_the_properties_with_their_types(varied: Client) -> None:
    response = varied.get(f"{COLLECTION}/queryables")
    schema = response.json()
    assert response.headers["content-type"] == "application/schema+json"
    assert (schema["$schema"], schema["type"]) == ("https://json-schema.org/draft/2020-12/schema", "object")
    assert schema["$id"] == f"http://testserver{COLLECTION}/queryables"
    assert schema["properties"].keys() == {"id", "geometry", *PROPERTIES}
    assert schema["properties"]["geometry"]["$ref"] == "https://geojson.org/schema/Point.json"
    for name, described in schema["properties"].items():
        if name != "geometry":
            assert described["type"] in ("string", "integer", "boolean") and described["description"]


def test_every_queryable_is_a_parameter_and_so_are_its_codes(varied: Client) -> None:
    for name, described in varied.json(f"{COLLECTION}/queryables")["properties"].items():
        for code in described.get("enum", ()):
            assert varied.get(ITEMS, params={name: code, "limit": 1}).status_code == 200
    filtered = {"country", "date_precision", "event_type", "place_precision", "sub_event_type", "type_of_violence"}
    assert set(EQUAL) == {*QUERYABLES} - filtered


def test_the_schema_has_the_types_that_the_features_have(varied: Client, rows: list[dict[str, Any]]) -> None:
    kinds = {"string": str, "integer": int, "boolean": bool}
    schema = varied.json(f"{COLLECTION}/schema")["properties"]
    of_feature = varied.json(f"{COLLECTION}/feature-schema")["properties"]
    assert [schema[name]["x-ogc-propertySeq"] for name in schema] == list(range(1, len(schema) + 1))
    assert {name: described["x-ogc-role"] for name, described in schema.items() if "x-ogc-role" in described} == {
        "id": "id", "geometry": "primary-geometry", "date_start": "primary-interval-start", "date_end": "primary-interval-end"
    }  # fmt: skip
    assert "type" not in schema["geometry"] and "$ref" not in schema["geometry"]
    assert of_feature["properties"]["properties"].keys() == schema.keys() - {"id", "geometry"}
    for row in rows:
        for name in row.keys() - {"geometry"}:
            assert row[name] is None or type(row[name]) is kinds[schema[name]["type"]], name
            assert row[name] is None or row[name] in schema[name].get("enum", [row[name]])


def test_a_collection_links_to_its_schemas_for_every_client(varied: Client) -> None:
    links = {link["rel"]: (link["href"], link["type"]) for link in varied.json(COLLECTION)["links"]}
    base, relations = f"http://testserver{COLLECTION}", "http://www.opengis.net/def/rel/ogc/1.0"
    assert links[f"{relations}/queryables"] == (f"{base}/queryables", "application/schema+json")
    assert links[f"{relations}/schema"] == (f"{base}/schema", "application/schema+json")
    assert links["describedby"] == links["describedBy"] == (f"{base}/feature-schema", "application/schema+json")
