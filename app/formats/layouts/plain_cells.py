"""Cells of the plain layout: text that no spreadsheet takes for a formula, lists joined by `; `, and JSON."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from app.domain.strict_json import read_json
from app.errors import InvalidInput, echo
from app.formats.layouts.cells import NO_TEXT, Cells
from app.formats.layouts.geography import NAMIBIA

MAX_VALUES_IN_CELL = 1_000_000
"""Members and items of the JSON in one cell; a row may have thousands of reports."""
_UNSEEN = r"\s\x00-\x1f\x7f-\xa0\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
_SIGNS = r"=+\-@" + r"\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
_FORMULA = re.compile(rf"['\t\r\n]|[{_UNSEEN}]*[{_SIGNS}]")
"""The start of text that a spreadsheet takes for a formula: some skip blanks and invisible characters, and read wide
and small signs as the usual ones. A `'` gets another one, so that removing one always restores the text."""
OF_LOG = ("commitment", "salt")
"""Members that belong to the log of one service; another service makes its own."""


def safe_cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: text that starts like one gets a `'` in front.

    So does text that programs write for an empty cell, like `NA`. Numbers are left alone; null is an empty cell.
    """
    if isinstance(value, str) and (_FORMULA.match(value) or value.strip() in NO_TEXT):
        return "'" + value
    return value


def safe_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of safe cells. Namibia's code stays: the table also has the country's other names."""
    return {name: value if (name, value) == ("country", NAMIBIA) else safe_cell(value) for name, value in row.items()}


def read_cell(text: str) -> str:
    """The text of a cell that `safe_cell` wrote; empty for a word that programs write into an empty cell."""
    if text.startswith("'"):
        return text[1:]
    return "" if text.strip() in NO_TEXT else text


def flag_cell(value: Any) -> Any:
    """A boolean as `true` or `false`; other values as they are."""
    return str(value).lower() if isinstance(value, bool) else value


def join(values: Iterable[str]) -> str | None:
    """A list as one cell."""
    return "; ".join(values) or None


def split(text: str | None) -> list[str]:
    """The list in a cell."""
    return [part.strip() for part in (text or "").split(";") if part.strip()]


def json_cell(value: Any) -> str | None:
    """A value as JSON; an empty cell for an empty one."""
    return orjson.dumps(value).decode() if value else None


def read_json_cell(cells: Cells, name: str, empty: Any) -> Any:
    """The JSON in a cell; `empty` for an empty cell. Raises `ValueError` that starts with the path of the value."""
    text = cells.exact(name)
    if text is None:
        return empty
    try:
        return read_json(text.encode("utf-8", errors="surrogatepass"), max_values=MAX_VALUES_IN_CELL)
    except InvalidInput as error:
        (fault,) = error.faults
        member = "" if fault.name == "body" else f".{echo(fault.name)}"
        raise ValueError(f"{name}{member}: {fault.message}") from None


def read_id(cells: Cells, column: str, text: str) -> str:
    """An id in lower case."""
    if text.lower() != text:
        cells.repairs.append(f"{column}: {text} became {text.lower()}, since ids are lowercase")
    return text.lower()


def without_log(reporter_or_source: Mapping[str, Any]) -> dict[str, Any]:
    """A reporter or source without the evidence of this service's log."""
    return {name: value for name, value in reporter_or_source.items() if name not in OF_LOG}
