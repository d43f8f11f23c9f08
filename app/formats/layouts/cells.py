"""A row of a table, read cell by cell. What is not clear is refused; what is clear but wrong is repaired, and noted."""

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
"""What R, pandas, databases and people write into an empty cell, as they spell it: Nan is a province of Thailand."""
_NO_NUMBER = frozenset(text.casefold() for text in NO_TEXT)
T = TypeVar("T")


class Cells:
    """The cells of a row by their columns' names.

    A reader raises `ValueError` that begins with the column's name, as the rules of records begin with the member's.
    """

    def __init__(self, row: Mapping[str, str], orders: Mapping[str, DayOrder | None] | None = None) -> None:
        self._row = row
        self._orders = orders or {}
        self.repairs: list[str] = []
        """What was put right, each as a sentence."""

    @property
    def columns(self) -> Set[str]:
        """The names of the columns that the table has."""
        return self._row.keys()

    def text(self, *names: str) -> str | None:
        """The first of these columns that has something in it, without spaces around it."""
        for name in names:
            if (told := self._row.get(name, "").strip()) and told not in NO_TEXT:
                return told
        return None

    def exact(self, name: str) -> str | None:
        """What is in a cell, word for word; `None` where it is empty."""
        return self._row.get(name) or None

    def needed(self, *names: str) -> str:
        """The same, which must be there."""
        told = self.text(*names)
        if told is None:
            raise ValueError(f"{names[0]}: is empty")
        return told

    def _given(self, *names: str) -> str | None:
        """A number or day, where one is: programs write some words for none."""
        told = self.text(*names)
        return None if told is None or told.casefold() in _NO_NUMBER else told

    def whole(self, *names: str) -> int | None:
        """A whole number, also as programs write it that know fractions only (`12.0`)."""
        told = self._given(*names)
        if told is None:
            return None
        if not _WHOLE.fullmatch(told):
            raise ValueError(f"{names[0]}: is not a whole number: {echo(told)}")
        return int(told.replace(",", ".").partition(".")[0])

    def people(self, *names: str) -> int | None:
        """A number of people."""
        told = self.whole(*names)
        if told is not None and not 0 <= told <= MAX_PEOPLE:
            raise ValueError(f"{names[0]}: is not a number of people: {told}")
        return told

    def number(self, *names: str) -> float | None:
        """A number."""
        told = self._given(*names)
        if told is None:
            return None
        if not _NUMBER.fullmatch(told):
            raise ValueError(f"{names[0]}: is not a number: {echo(told)}")
        return float(told.replace(",", "."))

    def day(self, name: str, year: int | None = None) -> date | None:
        """A day in any clear form. `year` gives two digits of a year their century."""
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
        """What the column `year` states."""
        year = self.whole("year")
        if year is not None and not 1 <= year <= 9999:
            raise ValueError(f"year: is not a year: {year}")
        return year

    def event_day(self, name: str) -> date | None:
        """The day of an event, which must lie in the year that the column `year` states."""
        year = self.year()
        day = self.day(name, year)
        return None if day is None else self.in_year(name, day, year)

    def in_year(self, name: str, day: date, year: int | None) -> date:
        """A day of a column, which must lie in this year; a century that got lost is repaired from it."""
        try:
            read = in_stated_year(day, year, self.needed(name))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        if read.repair:
            self.repairs.append(f"{name}: {read.repair}")
        return read.day

    def moment(self, name: str) -> str | None:
        """When something was said or changed: a day, or an RFC 3339 instant."""
        given = self._given(name)
        if given is None:
            return None
        try:
            return read_moment(given, self._orders.get(name))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None

    def code(self, name: str, codes: Mapping[int, T]) -> T | None:
        """What a number stands for in a code list."""
        told = self.whole(name)
        if told is not None and told not in codes:
            raise ValueError(f"{name}: is none of {', '.join(map(str, codes))}: {told}")
        return None if told is None else codes[told]

    def word(self, name: str, words: Iterable[T]) -> T | None:
        """The member of a code list that is called so, without regard to case."""
        told = self.text(name)
        return None if told is None else {fold(str(word)): word for word in words}.get(fold(told))

    def place(self) -> tuple[float | None, float | None]:
        """(latitude, longitude), WGS 84; those of `geom_wkt` where they cannot be, else none, which is a repair."""
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
        """The cells of all other columns that have something in them, word for word."""
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
    """A figure of low, best and high as a toll report has it; `None` where nothing is told.

    Best is kept. Low and high that leave it out become the least and greatest of the three.
    """
    told = [n for n in (low, best, high) if n is not None]
    if not told:
        return None
    if best is None and None in (low, high):
        raise ValueError(f"best: is empty, and so is {'low' if low is None else 'high'}")
    least, most = min(told), max(told)
    if (low, high) != (least, most):
        given = ", ".join(
            f"{name} {'empty' if n is None else n}"
            for name, n in zip(("low", "best", "high"), (low, best, high), strict=True)
        )
        cells.repairs.append(f"given as {given}; read as low {least}, high {most}")
    if best is not None and least == most:
        return {"bound": "exact", "best": best}
    return {"bound": "range", "low": least, "best": best, "high": most}


def number_of(codes: Mapping[int, str], word: str | None) -> int | None:
    """The number of a word in a code list: the first, where several mean the same."""
    return next((number for number, told in codes.items() if told == word), None)
