"""Cells that no spreadsheet takes for a formula, and rows that lose nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.columns import INCIDENT_COLUMNS
from app.formats.csv_tables import csv_lines, flat_sums
from app.formats.layouts.plain_cells import read_cell, safe_cell
from app.formats.layouts.plain_incidents import incident_columns

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
UNSEEN = [
    "",
    " ",
    "\n",
    "\r\n",
    "\t",
    "\x00",
    "\x85",
    "\xa0",
    "\u2003",
    "\u2028",
    "\u200b",
    "\u200f",
    "\u202e",
    "\ufeff",
    " \ufeff\n ",
]


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("before", UNSEEN)
def test_text_that_begins_like_a_formula_gets_an_apostrophe(before: str, sign: str) -> None:
    assert safe_cell(f"{before}{sign}1") == f"'{before}{sign}1"


@pytest.mark.parametrize("text", ["\tx", "\rx", "\nx", "'x", "'", "NA", " NA ", "-"])
def test_so_does_text_that_would_be_read_as_another(text: str) -> None:
    assert safe_cell(text) == "'" + text


@given(st.one_of(st.text(), st.text(SIGNS + "'NA \t\r\n\ufeff\xa0x", max_size=6)))
def test_what_is_written_into_a_cell_is_read_back_exactly(text: str) -> None:
    assert read_cell(safe_cell(text)) == text


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
