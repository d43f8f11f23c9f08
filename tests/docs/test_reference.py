"""The generated parts of the docs are what the code declares."""

import re
from pathlib import Path

import pytest
import yaml

from app import __version__
from tests.docs.pages import PAGES, ROOT, name
from tests.docs.reference import PARTS, filled

GENERATED = [page for page in PAGES if "<!-- generated: " in page.read_text("utf-8")]


@pytest.mark.parametrize("page", GENERATED, ids=name)
def test_the_generated_parts_are_up_to_date(page: Path) -> None:
    assert page.read_text("utf-8") == filled(page), "run `make docs`"


def test_every_generated_part_is_in_exactly_one_page() -> None:
    used = [
        part for page in GENERATED for part in re.findall(r"<!-- generated: ([a-z ]+) -->", page.read_text("utf-8"))
    ]
    assert sorted(used) == sorted(PARTS)


def test_the_citation_names_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == __version__
    assert {"cff-version", "title", "authors", "license"} <= citation.keys()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150
