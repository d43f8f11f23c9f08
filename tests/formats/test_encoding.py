"""CSV cells that no spreadsheet reads as a formula, and rows that round-trip."""

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
def test_text_that_would_be_read_as_escaped_gets_an_apostrophe(text: str) -> None:
    assert safe_cell(text) == "'" + text


@given(st.one_of(st.text(), st.text(SIGNS + "'NA \t\r\n\ufeff\xa0x", max_size=6)))
def test_any_cell_round_trips(text: str) -> None:
    assert read_cell(safe_cell(text)) == text


@pytest.mark.parametrize("value", [-1, -1.5, 0, None, "a=b", "", "1"])
def test_numbers_and_other_text_are_left_alone(value: object) -> None:
    assert safe_cell(value) == value


def test_csv_lines_follow_rfc_4180() -> None:
    rows = [{"a": 'say "x", y', "b": None}, {"a": "two\nlines", "b": 0}]
    assert csv_lines(rows, ["a", "b"], header=True) == b'a,b\r\n"say ""x"", y",\r\n"two\nlines",0\r\n'


def test_every_column_belongs_to_a_member() -> None:
    assert incident_columns(["id", "region"]) == ["id", "region_code", "region_name"]
    assert incident_columns(None) == list(INCIDENT_COLUMNS)
    assert "killed_best" in incident_columns(["toll"]) and "id" not in incident_columns(["toll"])


def test_sums_become_columns() -> None:
    row = flat_sums({"country": "ML", "incidents": 0, "killed": {"low": 0, "best": None, "high": 2}})
    assert row == {"country": "ML", "incidents": 0, "killed_low": 0, "killed_best": None, "killed_high": 2}
