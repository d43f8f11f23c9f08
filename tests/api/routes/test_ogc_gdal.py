"""GDAL as a client of OGC API – Features: layers, types, and attribute filters compared with Python."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.store.db.database import Database
from tests.api.routes import features
from tests.builders import incident_draft, record, report_body
from tests.support import Service

OGRINFO = shutil.which("ogrinfo")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not OGRINFO and "CI" not in os.environ, reason="needs ogrinfo (Debian: gdal-bin)"),
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """60 incidents with every property, and 200 on a line from west to east whose figures are not reported."""
    service = Service(tmp_path_factory.mktemp("gdal"), INCIDENTS_SEED="false")
    line = [incident_draft(f"z-{n:03}", day="2020-12-31", latitude=10.0, longitude=(n - 100) / 10) for n in range(200)]
    shared = [
        incident_draft(f"y-{n}", day="2020-12-30", toll_reports=[report_body(n, reported_on="2020-12-31")])
        for n in range(3)
    ]
    record(Database(f"sqlite:///{service.database}"), *features.varied(60), *line, *shared)
    yield service
    assert "Traceback" not in service.log.read_text()
    service.stop()


@pytest.fixture(scope="module")
def rows(service: Service) -> list[dict[str, Any]]:
    page = httpx.get(f"{service.base}/ogc/collections/incidents/items?limit=1000").json()
    return [feature["properties"] | {"id": feature["id"]} for feature in page["features"]]


def _ogrinfo(*arguments: str, quiet: bool = True) -> str:
    assert OGRINFO, "ogrinfo is not installed"
    command = [OGRINFO, "-al", *arguments, *(["-q"] if quiet else [])]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "ERROR" not in ran.stderr, ran.stderr
    return ran.stdout


def _ids(text: str) -> list[str]:
    return re.findall(r"^  id \(String\) = (.*)$", text, re.MULTILINE)


def test_gdal_lists_every_feature_on_pages_of_any_size(service: Service, rows: list[dict[str, Any]]) -> None:
    for more in ((), ("-oo", "PAGE_SIZE=7"), ("-oo", "PAGE_SIZE=5000")):
        listed = _ids(_ogrinfo(*more, f"OAPIF:{service.base}/ogc"))
        assert sorted(listed) == sorted(row["id"] for row in rows)


def test_gdal_counts_without_reading_everything(service: Service) -> None:
    assert "Feature Count: 263" in _ogrinfo("-so", f"OAPIF:{service.base}/ogc", quiet=False)


def test_gdal_finds_types_though_the_first_page_has_none(service: Service) -> None:
    # given: the first page, the newest incidents, has no figures
    first = httpx.get(f"{service.base}/ogc/collections/incidents/items?limit=10").json()["features"]
    assert {feature["properties"]["killed_best"] for feature in first} == {None}

    # when
    types = dict(
        re.findall(
            r"^(\w+): (\w+(?:\(\w+\))?) ", _ogrinfo("-so", f"OAPIF:{service.base}/ogc", quiet=False), re.MULTILINE
        )
    )

    # then
    assert {
        types[name] for name in types if name.endswith(("_best", "_low", "_high", "_first", "_revisions", "_spread"))
    } == {"Integer"}
    assert (types["killed_disputed"], types["type_of_violence"]) == ("Integer(Boolean)", "Integer")
    assert (types["date_start"], types["date_end"], types["updated_at"]) == ("Date", "Date", "DateTime")
    assert (types["title"], types["near_border"], types["killed_reported_on"]) == ("String", "String", "String")


BOXES = [("-1.05 9 0.05 11", 11), ("-0.00001 9 0.00001 11", 1), ("0 9 0 11", 1), ("-180 -90 180 90", None)]


@pytest.mark.parametrize(("box", "count"), BOXES)
def test_gdal_filters_by_a_box_at_greenwich(service: Service, box: str, count: int | None) -> None:
    found = _ids(_ogrinfo("-where", "date_start = '2020-12-31'", "-spat", *box.split(), f"OAPIF:{service.base}/ogc"))
    assert len(found) == (200 if count is None else count)


def _node(op: str, name: str, *values: Any) -> Any:
    return {"op": op, "args": [{"property": name}, *values]}


def _all(*parts: Any) -> Any:
    return {"op": "and", "args": list(parts)}


def _not(part: Any) -> Any:
    return {"op": "not", "args": [part]}


WHERE = [
    ("date_start = '2020-01-10'", _node("=", "date_start", "2020-01-10")),
    ("date_start >= '2020-01-10'", _node(">=", "date_start", "2020-01-10")),
    ("date_start > '2020/01/10'", _node(">", "date_start", "2020-01-10")),
    ("date_start <> '2020-01-10'", _node("<>", "date_start", "2020-01-10")),
    ("date_start > '2020-01-10T12:00:00'", _node(">", "date_start", "2020-01-10")),
    ("date_end < '2020-01-12'", _node("<", "date_end", "2020-01-12")),
    ("date_end <= '2020-01-12'", _node("<=", "date_end", "2020-01-12")),
    ("date_start >= '2020-01-05' AND date_start <= '2020-01-10'", _node("between", "date_start", "2020-01-05", "2020-01-10")),
    ("date_start >= '2020-01-05' AND date_end < '2020-01-10'",
     _all(_node(">=", "date_start", "2020-01-05"), _node("<", "date_end", "2020-01-10"))),
    ("date_start BETWEEN '2020-01-05' AND '2020-01-10'", _node("between", "date_start", "2020-01-05", "2020-01-10")),
    ("updated_at > '2020-01-01'", _node(">", "updated_at", "2020-01-01")),
    ("updated_at < '2020-01-01T00:00:00Z'", _node("<", "updated_at", "2020-01-01")),
    ("killed_best > 10", _node(">", "killed_best", 10)),
    ("killed_best <> 3", _node("<>", "killed_best", 3)),
    ("killed_best > 2.5 AND killed_best < 12.5", _node("between", "killed_best", 2.5, 12.5)),
    ("NOT (killed_best > 10)", _not(_node(">", "killed_best", 10))),
    ("killed_best IS NULL", _node("isNull", "killed_best")),
    ("wounded_best IS NOT NULL", _not(_node("isNull", "wounded_best"))),
    ("date_start >= '2020-01-10' AND killed_best IS NULL",
     _all(_node(">=", "date_start", "2020-01-10"), _node("isNull", "killed_best"))),
    ("country = 'ML'", _node("=", "country", "ML")),
    ("country = 'NE'", _node("=", "country", "NE")),
    ("place = 'Wani'", _node("=", "place", "Wani")),
    ("district IN ('Gao', 'Ménaka')", _node("in", "district", ["Gao", "Ménaka"])),  # GDAL's own IN, without regard to case
    ("place = 'Wani' OR place IS NULL", {"op": "or", "args": [_node("=", "place", "Wani"), _node("isNull", "place")]}),
    ("title LIKE '%a%'", _node("like", "title", "%a%")),
    ("title LIKE 'Attack on Wan_'", _node("like", "title", "Attack on Wan_")),
    ("title ILIKE '%ménaka'", _node("like", "title", "%MÉNAKA")),
    ("title = 'it''s a \\ backslash'", _node("=", "title", "it's a \\ backslash")),
    ("near_border = 'NE; BF'", _node("=", "near_border", "NE; BF")),
    ("attacker = 'Groupe armé'", _node("=", "attacker", "Groupe armé")),
    ("region_code = 'ML-9'", _node("=", "region_code", "ML-9")),
    ("region_name = 'Une région'", _node("=", "region_name", "Une région")),
    ("killed_disputed = 1", _node("=", "killed_disputed", True)),
    ("killed_disputed = 0 AND killed_open_ended = 1",
     _all(_node("=", "killed_disputed", False), _node("=", "killed_open_ended", True))),
    ("killed_change = 'raised'", _node("=", "killed_change", "raised")),
    ("killed_reported_on >= '2020-02-02'", _node(">=", "killed_reported_on", "2020-02-02")),
    ("event_type = 'Battles' AND type_of_violence = 1 AND killed_best >= 3",
     _all(_node("=", "event_type", "Battles"), _node("=", "type_of_violence", 1), _node(">=", "killed_best", 3))),
]  # fmt: skip


@pytest.mark.parametrize(("where", "node"), WHERE, ids=[where for where, _ in WHERE])
def test_an_attribute_filter_of_gdal_matches_the_evaluation_in_python(
    service: Service, rows: list[dict[str, Any]], where: str, node: Any
) -> None:
    found = _ids(_ogrinfo("-where", where, "-oo", "PAGE_SIZE=1000", f"OAPIF:{service.base}/ogc"))
    assert sorted(found) == sorted(row["id"] for row in rows if features.evaluate(node, row) is True)


@pytest.mark.parametrize(
    "address", ["OAPIF:{}/ogc/collections/incidents", "OAPIF_COLLECTION:{}/ogc/collections/incidents"]
)
def test_gdal_filters_a_collection_address(service: Service, address: str) -> None:
    arguments = [
        "-al",
        "-q",
        "-where",
        "date_start >= '2020-12-30' AND date_end < '2020-12-31'",
        address.format(service.base),
    ]
    assert OGRINFO, "ogrinfo is not installed"
    ran = subprocess.run([OGRINFO, *arguments], capture_output=True, text=True, timeout=60, check=True)
    assert sorted(_ids(ran.stdout)) == ["y-0", "y-1", "y-2"]
