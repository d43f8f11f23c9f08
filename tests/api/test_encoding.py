"""Cells that no spreadsheet takes for a formula, and rows that lose nothing."""

import pytest

from app.api.encoding import csv_lines, flat_sums
from app.domain.layouts.plain import INCIDENT_COLUMNS, incident_columns, safe_cell


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "'x"])
def test_text_that_begins_like_a_formula_gets_an_apostrophe(text: str) -> None:
    assert safe_cell(text) == "'" + text


@pytest.mark.parametrize("value", [-1, -1.5, 0, None, "a=b", "", "1"])
def test_numbers_and_other_text_are_left_alone(value: object) -> None:
    assert safe_cell(value) == value


def test_lines_are_of_the_csv_standard() -> None:
    rows = [{"a": 'say "x", y', "b": None}, {"a": "two\nlines", "b": 0}]
    assert csv_lines(rows, ["a", "b"], header=True) == b'a,b\r\n"say ""x"", y",\r\n"two\nlines",0\r\n'


def test_columns_belong_to_members() -> None:
    assert incident_columns(["id", "region"]) == ["id", "region_code", "region_name"]
    assert incident_columns(None) == list(INCIDENT_COLUMNS)
    assert "killed_best" in incident_columns(["toll"]) and "id" not in incident_columns(["toll"])


def test_sums_become_columns() -> None:
    row = flat_sums({"country": "ML", "incidents": 0, "killed": {"low": 0, "best": None, "high": 2}})
    assert row == {"country": "ML", "incidents": 0, "killed_low": 0, "killed_best": None, "killed_high": 2}
