"""GDAL over OGC API – Features: every feature once, and attribute filters compared with brute force."""

import csv
import io
import subprocess
from collections.abc import Callable
from datetime import date

import pytest

from tests.clients.conftest import Fact, Served, program

pytestmark = pytest.mark.clients


def _ogr(*arguments: str) -> str:
    ran = subprocess.run(
        [program(arguments[0], "gdal-bin"), *arguments[1:]], capture_output=True, text=True, timeout=120
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
    return ran.stdout


def _rows(served: Served, *options: str) -> list[dict[str, str]]:
    """Features as GDAL reads them."""
    return list(
        csv.DictReader(io.StringIO(_ogr("ogr2ogr", "-f", "CSV", "/vsistdout/", f"OAPIF:{served.base}/ogc", *options)))
    )


def _ids(served: Served, *options: str) -> list[str]:
    return sorted(row["id"] for row in _rows(served, *options, "-select", "id"))


@pytest.mark.parametrize("options", [(), ("-oo", "PAGE_SIZE=37")], ids=["its own pages", "pages of 37"])
def test_every_feature_is_read_once(served: Served, options: tuple[str, ...]) -> None:
    assert _ids(served, *options) == served.ids()


def test_figures_and_days_are_typed_even_without_values_on_the_first_page(served: Served) -> None:
    summary = _ogr("ogrinfo", "-so", "-al", f"OAPIF:{served.base}/ogc")
    types = {
        line.split(":")[0]: line.split(": ")[1].split(" ")[0]
        for line in summary.splitlines()
        if " (" in line and ": " in line
    }
    assert {name: types[name] for name in ("killed_best", "killed_low", "date_start", "date_end", "country")} == {
        "killed_best": "Integer", "killed_low": "Integer", "date_start": "Date", "date_end": "Date", "country": "String",
    }  # fmt: skip
    assert f"Feature Count: {len(served.facts)}" in summary


def test_a_figure_that_was_not_reported_is_null(served: Served) -> None:
    read = {row["id"]: row["killed_best"] for row in _rows(served, "-select", "id,killed_best")}
    assert read == {f.id: "" if f.killed is None else str(f.killed) for f in served.facts.values()}


BY_ATTRIBUTE: dict[str, Callable[[Fact], bool]] = {
    "country = 'NE'": lambda f: f.country == "NE",
    "killed_best = 3": lambda f: f.killed == 3,
    "killed_best >= 10": lambda f: f.killed is not None and f.killed >= 10,
    "killed_best > 2 AND country = 'ML'": lambda f: (f.killed or 0) > 2 and f.country == "ML",
    "killed_best IS NULL": lambda f: f.killed is None,
    "country IN ('ML', 'NA')": lambda f: f.country in ("ML", "NA"),
    "country <> 'ML'": lambda f: f.country != "ML",
    "id LIKE 'quiet-01%'": lambda f: f.id.startswith("quiet-01"),
    "date_start >= '2005/01/01'": lambda f: f.start >= date(2005, 1, 1),
    "date_start < '2001/01/01'": lambda f: f.start < date(2001, 1, 1),
    "date_start = '2020/01/05'": lambda f: f.start == date(2020, 1, 5),
    "date_end > '2010/06/30'": lambda f: f.end > date(2010, 6, 30),
    "date_end <= '1995/12/31'": lambda f: f.end <= date(1995, 12, 31),
    "date_start >= '2003/01/01' AND date_end <= '2008/12/31'": lambda f: f.start >= date(2003, 1, 1) and f.end <= date(2008, 12, 31),
    "date_start >= '2003/01/01' AND country = 'NG'": lambda f: f.start >= date(2003, 1, 1) and f.country == "NG",
    "date_start < '1992/01/01' OR killed_best > 20": lambda f: f.start < date(1992, 1, 1) or (f.killed or 0) > 20,
}  # fmt: skip


@pytest.mark.parametrize("where", BY_ATTRIBUTE)
def test_an_attribute_filter_matches_brute_force(served: Served, where: str) -> None:
    expected = served.ids(BY_ATTRIBUTE[where])
    assert 0 < len(expected) < len(served.facts)
    assert _ids(served, "-where", where) == expected


@pytest.mark.parametrize("year", [2015, 2019])
def test_an_incident_over_several_days_is_found_by_its_days(served: Served, year: int) -> None:
    """A comparison of `date_end` is not one of the interval that `datetime` compares."""
    long = [f for f in served.facts.values() if f.start < f.end and f.end.year == year]
    assert long
    for f in long[:3]:
        where = f"date_end = '{f.end:%Y/%m/%d}' AND date_start = '{f.start:%Y/%m/%d}'"
        assert _ids(served, "-where", where) == served.ids(lambda g, f=f: (g.start, g.end) == (f.start, f.end))  # type: ignore[misc]


@pytest.mark.parametrize(
    "box", [(-8.0, 14.0, 1.0, 16.5), (-1e-5, -21.0, 1.0, 0.0), (-1.00000000000000008e-05, -90.0, 0.0, 90.0)]
)
def test_a_box_matches_brute_force(served: Served, box: tuple[float, float, float, float]) -> None:
    west, south, east, north = box
    expected = served.ids(lambda f: west <= f.longitude <= east and south <= f.latitude <= north)
    assert expected
    assert _ids(served, "-spat", *map(repr, box)) == expected
