"""QGIS without a screen: feature counts, positions, and filters."""

import json
import os
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Fact, Served, program

pytestmark = pytest.mark.clients
QGIS_PYTHON = os.environ.get("QGIS_PYTHON", "/usr/bin/python3")

FILTERS: dict[str, Callable[[Fact], bool]] = {
    "\"country\" = 'NE'": lambda f: f.country == "NE",
    '"killed_best" >= 10': lambda f: (f.killed or 0) >= 10,
    '"killed_best" IS NULL': lambda f: f.killed is None,
    "\"date_start\" >= '2005-01-01'": lambda f: f.start >= date(2005, 1, 1),
    "\"date_start\" < '2001-01-01' AND \"country\" = 'ML'": lambda f: f.start < date(2001, 1, 1) and f.country == "ML",
    "\"date_end\" <= '1995-12-31'": lambda f: f.end <= date(1995, 12, 31),
}


@pytest.fixture(scope="module")
def read(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What QGIS finds without a filter (``) and with each."""
    python = program(QGIS_PYTHON, "python3-qgis")
    if subprocess.run([python, "-c", "import qgis.core"], capture_output=True).returncode:
        pytest.skip("QGIS is not installed (Debian: python3-qgis, qgis-providers)")
    home = str(tmp_path_factory.mktemp("qgis"))
    ran = subprocess.run(
        [python, Path(__file__).with_name("qgis_reads.py"), f"{served.base}/ogc", json.dumps([*FILTERS])],
        env={"PATH": os.environ["PATH"], "HOME": home, "XDG_RUNTIME_DIR": home, "QT_QPA_PLATFORM": "offscreen"},
        cwd=home, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_the_layer_knows_its_number_of_features(served: Served, read: Any) -> None:
    assert (read[""]["said"], read[""]["count"]) == (len(served.facts), len(served.facts))


def test_every_feature_is_read_once(served: Served, read: Any) -> None:
    assert read[""]["ids"] == served.ids()


def test_the_extent_is_that_of_the_incidents(served: Served, read: Any) -> None:
    longitudes, latitudes = [f.longitude for f in served.facts.values()], [f.latitude for f in served.facts.values()]
    sides = [min(longitudes), min(latitudes), max(longitudes), max(latitudes)]
    assert read[""]["extent"] == pytest.approx(sides, abs=1e-4)


def test_days_have_the_type_of_dates(read: Any) -> None:
    """QGIS takes the types from the first page and reads no schema: figures are text where that page has none."""
    types = read[""]["types"]
    assert (types["date_start"], types["date_end"]) == ("Date", "Date")


@pytest.mark.parametrize("text", FILTERS)
def test_a_filter_matches_brute_force(served: Served, read: Any, text: str) -> None:
    expected = served.ids(FILTERS[text])
    assert 0 < len(expected) < len(served.facts)
    assert (read[text]["ids"], read[text]["count"]) == (expected, len(expected))
