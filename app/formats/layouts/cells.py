"""Reads the cells of a row. Unclear values are rejected; values that are clearly wrong are repaired, with a note."""

import re
from collections.abc import Iterable, Mapping, Set
from datetime import date
from typing import Any, TypeVar

from app.domain.source import MAX_PEOPLE
from app.domain.text import fold
from app.domain.written_days import DayOrder, in_stated_year, read_day
from app.errors import echo
from app.formats.layouts.moments import read_moment

_WHOLE = re.compile(r"[+-]?[0-9]{1,15}(\.(0{0,2}|0{4,})|,0{1,2})?", re.ASCII)
"""`1.000` and `1,000` are a thousand in one country and one in another; programs write one zero, or many."""
_NUMBER = re.compile(r"[+-]?([0-9]{1,15}([.,][0-9]*)?|[.,][0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)
NO_TEXT = frozenset(("NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NaT", "NULL", "null", "None", "-", "--"))
"""Words that R, pandas, databases and people write into an empty cell. Case matters: Nan is a province of Thailand."""
_NO_NUMBER = frozenset(text.casefold() for text in NO_TEXT)
T = TypeVar("T")


class Cells:
    """The cells of a row by column name.

    Methods raise `ValueError` that starts with the name of the column.
    """

    def __init__(self, row: Mapping[str, str], orders: Mapping[str, DayOrder | None] | None = None) -> None:
        self._row = row
        self._orders = orders or {}
        self.repairs: list[str] = []
        """Notes on repaired values. They are recorded: other words would revise the incident at the next import."""

    @property
    def columns(self) -> Set[str]:
        """The names of the columns."""
        return self._row.keys()

    def text(self, *names: str) -> str | None:
        """The first of these columns that is not empty, without surrounding spaces."""
        for name in names:
            if (text := self._row.get(name, "").strip()) and text not in NO_TEXT:
                return text
        return None

    def exact(self, name: str) -> str | None:
        """The exact text of a cell; `None` if it is empty."""
        return self._row.get(name) or None

    def needed(self, *names: str) -> str:
        """Like `text`, but raises `ValueError` if all are empty."""
        text = self.text(*names)
        if text is None:
            raise ValueError(f"{names[0]}: is empty")
        return text

    def _given(self, *names: str) -> str | None:
        """The text of a number or date; `None` for a word that means an empty cell, in any case."""
        text = self.text(*names)
        return None if text is None or text.casefold() in _NO_NUMBER else text

    def whole(self, *names: str) -> int | None:
        """A whole number, also in the notation `12.0`."""
        text = self._given(*names)
        if text is None:
            return None
        if not _WHOLE.fullmatch(text):
            raise ValueError(f"{names[0]}: is not a whole number: {echo(text)}")
        return int(text.replace(",", ".").partition(".")[0])

    def people(self, *names: str) -> int | None:
        """A number of people."""
        count = self.whole(*names)
        if count is not None and not 0 <= count <= MAX_PEOPLE:
            raise ValueError(f"{names[0]}: is not a number of people: {count}")
        return count

    def number(self, *names: str) -> float | None:
        """A number."""
        text = self._given(*names)
        if text is None:
            return None
        if not _NUMBER.fullmatch(text):
            raise ValueError(f"{names[0]}: is not a number: {echo(text)}")
        return float(text.replace(",", "."))

    def day(self, name: str, year: int | None = None) -> date | None:
        """A date in any clear notation. `year` supplies the century of a two-digit year."""
        given = self._given(name)
        if given is None:
            return None
        try:
            read = read_day(given, self._orders.get(name), year)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        if read.repair:
            self.repairs.append(f"{name}: {read.repair}")
        return read.day

    def year(self) -> int | None:
        """The year in the column `year`."""
        year = self.whole("year")
        if year is not None and not 1 <= year <= 9999:
            raise ValueError(f"year: is not a year: {year}")
        return year

    def event_day(self, name: str) -> date | None:
        """The date of an event, which must be in the year of the column `year`."""
        year = self.year()
        day = self.day(name, year)
        return None if day is None else self.in_year(name, day, year)

    def in_year(self, name: str, day: date, year: int | None) -> date:
        """A date that must be in this year. A lost century is repaired."""
        try:
            read = in_stated_year(day, year, self.needed(name))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        if read.repair:
            self.repairs.append(f"{name}: {read.repair}")
        return read.day

    def moment(self, name: str) -> str | None:
        """When something was reported or changed: a date, or an RFC 3339 timestamp."""
        given = self._given(name)
        if given is None:
            return None
        try:
            return read_moment(given, self._orders.get(name))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None

    def code(self, name: str, codes: Mapping[int, T]) -> T | None:
        """The value of a number in a code list."""
        number = self.whole(name)
        if number is not None and number not in codes:
            raise ValueError(f"{name}: is not one of {', '.join(map(str, codes))}: {number}")
        return None if number is None else codes[number]

    def word(self, name: str, words: Iterable[T]) -> T | None:
        """The value of a code list with this name, regardless of case."""
        text = self.text(name)
        return None if text is None else {fold(str(word)): word for word in words}.get(fold(text))

    def place(self) -> tuple[float | None, float | None]:
        """(latitude, longitude) in WGS 84. Invalid ones are repaired: from `geom_wkt`, or to none."""
        try:
            return _on_earth(self.number("latitude"), self.number("longitude"))
        except ValueError as error:
            try:
                found = self._point()
            except ValueError:
                found = None
            self.repairs.append(f"{error}; {'taken from geom_wkt' if found else 'recorded without a point'}")
            return found or (None, None)

    def _point(self) -> tuple[float | None, float | None] | None:
        found = re.fullmatch(r"POINT ?\(([-+0-9.]+) ([-+0-9.]+)\)", self.text("geom_wkt") or "", re.ASCII)
        return _on_earth(float(found[2]), float(found[1])) if found else None

    def others(self, known: Iterable[str]) -> dict[str, Any]:
        """The cells of all other columns that are not empty."""
        left = self._row.keys() - set(known)
        cells = ((name, value.strip()) for name, value in self._row.items() if name in left)
        return {name: value for name, value in cells if value and value not in NO_TEXT}


def _on_earth(latitude: float | None, longitude: float | None) -> tuple[float | None, float | None]:
    if (latitude is None) != (longitude is None):
        raise ValueError(f"{'latitude' if latitude is None else 'longitude'}: is empty, and the other is not")
    if latitude is not None and not -90 <= latitude <= 90:
        raise ValueError(f"latitude: is not within ±90 degrees: {latitude:g}")
    if longitude is not None and not -180 <= longitude <= 180:
        raise ValueError(f"longitude: is not within ±180 degrees: {longitude:g}")
    return latitude, longitude


def range_of(cells: Cells, low: int | None, best: int | None, high: int | None) -> dict[str, Any] | None:
    """A figure of low, best and high as in a toll report; `None` if all are empty.

    Best is kept. Low and high become the minimum and maximum of the three.
    """
    figures = [n for n in (low, best, high) if n is not None]
    if not figures:
        return None
    if best is None and None in (low, high):
        raise ValueError(f"best: is empty, and so is {'low' if low is None else 'high'}")
    lowest, highest = min(figures), max(figures)
    if (low, high) != (lowest, highest):
        given = ", ".join(
            f"{name} {'empty' if n is None else n}"
            for name, n in zip(("low", "best", "high"), (low, best, high), strict=True)
        )
        cells.repairs.append(f"given as {given}; read as low {lowest}, high {highest}")
    if best is not None and lowest == highest:
        return {"bound": "exact", "best": best}
    return {"bound": "range", "low": lowest, "best": best, "high": highest}


def number_of(codes: Mapping[int, str], word: str | None) -> int | None:
    """The number of a word in a code list; the first if several numbers have the same word."""
    return next((number for number, name in codes.items() if name == word), None)
